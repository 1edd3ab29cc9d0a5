"""
Index pages of the Simple API: page in, door, page out.

Nothing in this package knows how upstream is asked or how HTTP is spoken: every function is a pure
function of its arguments.
"""
