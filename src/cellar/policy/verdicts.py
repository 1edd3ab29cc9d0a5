"""What policy says of a file or of a project."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Answer(StrEnum):
    """
    What a rule does with what it matches.

    HIDE takes a file off the pages. REFUSE refuses its URL, and takes it off the pages as well, but
    for the page of a project that is refused as a whole.
    """

    ALLOW = "allow"
    HIDE = "hide"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What the first rule that matches says, or that none does (`rule` is None).

    `sentence` is for clients, ASCII on one line, "" if allowed. `words` say what the rule found,
    "" if no rule matched. `since` and `until` are aware and in UTC, and None where time plays no
    part: since when the rule has held by time alone, and when the verdict changes by time alone.
    """

    answer: Answer
    rule: str | None = None
    sentence: str = ""
    until: datetime | None = None
    words: str = ""
    since: datetime | None = None
