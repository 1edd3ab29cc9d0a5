"""Patterns and conditions of nginx's configuration: where the holes of other caches were."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support import nginx
from support.nginx import cached, locations, name
from unit.roles.variants import HOSTS, ORIGINS

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

    for variable, start in {"$wanted_form": "~*^", "$file_zone_by_name": "~"}.items():
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
OLD_PATHS = {
    "/packages/source/d/demo/demo-1.0.tar.gz": True,
    "/packages/py2.py3/d/demo/demo-1.0-py2.py3-none-any.whl": True,
    "/packages/any/d/demo/demo-1.0.zip": True,
    "/packages/": False,
    "/packages": False,
    "/packages//demo": False,
    "/packages/source/d/demo/demo 1.0.tar.gz": False,
    "/packages/source/d/demo/demo-1.0.tar.gz\n": False,
    "/packages/source/d/démo/demo-1.0.tar.gz": False,
    "/x/packages/source/d/demo/demo-1.0.tar.gz": False,
}
NAMES = {
    "demo": True,
    "demo-2-extra": True,
    "0": True,
    "Demo": False,
    "demo_x": False,
    "demo--x": False,
    "-demo": False,
    "demo-": False,
    "demo/x": False,
    "": False,
    "démo": False,
}
PAGE_PATHS = {
    **{f"/simple/{project}/": canonical for project, canonical in NAMES.items()},
    "/simple/demo": False,
    "/simple/demo/\n": False,
    "/simple/": False,
}
SNAPSHOT_PATHS = {
    **{f"/snapshot/2026-01-31{path}": canonical for path, canonical in PAGE_PATHS.items()},
    "/snapshot/2026-1-31/simple/demo/": False,
    "/snapshot/20260131/simple/demo/": False,
    "/snapshot/2026-01-31T00/simple/demo/": False,
    "/snapshot//simple/demo/": False,
    "/snapshot/2026-01-31/": False,
}
DOCUMENT_PATHS = {
    **{f"/pypi/{n}/json": canonical for n, canonical in NAMES.items() if "/" not in n},
    "/pypi/demo/1!1.0.post1+local_1-2/json": True,
    "/pypi/demo/1.0/json/": False,
    "/pypi/demo/1.0/json\n": False,
    "/pypi/demo/1%2e0/json": False,
    "/pypi/demo//json": False,
    "/pypi/demo/1.0": False,
}
PROVENANCE_PATHS = {
    **{f"/integrity/{n}/1.0/a.whl/provenance": canonical for n, canonical in NAMES.items()},
    "/integrity/demo/1!1.0/demo-1!1.0+a~b.tar.gz/provenance": True,
    "/integrity/demo/1.0/.htaccess/provenance": False,
    "/integrity/demo/1.0/a/b/provenance": False,
    "/integrity/demo/1.0/a.whl/provenance/": False,
}
SHA256 = "0a" * 32
ORIGIN_PATHS = {
    f"/files/files.acme.example/{SHA256}/a/b+c/demo-1!1.0~x.whl.metadata": True,
    f"/files/files.acme.example/{SHA256}/.hidden": True,
    f"/files/files.acme.example/{SHA256}/": False,
    f"/files/files.acme.example/{SHA256}": False,
    f"/files/files.acme.example/{SHA256}//a": False,
    f"/files/files.acme.example/{SHA256}0/a": False,
    f"/files/files.acme.example/{SHA256.upper()}/a": False,
    f"/files/filesxacmexexample/{SHA256}/a": False,
    f"/files/evil.example/{SHA256}/a": False,
    f"/files/files.acme.example:443/{SHA256}/a": False,
    f"/files/files.acme.example/{SHA256}/a b": False,
    f"/files/files.acme.example/{SHA256}/a%2b": False,
    f"/files/files.acme.example/{SHA256}/a\n": False,
}


@pytest.mark.parametrize(
    ("start", "paths"),
    [
        ("^/packages/", FILE_PATHS),
        ("^/packages(", OLD_PATHS),
        ("^/simple/", PAGE_PATHS),
        ("^/snapshot/", SNAPSHOT_PATHS),
        ("^/pypi/", DOCUMENT_PATHS),
        ("^/integrity/", PROVENANCE_PATHS),
        ("^/files/files[.]acme[.]example/[0", ORIGIN_PATHS),
        (
            "^/files/files[.]acme[.]example/-",
            {path.replace(SHA256, "-"): canonical for path, canonical in ORIGIN_PATHS.items()}
            | {f"/files/files.acme.example/{SHA256.upper()}/a": False},
        ),
    ],
)
def test_only_canonical_paths_are_cached(start: str, paths: dict[str, bool]) -> None:
    http = nginx.rendered(**HOSTS, __cellar_file_origins=ORIGINS)
    patterns = (each.arguments[-1] for each in cached(http))

    (pattern,) = {each for each in patterns if each.startswith(start)}
    # In nginx a dot, a bracket and \\z mean the same as here; it matches bytes where this is text.
    expression = re.compile(pattern.replace(r"\z", r"\Z"), re.ASCII)
    assert {path: bool(expression.search(path)) for path in paths} == paths


FORBIDDEN = {
    "alias", "autoindex", "dav_methods", "load_module", "perl", "proxy_store", "rewrite",
    "secure_link", "ssi", "sub_filter", "try_files", "user",
}  # fmt: skip


def test_no_directive_that_rewrites_requests_or_answers_is_used(http: Directive) -> None:
    assert sorted({each.name for each in http.walk()} & FORBIDDEN) == []


def test_only_the_addresses_of_upstream_hosts_come_from_other_files(http: Directive) -> None:
    found = {each.arguments[0] for each in http.walk() if each.name == "include"}

    pools = {each.arguments[0] for each in http.all("upstream") if each.all("include")}
    assert found == {f"/var/lib/cellar/upstreams/{pool}.servers" for pool in pools}
    assert {"pypi_index_host", "pypi_files_host"} <= pools


def test_what_is_set_is_known_beforehand_or_a_path_that_passed_its_pattern(
    http: Directive,
) -> None:
    owners = {"pypi", "1_hashed", "1_unhashed", "2_hashed", "2_unhashed"}
    constant = {("$file_owner", owner) for owner in owners}
    pools = ("pypi_files_host", "files_of_1", "files_of_2")
    constant |= {("$file_pool", pool) for pool in pools}
    trusted = {("$oracle_limit", "$http_x_slice_limit"), ("$oracle_zone", "$http_x_slice_zone")}
    constant |= {("$file_redirects", value) for value in ("0", "1", "$http_x_file_redirects")}
    found = {(name(each), a) for each in http.walk() for a in each.values("set")}

    assert {arguments for _, arguments in found} <= {("$checked_file", "$uri"), *constant, *trusted}
    # These headers are the doors' own, over sockets of this machine.
    believing = [each for each in http.all("server") if trusted & set(each.values("set"))]
    assert [each.values("server_name") for each in believing] == [[("slices",)]]
    trusting = {
        each.arguments
        for each in http.all("server")
        for location in each.all("location")
        if ("$file_redirects", "$http_x_file_redirects") in location.values("set")
        for each in each.all("server_name")
    }
    assert trusting == {("files",)}
    places = {where for where, a in found if a not in trusted}
    slices = {name(each) for each in believing[0].all("location")}
    assert {e for e in places - slices if not e.startswith(("~ ^/", "@file_"))} == set()


BROKEN = "/run/nginx/own/broken"
METHODS = {"($not_a_read)": "GET, HEAD", "($request_method": "HEAD"}
DETOURS = {"($file_detour)", "($request_method", "($http_if_range"}


def test_a_condition_only_ever_returns(http: Directive) -> None:
    """Anything else in an `if` makes a location of its own, that inherits half of this one."""
    conditions = [each for each in http.walk() if each.name == "if"]

    assert conditions
    for condition in conditions:
        *headers, answer = condition.block
        assert {each.name for each in headers} <= {"add_header"}
        assert answer.name == "return"
        variable, status = condition.arguments[0], answer.arguments[0]
        if status == "405":
            # RFC 9110 section 15.5.6: a 405 says what is allowed.
            assert headers[0].arguments == ("Allow", METHODS[variable], "always")
        elif status == "508":
            assert variable == "($has_looped)"
        elif status == "204":
            assert variable in {"($there_is_no_space)", "($http_x_slice_not_stored)"}
        elif status == "502":
            assert condition.arguments == ("(-f", f"{BROKEN}/$http_x_slice_transfer)")
        else:
            assert (variable in DETOURS, status) == (True, "418")


def test_no_directory_is_served_but_the_public_files(http: Directive) -> None:
    """What is below the root of all the others is an empty file, so nothing is."""
    (slices,) = (e for e in http.all("server") if ("slices",) in e.values("server_name"))
    marked = [each for each in locations(slices) if each.values("root") == [(BROKEN,)]]
    assert all(each.values("proxy_pass") == [("$slice_rest",)] for each in marked)
    of_marks = {name(each) for each in marked}
    roots = {name(each) for each in locations(http) if each.all("root")}

    assert roots - of_marks <= {"= /ca.pem", "= /ca.pem.sha256", "= /metrics", "= /report.html"}
    assert {each.arguments for each in http.all("root")} == {("/run/cellar-rewriter/disk",)}
