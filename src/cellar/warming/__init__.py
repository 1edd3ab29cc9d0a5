"""Filling the cache ahead of the clients, through the appliance's own doors."""

from cellar.warming.doors import Doors, WarmingError
from cellar.warming.fetching import warm
from cellar.warming.lockfiles import read_lock
from cellar.warming.report import Outcome, Result, as_json, is_all_there
from cellar.warming.selecting import FilterError, Filters
from cellar.warming.wanted import LockError, Wanted

__all__ = [
    "Doors",
    "FilterError",
    "Filters",
    "LockError",
    "Outcome",
    "Result",
    "Wanted",
    "WarmingError",
    "as_json",
    "is_all_there",
    "read_lock",
    "warm",
]
