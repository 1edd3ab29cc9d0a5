"""
Resolving the names of upstream hosts, for the engine and for the rewriter.

nginx looks names up when it starts, and never again; it does not start without DNS. So the
appliance resolves names itself, keeps the last good answer for as long as there is no other, and
never takes its own address for upstream's.
"""

from cellar.resolving.addresses import ADDRESSES, Addresses, ResolvingError
from cellar.resolving.command import failures, resolve

__all__ = ["ADDRESSES", "Addresses", "ResolvingError", "failures", "resolve"]
