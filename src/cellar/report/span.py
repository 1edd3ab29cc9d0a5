"""The days that a report is about."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, UTC; `first` and `last` are both part of it."""

    first: date
    last: date

    @classmethod
    def last_days(cls, days: int, today: date) -> "Span":
        """Return so many days that end with `today`."""
        return cls(today - timedelta(days=days - 1), today)

    @property
    def begins(self) -> int:
        """When it begins, in seconds since 1970."""
        return _midnight(self.first)

    @property
    def ends(self) -> int:
        """When the day behind it begins, in seconds since 1970."""
        return _midnight(self.last + timedelta(days=1))

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=number) for number in range(count)]


def day_at(seconds: float) -> date:
    """Return the day of a time in seconds since 1970, UTC."""
    return datetime.fromtimestamp(seconds, UTC).date()


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
