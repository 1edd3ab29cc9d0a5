"""The rewriter's log: stderr, which systemd's journal reads."""

import logging
import os
from typing import Any

# Levels of sd-daemon(3), by which the journal files a line.
_PRIORITIES = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class JournalFormatter(logging.Formatter):
    """Marks each line with its priority if stderr goes to the journal, which adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one or, with an exception, several lines."""
        text = super().format(record)
        # systemd.exec(5): set only if stdout or stderr is connected to the journal.
        if "JOURNAL_STREAM" not in os.environ:
            return f"{record.levelname}: {text}"
        priority = _PRIORITIES.get(record.levelno, 6)
        return "\n".join(f"<{priority}>{line}" for line in text.splitlines())


# For logging.config.dictConfig. Requests are not logged: the engine in front does that.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"journal": {"()": JournalFormatter}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "journal"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "cellar": {"level": "INFO"},
        "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        "gunicorn.access": {"handlers": [], "propagate": False},
    },
}
