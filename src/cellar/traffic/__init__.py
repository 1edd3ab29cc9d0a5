"""
What goes through the appliance, counted from the engine's logs.

The logs are read, never the requests: nothing here stands in anybody's way.
"""

from cellar.traffic.counting import Counted, count
from cellar.traffic.database import TrafficError, is_counted
from cellar.traffic.outcomes import Outcome, outcome
from cellar.traffic.reading import Again, KeptOutFile, Sum, Traffic
from cellar.traffic.reasons import Why
from cellar.traffic.subjects import CACHED_KINDS, Kind

__all__ = [
    "CACHED_KINDS",
    "Again",
    "Counted",
    "KeptOutFile",
    "Kind",
    "Outcome",
    "Sum",
    "Traffic",
    "TrafficError",
    "Why",
    "count",
    "is_counted",
    "outcome",
]
