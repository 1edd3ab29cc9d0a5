"""
The HTTP contract of an appliance, whatever its engine is.

Seen from outside only: what clients get at the doors, and what upstream has been asked for it.
"""

from support.fixtures import *  # noqa: F403 its __all__ is the list
