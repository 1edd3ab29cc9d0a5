"""A headless Chromium, spoken to over a pipe (Chrome DevTools Protocol, JSON with a NUL behind)."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Chromium has its ends of the two pipes at 3 and 4; the numbers that they have before are higher.
_START = """
import os, sys
read, write, *command = sys.argv[1:]
os.dup2(int(read), 3)
os.dup2(int(write), 4)
os.execv(command[0], command)
"""
_HIGHER = 10


@dataclass
class Browser:
    """One tab. `events` are those that came, each with `method` and `params`."""

    commands: int
    answers: int
    session: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    _number: int = 0
    _rest: bytes = b""

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """
        Send a command and return its result.

        Raises:
            AssertionError: the browser refuses it, or has gone.

        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self.events.append(answer)

    def wait_for(self, method: str) -> None:
        """Wait for an event."""
        while not any(event["method"] == method for event in self.events):
            self.events.append(self._next())

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, which runs beside the page."""
        found = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def show(self, url: str, *, width: int, scheme: str) -> None:
        """Open a page in a window of a width, with a colour scheme ("light", "dark")."""
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.do("Emulation.setEmulatedMedia", features=features)
        self.events.clear()
        self.do("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def photograph(self, path: Path) -> None:
        """Write the whole page, as it is shown, to a PNG."""
        shot = self.do("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self.answers, 2**20)
            assert read, "the browser has gone"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def opened_browser(profile: Path) -> Iterator[Browser]:
    """
    Start Chromium with a profile of its own, and end it.

    Raises:
        AssertionError: there is no Chromium on this machine.

    """
    program = shutil.which("chromium")
    assert program, "This needs Chromium: run `apt-get install chromium`."
    read, commands = os.pipe()
    answers, write = os.pipe()
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, _HIGHER) for end in (read, write)]
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _START, *map(str, theirs)),
            program,
            "--headless",
            "--no-sandbox",
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=theirs,
    )
    for end in (read, write, *theirs):
        os.close(end)
    try:
        browser = Browser(commands, answers)
        targets = browser.do("Target.getTargets")["targetInfos"]
        (page,) = [target for target in targets if target["type"] == "page"]
        attached = browser.do("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        browser.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            browser.do(f"{domain}.enable")
        yield browser
    finally:
        process.terminate()
        process.wait()
        os.close(commands)
        os.close(answers)
