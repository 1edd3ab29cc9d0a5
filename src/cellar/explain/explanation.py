"""The answer of `cellar explain`: each file with its verdict and where that comes from."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cellar.explain.fate import RULES, Fate
from cellar.explain.question import Question
from cellar.policy import Answer, Policy
from cellar.policy.texts import one_line

_NOTHING = "-"
_HEADINGS = (
    *("FILE", "VERDICT", "RULE", "SETTING", "SINCE", "UNTIL", "WHY"),
    *("STORAGE", "BY", "BECAUSE"),
)


class State(StrEnum):
    """What a file is to clients."""

    OFFERED = "offered"
    HIDDEN = "hidden"
    REFUSED = "refused"


_STATES = {
    Answer.ALLOW: State.OFFERED,
    Answer.HIDE: State.HIDDEN,
    Answer.REFUSE: State.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Row:
    """
    What is said of one file.

    `rule` and `setting` name the rule and the operator's list that it stands in, None if no rule
    matches. `since` and `until` are ISO 8601 in UTC: since when the rule holds for the file, and
    until when if time alone ends it. `storage` is None for a file that is refused: nobody gets it.
    """

    file: str
    verdict: State
    rule: str | None
    setting: str | None
    since: str | None
    until: str | None
    why: str
    storage: Fate | None

    def cells(self) -> tuple[str, ...]:
        """Return the row as it is printed, each cell fit for a terminal."""
        storage = self.storage
        values = (
            *(self.file, self.verdict, self.rule, self.setting, self.since, self.until, self.why),
            *((None, None, None) if storage is None else (storage.place, storage.by, storage.why)),
        )
        return tuple(_NOTHING if value is None else one_line(value) for value in values)


def explain(  # noqa: PLR0913, PLR0917 all that an answer depends on
    question: Question,
    document: Mapping[str, Any],
    project: str,
    policy: Policy,
    fate: Callable[[Mapping[str, Any]], Fate],
    now: datetime,
    in_force_since: datetime,
) -> list[Row]:
    """
    Return a row for each file of a page that is asked about, in the page's order.

    `document` is the page before any policy. `fate` tells what becomes of a file that clients get,
    offered or by a URL that they have already. `in_force_since` is when the settings came into
    force: a rule has held since then, unless it holds for a file because of the file's age.
    """
    rows = []
    for file in document["files"]:
        if not question.is_about(file, project):
            continue
        verdict = policy.file(project, file, now)
        since = verdict.since or in_force_since
        rows.append(
            Row(
                file=file["filename"],
                verdict=_STATES[verdict.answer],
                rule=verdict.rule,
                setting=None if verdict.rule is None else RULES,
                since=None if verdict.rule is None else _written(since),
                until=None if verdict.until is None else _written(verdict.until),
                why="no rule matches" if verdict.rule is None else verdict.words,
                storage=None if verdict.answer is Answer.REFUSE else fate(file),
            )
        )
    return rows


def is_offered(rows: Iterable[Row]) -> bool:
    """Tell whether a client would find any of the files."""
    return any(row.verdict is State.OFFERED for row in rows)


def as_table(rows: Iterable[Row]) -> str:
    """Return rows as lines of text with aligned columns under headings."""
    lines = [_HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_json(question: Question, project: str, rows: Sequence[Row]) -> str:
    """Return rows as one JSON object, with what was asked and whether anything is offered."""
    answer = {
        "requirement": question.text,
        "project": project,
        "offered": is_offered(rows),
        "files": [asdict(row) for row in rows],
    }
    return json.dumps(answer, indent=2)


def _written(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
