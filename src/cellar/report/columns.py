"""The columns of a table of figures: what stands above them, and what in them."""

from collections.abc import Callable
from dataclasses import dataclass

from cellar.report.figures import By, Figures
from cellar.units import number, percentage, size


@dataclass(frozen=True, slots=True)
class Column:
    """A heading in lower case, and what figures have below it."""

    heading: str
    cell: Callable[[Figures], str]


_SERVED = Column("served", lambda figures: size(figures.served))
_FETCHED = Column("fetched", lambda figures: size(figures.fetched))
_SAVED = Column("saved", lambda figures: size(figures.saved))
_REQUESTS = Column("requests", lambda figures: number(figures.requests))
_FROM_CACHE = Column("from cache", lambda figures: number(figures.hits))
_HIT_RATIO = Column("hit ratio", lambda figures: percentage(figures.hit_ratio))
_FETCHES = Column("requests", lambda figures: number(figures.fetches))

_ALL = (_SERVED, _FETCHED, _SAVED, _REQUESTS, _FROM_CACHE, _HIT_RATIO)
# The logs do not say for which door something was fetched.
_SOME = {
    By.DOOR: (_SERVED, _REQUESTS, _FROM_CACHE, _HIT_RATIO),
    By.UPSTREAM: (_FETCHED, _FETCHES),
}


def columns(by: By) -> tuple[Column, ...]:
    """Return the columns of a table by one thing."""
    return _SOME.get(by, _ALL)
