"""
The settings file of an appliance: what it may say, and reading it.

The file is TOML, is rendered by the Ansible role and has no optional keys: a value that matters is
written down. `SECTIONS` below is the whole schema; `read_settings` finds every problem in one go.
"""

import difflib
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cellar import rules
from cellar.rules import Rule

DEFAULT_PATH = Path("/etc/cellar/cellar.toml")


class SettingsError(Exception):
    """
    The settings cannot be used.

    `problems` holds one sentence each: the file, the key, what is wrong and what to write instead.
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep the sentences in the order of the file's schema."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def _key(rule: Rule) -> Any:
    return field(metadata={"rule": rule})


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamSettings:
    """
    How the index upstream is asked.

    `index_url` is the base of the Simple API (PEP 503, PEP 691), `files_url` the prefix of the file
    URLs that the appliance caches; both end with a slash. Time-outs are seconds: `read_timeout`
    bounds each wait for bytes, and `connect_timeout + read_timeout` bounds a whole answer, so the
    engine in front has to wait longer than their sum. `page_size_limit` is bytes, decoded.
    """

    index_url: str = _key(rules.BASE_URL)
    files_url: str = _key(rules.BASE_URL)
    ca_file: str = _key(rules.ABSOLUTE_PATH)
    user_agent: str = _key(rules.HEADER_VALUE)
    connect_timeout: float = _key(rules.SECONDS)
    read_timeout: float = _key(rules.SECONDS)
    page_size_limit: int = _key(rules.POSITIVE_BYTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class PagesSettings:
    """What applies to every index page. `max_age` is seconds, an upper bound of freshness."""

    max_age: int = _key(rules.integer(1, 600, "seconds"))


@dataclass(frozen=True, kw_only=True, slots=True)
class RewriterSettings:
    """How the rewriter service runs."""

    workers: int = _key(rules.integer(1, 64, "processes"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplianceSettings:
    """
    The appliance as its own clients see it: what `cellar selftest` asks and expects.

    An empty `ca_file` means the system's trust store. `min_free` is bytes.
    """

    address: str = _key(rules.IP_ADDRESS)
    https_port: int = _key(rules.integer(1, 65535, "a TCP port"))
    server_names: tuple[str, ...] = _key(rules.HOST_NAMES)
    intercept: bool = _key(rules.SWITCH)
    ca_file: str = _key(rules.ABSOLUTE_PATH_OR_EMPTY)
    cache_dir: str = _key(rules.ABSOLUTE_PATH)
    min_free: int = _key(rules.BYTES)
    selftest_project: str = _key(rules.PROJECT_NAME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings of one appliance; one attribute for each section of the file."""

    upstream: UpstreamSettings
    pages: PagesSettings
    rewriter: RewriterSettings
    appliance: ApplianceSettings


SECTIONS: dict[str, type[Any]] = {
    "upstream": UpstreamSettings,
    "pages": PagesSettings,
    "rewriter": RewriterSettings,
    "appliance": ApplianceSettings,
}


def read_settings(path: Path) -> Settings:
    """
    Read and check the settings file at `path`.

    Only the file itself is looked at: whether a CA bundle that it names can be loaded is found out
    by whoever needs it, because settings are also checked before such files are in place.

    Raises:
        SettingsError: with one sentence for every problem in the file.

    """
    document = _load(path)
    problems: list[str] = _unknown(path, "section", "", document, list(SECTIONS))
    sections: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        table = document.get(name, {})
        if not isinstance(table, dict):
            problems.append(
                f"{path}: {name} is {_shown(table)}; it must be a section, written [{name}]."
            )
            continue
        found = _section_problems(path, name, section, table)
        problems += found
        if not found:
            sections[name] = section(
                **{key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
            )
    if problems:
        raise SettingsError(problems)
    return Settings(**sections)


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        remedy = "write the file, or name another one with --settings or CELLAR_SETTINGS"
        raise SettingsError([f"{path}: cannot be read: {reason}; {remedy}."]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: is not UTF-8 text; save it as UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: is not valid TOML: {error}; correct that place."]) from None


def _section_problems(
    path: Path, name: str, section: type[Any], table: dict[str, Any]
) -> list[str]:
    problems = []
    for key in fields(section):
        rule: Rule = key.metadata["rule"]
        if key.name not in table:
            problems.append(f"{path}: {name}.{key.name} is missing; give it {rule.expected}.")
        elif not rule.accepts(table[key.name]):
            value = _shown(table[key.name])
            problems.append(f"{path}: {name}.{key.name} is {value}; it must be {rule.expected}.")
    known = [key.name for key in fields(section)]
    return problems + _unknown(path, "key", f"{name}.", table, known)


def _unknown(
    path: Path, kind: str, prefix: str, table: dict[str, Any], known: list[str]
) -> list[str]:
    problems = []
    for key in table:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, n=1)
        remedy = f"did you mean {prefix}{near[0]}?" if near else "remove it."
        problems.append(f"{path}: {prefix}{key} is not a known {kind}; {remedy}")
    return problems


def _shown(value: object) -> str:
    """Write a wrong value on one line, short enough for a sentence."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    longest = 80
    return text if len(text) <= longest else f"{text[:longest]}…"
