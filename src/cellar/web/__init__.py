"""How the rewriter speaks HTTP to the caching engine in front of it, its only client."""

from cellar.web.app import create_app

__all__ = ["create_app"]
