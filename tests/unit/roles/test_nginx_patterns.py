"""Patterns and conditions of nginx's configuration: where the holes of other caches were."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.nginx import cached, locations, name

if TYPE_CHECKING:
    from support.nginx import Directive


def patterns(http: Directive) -> list[str]:
    """Return every regular expression: of locations, maps, server names."""
    found = [each.arguments[1] for each in locations(http) if each.arguments[0] in {"~", "~*"}]
    for each in http.all("map"):
        keys = [entry.name for entry in each.block]
        found += [key.removeprefix("~").removeprefix("*") for key in keys if key.startswith("~")]
    names = [n for each in http.all("server") for v in each.values("server_name") for n in v]
    found += [n[1:] for n in names if n.startswith("~")]
    return found


def test_no_pattern_captures(http: Directive) -> None:
    """CVE-2026-42533, CVE-2026-60005: captures of maps and slices overwrite each other."""
    found = patterns(http)

    assert len(found) > 50
    capturing = [p for p in found if re.compile(p.replace(r"\z", r"\Z")).groups]
    assert capturing == []


def test_nothing_refers_to_a_capture(http: Directive) -> None:
    found = [d for d in http.walk() for a in (d.name, *d.arguments) if re.search(r"\$\{?\d", a)]

    assert found == []


def test_no_pattern_ends_in_a_dollar_sign(http: Directive) -> None:
    r"""A `$` also matches before a line feed at the end, which `%0a` makes; `\z` does not."""
    assert [p for p in patterns(http) if re.search(r"(?<!\\)\$", p)] == []


def test_a_pattern_for_paths_is_bound_at_both_ends(http: Directive) -> None:
    found = [each.arguments for each in locations(http) if each.arguments[0].startswith("~")]

    assert len(found) >= 3
    assert [
        a for a in found if not (a[0] == "~" and a[1].startswith("^/") and a[1].endswith(r"\z"))
    ] == []


# Each lists its patterns by what they begin and end with.
def test_a_pattern_for_a_whole_value_is_bound_at_both_ends(defaults: Directive) -> None:
    maps = {each.arguments[1]: each for each in defaults.all("map")}

    for variable, start in {"$wanted_form": "~*^", "$file_zone": "~"}.items():
        keys = [entry.name for entry in maps[variable].block if entry.name.startswith("~")]
        assert keys
        assert [k for k in keys if not (k.startswith(start) and k.endswith(r"\z"))] == []


DIGEST = "aa/bb/" + "c0" * 30
FILE_PATHS = {
    f"/packages/{DIGEST}/demo-1.0-py3-none-any.whl": True,
    f"/packages/{DIGEST}/demo-1.0-py3-none-any.whl.metadata": True,
    f"/packages/{DIGEST}/demo-1.0.tar.gz": True,
    f"/packages/{DIGEST}/demo-1!2.0+local.1~x.zip": True,
    f"/packages/{DIGEST}/demo-1.0.tar.gz.asc": True,
    f"/packages/{DIGEST}/demo-1.0.tar.gz\n": False,
    f"/packages/{DIGEST}/demo 1.0.tar.gz": False,
    f"/packages/{DIGEST}/sub/demo-1.0.tar.gz": False,
    f"/packages/{DIGEST}/.htaccess": False,
    f"/packages/{DIGEST}/": False,
    f"/packages/{DIGEST.upper()}/demo-1.0.tar.gz": False,
    f"/packages/{DIGEST}0/demo-1.0.tar.gz": False,
    f"/packages/{DIGEST[:-1]}/demo-1.0.tar.gz": False,
    f"/x/packages/{DIGEST}/demo-1.0.tar.gz": False,
    "/packages/source/d/demo/demo-1.0.tar.gz": False,
    f"/packages/{DIGEST}/demo-1.0\x00.tar.gz": False,
    f"/packages/{DIGEST}/démo-1.0.tar.gz": False,
}
PAGE_PATHS = {
    "/simple/demo/": True,
    "/simple/demo-2-extra/": True,
    "/simple/0/": True,
    "/simple/demo": False,
    "/simple/Demo/": False,
    "/simple/demo_x/": False,
    "/simple/demo--x/": False,
    "/simple/-demo/": False,
    "/simple/demo-/": False,
    "/simple/demo/\n": False,
    "/simple/demo/x": False,
    "/simple//": False,
    "/simple/": False,
    "/simple/démo/": False,
}


@pytest.mark.parametrize(
    ("start", "paths"), [("^/packages/", FILE_PATHS), ("^/simple/", PAGE_PATHS)]
)
def test_only_canonical_paths_are_cached(
    defaults: Directive, start: str, paths: dict[str, bool]
) -> None:
    found = {each.arguments[1] for each in cached(defaults) if each.arguments[1].startswith(start)}

    (pattern,) = found
    # In nginx a dot, a bracket and \z mean the same as here; it matches bytes where this is text.
    expression = re.compile(pattern.replace(r"\z", r"\Z"), re.ASCII)
    assert {path: bool(expression.search(path)) for path in paths} == paths


FORBIDDEN = {
    "alias", "autoindex", "dav_methods", "include", "load_module", "perl", "proxy_store", "rewrite",
    "secure_link", "set", "ssi", "sub_filter", "try_files", "user",
}  # fmt: skip


def test_no_directive_that_rewrites_requests_or_answers_is_used(http: Directive) -> None:
    assert sorted({each.name for each in http.walk()} & FORBIDDEN) == []


def test_a_condition_only_ever_returns(http: Directive) -> None:
    """Anything else in an `if` makes a location of its own, that inherits half of this one."""
    conditions = [each for each in http.walk() if each.name == "if"]

    assert conditions
    for condition in conditions:
        allow, answer = condition.block
        assert condition.arguments == ("($not_a_read)",)
        # RFC 9110 section 15.5.6: a 405 says what is allowed.
        assert (allow.name, allow.arguments) == ("add_header", ("Allow", "GET, HEAD", "always"))
        assert (answer.name, answer.arguments[0]) == ("return", "405")


def test_no_directory_is_served_but_the_public_files(http: Directive) -> None:
    roots = {name(each) for each in locations(http) if each.all("root")}

    assert roots <= {"= /ca.pem", "= /ca.pem.sha256"}
    assert http.all("root") == []
