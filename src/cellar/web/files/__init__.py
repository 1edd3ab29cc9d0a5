"""What the engine is told of a file: what becomes of it, where it comes from, and its bytes."""

from cellar.web.files.oracle import Oracle

__all__ = ["Oracle"]
