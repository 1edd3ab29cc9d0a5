"""What a check reports: one line that names the setting, what is wrong and the remedy."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_SHOWN_AT_MOST = 80
# The text of a key given in place of its path, and passwords and tokens inside URLs.
_SECRET = re.compile(r"PRIVATE KEY|://[^/\s]*@|[^\s:/@]+:[^\s:/@]+@|\?\S*=")


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing the operator has to change.

    `subject` is the variable, a part of it such as `cellar_indexes[0].url`, or what of the host is
    concerned. The text form is `subject: wrong; remedy`, always a single line.
    """

    subject: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        """Return the line that the operator reads."""
        return f"{self.subject}: {self.wrong}; {self.remedy}"

    @property
    def setting(self) -> str:
        """The variable that the problem is in: `cellar_indexes` of `cellar_indexes[0].url`."""
        return re.split(r"[\[.]", self.subject, maxsplit=1)[0]


def show(value: object) -> str:
    """Return `value` as it may stand in a message: one line, shortened, never a secret."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if _SECRET.search(text):
        return "value not shown, it may hold a secret"
    if len(text) > _SHOWN_AT_MOST:
        return text[:_SHOWN_AT_MOST] + "…"
    return text
