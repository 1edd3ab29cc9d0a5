"""
How an appliance is: what `cellar status` shows, and the metrics are made of.

Its doors are asked for real, by the checks of the self-test; the rest is read where the timers of
the appliance leave it. What needs a hand is told in sentences.
"""

from cellar.status.problems import problems
from cellar.status.screen import as_json, as_text
from cellar.status.taking import (
    Authority,
    Certificate,
    Disk,
    Door,
    Status,
    ZoneStatus,
    take,
)
from cellar.status.traffic import FAILED, Lately, Passed
from cellar.status.units import ask as ask_units

__all__ = [
    "FAILED",
    "Authority",
    "Certificate",
    "Disk",
    "Door",
    "Lately",
    "Passed",
    "Status",
    "ZoneStatus",
    "as_json",
    "as_text",
    "ask_units",
    "problems",
    "take",
]
