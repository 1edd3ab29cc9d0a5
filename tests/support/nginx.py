"""nginx on this machine: its program, its own check, and its configuration as data."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support import debian
from support.rendering import render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def find_program() -> Path:
    """
    Return nginx: from PATH, else from Debian's package, unpacked below .cellar and not installed.

    Raises:
        FileNotFoundError: when it is neither here nor to be had.

    """
    return debian.find_program("nginx", "usr/sbin/nginx")


def version_line(program: Path) -> str:
    """Return what `nginx -v` says, as the role registers it."""
    done = subprocess.run([program, "-v"], check=True, capture_output=True, text=True, timeout=10)
    return done.stderr.strip()


def check(program: Path, configuration: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run nginx's own check of a whole configuration; nothing outside `directory` is written."""
    command = [str(program), "-t", "-q", "-p", str(directory), "-e", f"{directory}/check.log"]
    command += ["-g", f"pid {directory}/nginx.pid;", "-c", str(configuration)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@dataclass(frozen=True)
class Directive:
    """One directive of nginx's configuration: name, arguments without quotes, and its block."""

    name: str
    arguments: tuple[str, ...]
    block: tuple[Directive, ...]

    def all(self, name: str) -> list[Directive]:
        """Return the directives of that name that stand directly in the block."""
        return [directive for directive in self.block if directive.name == name]

    def values(self, name: str) -> list[tuple[str, ...]]:
        """Return the arguments of the directives of that name, in order."""
        return [directive.arguments for directive in self.all(name)]

    def walk(self) -> Iterator[Directive]:
        """Yield this directive and all below it."""
        yield self
        for directive in self.block:
            yield from directive.walk()


# nginx's own grammar: quotes count only where a word begins, and a word ends at white space, a
# semicolon or an opening brace that is not a variable's.
_TOKEN = re.compile(
    r"""(?P<nothing>\s+|\#[^\n]*)
    |(?P<mark>[;{}])
    |"(?P<double>(?:[^"\\]|\\.)*)"
    |'(?P<single>(?:[^'\\]|\\.)*)'
    |(?P<bare>(?:\$\{|\\.|[^\s;{}])(?:\$\{|\\.|[^\s;{])*)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = {r"\"": '"', r"\'": "'", r"\\": "\\", r"\t": "\t", r"\r": "\r", r"\n": "\n"}


def parse(text: str) -> Directive:
    """
    Return the main context of a configuration that nginx itself accepts.

    Raises:
        ValueError: when a quote or a block is not closed.

    """
    tokens = _tokens(text)
    main = Directive("main", (), tuple(_directives(tokens)))
    if next(tokens, None) is not None:
        raise ValueError("nginx.conf: a closing brace too many")
    return main


def _tokens(text: str) -> Iterator[tuple[bool, str]]:
    """Yield whether it is a mark, and the token without its quotes and escapes."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"nginx.conf: cannot be read from {text[position : position + 40]!r}")
        position = match.end()
        if match.lastgroup != "nothing":
            word = match[str(match.lastgroup)]
            value = re.sub(r"\\.", lambda escape: _ESCAPED.get(escape[0], escape[0]), word)
            yield match.lastgroup == "mark", value


def _directives(tokens: Iterator[tuple[bool, str]]) -> Iterator[Directive]:
    """Yield directives up to the end of the block that the tokens are in."""
    words: list[str] = []
    for is_mark, value in tokens:
        if not is_mark:
            words.append(value)
        elif value == "}":
            break
        else:
            block = tuple(_directives(tokens)) if value == "{" else ()
            yield Directive(words[0], tuple(words[1:]), block)
            words = []
    if words:
        raise ValueError(f"nginx.conf: {' '.join(words)} does not end in a semicolon")


def rendered(**variables: Any) -> Directive:
    """Return the http block of the nginx.conf that the role installs with `variables`."""
    (http,) = parse(render("nginx", "nginx.conf.j2", **variables)).all("http")
    return http


def locations(http: Directive) -> list[Directive]:
    """Return every location of every server."""
    return [each for each in http.walk() if each.name == "location"]


def cached(http: Directive) -> list[Directive]:
    """Return the locations whose answers are stored; there are some."""
    found = [each for each in locations(http) if each.all("proxy_cache")]
    assert found, "no cached location"
    return found


def name(location: Directive) -> str:
    """Return a location as it is written, without quotes."""
    return " ".join(location.arguments)


def server(http: Directive, host: str, *, tls: bool = True) -> Directive:
    """Return the one server that answers for a host name, with TLS or without."""
    (found,) = (
        each
        for each in http.all("server")
        if any(host in names for names in each.values("server_name"))
        if any(("ssl" in arguments) == tls for arguments in each.values("listen"))
    )
    return found
