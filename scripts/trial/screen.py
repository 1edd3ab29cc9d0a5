"""What the user sees."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from demonstration import Demonstration, Run

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Progress:
    """What to call when a step begins, which may be skipped then, and when it has run."""

    begin: Callable[[str], None]
    ran: Callable[[str], None]


class Screen:
    """Progress and results: live on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False)

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """Show the steps of `what`, which the block tells."""
        self.say(what)
        if not self.console.is_terminal:
            # A line stays, so it is printed once it is known not to have been skipped.
            yield Progress(begin=lambda _: None, ran=lambda step: self.say(f"  {step}"))
            return
        with self.console.status("") as status:
            yield Progress(begin=status.update, ran=lambda _: None)

    def fail(self, sentence: str) -> None:
        """Print the sentence that ends a run in failure."""
        self.console.file.flush()
        sys.stderr.write(f"cellar: {sentence}\n")

    def end(self, text: str) -> None:
        """Print the line that says what to do next."""
        self.console.print(text, style="bold", markup=False)

    def show(self, demonstration: Demonstration) -> None:
        """Print what the clients did and what the appliance saved them."""
        table = Table(
            title=f"What the appliance saved ({demonstration.time})", title_justify="left"
        )
        table.add_column("client")
        table.add_column("door")
        for heading in ("first install", "from PyPI", "second install", "from PyPI", "from cache"):
            table.add_column(heading, justify="right")
        for pair in demonstration.pairs:
            first, second = pair.first, pair.second
            table.add_row(
                pair.client,
                pair.door,
                _seconds(first),
                _megabytes(first.upstream),
                _seconds(second),
                _megabytes(second.upstream),
                _megabytes(second.served - second.upstream),
            )
        self.console.print(table)
        seconds = [pair.second for pair in demonstration.pairs]
        fetched = sum(pair.first.upstream for pair in demonstration.pairs)
        served, upstream = sum(run.served for run in seconds), sum(run.upstream for run in seconds)
        saved_time = sum(pair.first.seconds - pair.second.seconds for pair in demonstration.pairs)
        self.say(
            "From cache: what the second install was served, without what came from PyPI for it. "
            "It may be more than was ever fetched, since uv reads the end of a wheel before it "
            "takes the whole."
        )
        self.say(
            f"{len(seconds)} first installs of {', '.join(demonstration.requirements)} had "
            f"{_megabytes(fetched)} fetched from PyPI. The {len(seconds)} second ones took "
            f"{_megabytes(served)}, {_megabytes(served - upstream)} of it from the cache, and were "
            f"{abs(saved_time):.1f} s {'faster' if saved_time >= 0 else 'slower'} in all."
        )


def _seconds(run: Run) -> str:
    return f"{run.seconds:.1f} s"


def _megabytes(count: int) -> str:
    return f"{count / _MEGABYTE:.2f} MB"
