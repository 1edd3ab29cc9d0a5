"""What makes a stored answer, for how long, and for whom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support import nginx
from support.nginx import cached, locations, name, server
from unit.roles.variants import FILES_HOST, INDEX_HOST, KNOWN, ORIGINS

if TYPE_CHECKING:
    from support.nginx import Directive


def kind(location: Directive) -> str:
    """Return what a cached location is for: its zone, and of files also whose."""
    zone = location.values("proxy_cache")[0][0]
    path = location.arguments[-1]
    if zone == "oracle" and path == "/_range":
        return "ranges"
    if path.startswith("/healthz"):
        return "health"
    if zone != "$file_zone":
        return zone
    kinds = {
        "/_arrives/": "arriving slices",
        "/": "arrived slices",
        "^/packages/": "PyPI's files",
        "^/packages(": "old paths of PyPI",
        "^/files/": "files with a hash" if "/[0-9a-f]{64}" in path else "files without a hash",
    }
    return next(kind for begin, kind in kinds.items() if path.startswith(begin))


SLICED = {"PyPI's files", "old paths of PyPI", "files with a hash"}
# On their way from upstream to these, after the first of a file.
LATER = {"arriving slices", "arrived slices"}
FILES = {*SLICED, "files without a hash"}


OWNERS = ["pypi", *(str(each["origin"]) for each in ORIGINS)]


def test_cache_keys_hold_no_query_and_of_the_client_only_path_and_form(http: Directive) -> None:
    """So no client can change what another one gets, nor fill the disk with one file's copies."""
    found = {(kind(each), a[0]) for each in cached(http) for a in each.values("proxy_cache_key")}

    assert all(len(each.all("proxy_cache_key")) == 1 for each in cached(http))
    doors = ("index", "intercept")
    assert found <= {
        *(("pages", f"p2:{door}:$page_form:0123abcd:$uri") for door in doors),
        *(("pages", f"d1:{door}:0123abcd:$uri") for door in doors),
        ("pages", "p2:unfiltered:json:0123abcd:$uri"),
        ("lists", "l1:$page_form"),
        # By the path at PyPI, which an old one is led to.
        ("PyPI's files", "f2:8m:$file_target:$slice_range"),
        ("old paths of PyPI", "f2:8m:$file_target:$slice_range"),
        ("files with a hash", "f2:8m:$uri:$slice_range"),
        ("files without a hash", "f1:$uri:"),
        # Of the doors' own making, and the same as theirs.
        ("arriving slices", "f2:8m:$http_x_slice_path:$http_range"),
        ("arrived slices", "f2:8m:$http_x_slice_path:$http_range"),
        *(("heads", f"h1:/heads/{owner}$file_target") for owner in OWNERS),
        ("heads", "h1:$request_uri"),
        # The engine's own subrequest, by the path of the request that it is for.
        ("oracle", "o1:0123abcd:$checked_file"),
        ("oracle", "o1:0123abcd:$uri"),
        # The range that it asks for decides what it gets, and nobody else does.
        ("ranges", "r1:$checked_file $http_range"),
        # Not a client's: nginx asks itself, with the ETag that it has stored.
        ("renewals", "$uri $http_if_none_match"),
        # Nor this: the door says which of the two was asked for.
        ("health", "health:$uri"),
    }
    assert {kind(each) for each in cached(http)} >= {"pages", "lists", "renewals", "PyPI's files"}
    assert http.all("proxy_cache_key") == []


def test_a_changed_policy_is_in_force_at_once() -> None:
    """No answer that was made by another one is found."""
    variables = {**KNOWN, "__cellar_file_origins": ORIGINS, "__cellar_enforces": True}
    others = ("__cellar_pages_revision", "__cellar_oracle_revision")
    http = nginx.rendered(**variables | dict.fromkeys(others, "89abcdef"))

    judged = [each for each in cached(http) if kind(each) in {"pages", "oracle"}]
    keys = [a[0] for each in judged for a in each.values("proxy_cache_key")]
    assert len(keys) > 10
    assert [key for key in keys if ":89abcdef:" not in key] == []


def test_both_doors_share_the_files_and_the_list_and_not_the_pages() -> None:
    http = nginx.rendered(**KNOWN, __cellar_file_origins=ORIGINS)

    def keys(host: str) -> set[str]:
        door = server(http, host)
        return {a[0] for e in door.all("location") for a in e.values("proxy_cache_key")}

    own = keys("cellar.example")
    asked = {"o1:0123abcd:$uri", "o1:0123abcd:$checked_file", "r1:$checked_file $http_range"}
    pypi = {"f2:8m:$file_target:$slice_range", "h1:/heads/pypi$file_target"}
    assert own & keys(FILES_HOST) == pypi | asked
    others = {f"h1:/heads/{each['origin']}$file_target" for each in ORIGINS}
    others |= {"f2:8m:$uri:$slice_range", "f1:$uri:"}
    assert own & keys(INDEX_HOST) == {"l1:$page_form"} | others | asked


def test_the_key_of_an_answer_and_the_request_for_it_are_made_of_the_same_path(
    http: Directive,
) -> None:
    """Else `%2f..` in a path fetches one file and stores it as another."""
    for each in cached(http):
        ((key,),) = each.values("proxy_cache_key")
        ((target,),) = each.values("proxy_pass")
        if kind(each) == "lists":
            assert target == "https://pypi_index_host$uri", "a constant would take the query along"
        elif target.endswith("$file_target"):
            # The rewriter says under which path the host has it, having been asked by $uri.
            checked = ("$checked_file", "$uri")
            assert (checked in each.values("set")) == bool(each.all("auth_request"))
            assert "$uri" in key or "$file_target" in key
        elif kind(each) in LATER:
            # What a door says of a slice; it has both of the file that it was asked for.
            assert "$http_x_slice_path" in key
            assert target == "$slice_rest" or target.endswith("$http_x_slice_target")
        elif kind(each) == "health":
            assert name(each).startswith("= "), "two paths, two answers"
        elif kind(each) == "heads":
            assert key == "h1:$request_uri"
            assert target.endswith("/")  # in place of what leads to the location
        else:
            path = "$checked_file" if "$checked_file" in key else "$uri"
            assert path in key
            assert target.endswith(path)


# Request headers towards the upstreams of cached locations: everything that is sent.
LOOP = ("CDN-Loop", "cellar.example")
FROM_FILES: list[tuple[str, ...]] = [
    ("Accept-Encoding", "identity"),
    ("User-Agent", "Cellar/0.1"),
    LOOP,
]
SENT: dict[str, list[tuple[str, ...]]] = {
    **{
        each: [
            *FROM_FILES,
            ("Range", "$slice_range"),
            # Empty for the first slice, so that upstream hears nothing of it.
            ("X-Slice-Limit", "$later_slice_limit"),
            ("X-Slice-Not-Stored", "$later_slice_not_stored"),
            ("X-Slice-Target", "$later_slice_target"),
            ("X-Slice-Transfer", "$later_slice_transfer"),
            ("X-Slice-Zone", "$later_slice_zone"),
            ("X-Slice-Path", f"$later_slice_{'uri' if each == 'files with a hash' else 'target'}"),
        ]
        for each in SLICED
    },
    **{each: [*FROM_FILES, ("Range", "$http_range")] for each in LATER},
    "files without a hash": FROM_FILES,
    "heads": FROM_FILES,
    "pages": [("X-Stored", "$upstream_cache_status")],
    "renewals": [("If-None-Match", "$http_if_none_match")],
    "oracle": [],
    "health": [],
    "ranges": [("Range", "$http_range")],
    "lists": [
        ("Accept", "$list_type"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", "Cellar/0.1"),
        LOOP,
    ],
}
HOST_SENT: dict[str, set[str]] = {
    "PyPI's files": {FILES_HOST},
    "old paths of PyPI": {FILES_HOST},
    "files with a hash": {str(each["origin"]) for each in ORIGINS},
    "files without a hash": {str(each["origin"]) for each in ORIGINS},
    **{each: {FILES_HOST, *(str(each["origin"]) for each in ORIGINS)} for each in LATER},
    "pages": {"renewals"},
    "renewals": {"rewriter"},
    "oracle": {"rewriter"},
    "health": {"health"},
    "ranges": {"rewriter"},
    "heads": {FILES_HOST, *(str(each["origin"]) for each in ORIGINS)},
    "lists": {INDEX_HOST},
}
X_ACCEL = {f"X-Accel-{n}" for n in ("Redirect", "Expires", "Limit-Rate", "Buffering", "Charset")}
ALL_IGNORED = {"Cache-Control", "Expires", "Set-Cookie", "Vary", *X_ACCEL}
IGNORED = {
    **dict.fromkeys([*FILES, *LATER, "heads", "health", "lists", "renewals"], ALL_IGNORED),
    "pages": {"Set-Cookie", "Vary", *X_ACCEL},
    "oracle": {"Set-Cookie", "Vary", *X_ACCEL},
    "ranges": {"Set-Cookie", "Vary", *X_ACCEL},
}
OF_A_CDN = {"Age", "Cache-Control", "Set-Cookie", "Strict-Transport-Security", "Via", "X-Cache"}
FOR_THE_ENGINE = {"Cache-Control", "X-Client-Cache-Control"}
HIDDEN: dict[str, set[str]] = {
    **{each: {*OF_A_CDN, "ETag", "Last-Modified", "Vary"} for each in (*SLICED, "heads")},
    "files without a hash": {*OF_A_CDN, "Vary"},
    "pages": FOR_THE_ENGINE,
    "lists": {*OF_A_CDN, "Content-Type"},
    "oracle": {
        "Cache-Control",
        *(f"X-File-{name}" for name in ("Answer", "Limit", "Location", "Target", "Zone")),
    },
}
# Whose clients are nginx and the rewriter themselves.
INNER = {"health", "renewals", "ranges", *LATER}


def test_nothing_of_a_client_goes_to_a_cached_paths_upstream(http: Directive) -> None:
    for each in cached(http):
        assert each.values("proxy_pass_request_headers") == [("off",)]
        assert each.values("proxy_pass_request_body") == [("off",)]
        host, *sent = each.values("proxy_set_header")
        assert host[0] == "Host"
        assert host[1] in HOST_SENT[kind(each)]
        sent = [header for header in sent if header[0] != "Authorization"]
        assert sent == [("Connection", ""), ("Content-Length", ""), *SENT[kind(each)]]


def test_credentials_of_an_index_go_to_its_files_host_only() -> None:
    http = nginx.rendered(**KNOWN, __cellar_file_origins=ORIGINS, __cellar_enforces=True)
    sent: dict[str, set[tuple[str, ...]]] = {}
    for each in locations(http):
        for header in each.values("proxy_set_header"):
            if header[0] == "Authorization":
                ((target,),) = each.values("proxy_pass")
                sent.setdefault(target, set()).add(header[1:])
                assert ("Host", "files.acme.example") in each.values("proxy_set_header")
                assert each.values("proxy_ssl_name") == [("files.acme.example",)]

    secret = {("Basic Y2k6aHVzaA==",)}
    assert sent.keys() == {
        "https://files_of_1$file_target",
        "https://files_of_1/",
        "https://files_of_1$http_x_slice_target",
        # The file's own host, or the engine.
        "$slice_source$file_target",
        "$slice_rest",
    }
    assert set().union(*sent.values()) == secret


def test_the_rewriter_gets_nothing_of_a_client(http: Directive) -> None:
    asking = [
        each
        for each in locations(http)
        if any(a[0].startswith("http://rewriter") for a in each.values("proxy_pass"))
    ]

    assert len(asking) >= 5
    for each in asking:
        assert each.values("proxy_pass_request_headers") == [("off",)]
        assert each.values("proxy_pass_request_body") == [("off",)]
        sent = each.values("proxy_set_header")
        assert sent[:3] == [("Host", "rewriter"), ("Connection", ""), ("Content-Length", "")]
        assert sent[3:] in (
            [],
            # By which the rewriter tells whether the stored page is still the newest: nginx's own.
            [("If-None-Match", "$http_if_none_match")],
            # To be told from which byte on; numbers only, as its pattern says.
            [("Range", "$http_range")],
        )


def test_upstream_cannot_steer_the_cache(http: Directive) -> None:
    """X-Accel-* redirect requests inside nginx; Vary splits a stored answer into many."""
    for each in cached(http):
        (ignored,) = each.values("proxy_ignore_headers")
        assert (len(ignored), set(ignored)) == (len(set(ignored)), IGNORED[kind(each)])


def test_clients_get_no_header_that_speaks_for_upstreams_own_cache(http: Directive) -> None:
    for each in cached(http):
        if kind(each) in INNER or name(each).startswith("/heads/"):
            continue
        if name(each).endswith("_unhashed"):
            continue  # their hosts' validators are all that there is
        hidden = [a[0] for a in each.values("proxy_hide_header")]
        typed = (
            {"Content-Type"}
            if ("Content-Type", "$page_type", "always") in each.values("add_header")
            else set()
        )
        # We send it ourselves, and once.
        assert (len(hidden), set(hidden)) == (
            len(set(hidden)),
            HIDDEN[kind(each)] | {"X-Content-Type-Options"} | typed,
        )
        assert ("X-Content-Type-Options", "nosniff", "always") in each.values("add_header")


def test_only_reads_reach_a_cached_location(http: Directive) -> None:
    (reads,) = (e for e in http.all("map") if e.arguments == ("$request_method", "$not_a_read"))

    assert {e.name: e.arguments for e in reads.block} == {
        "default": ("1",),
        "GET": ("0",),
        "HEAD": ("0",),
    }
    for each in cached(http):
        # The rest is only ever asked by nginx itself, and so is what has a name in place of a path.
        if kind(each) in {"oracle", *INNER} or name(each).startswith("@"):
            continue
        if name(each).startswith("/heads/"):
            assert each.all("if")[0].arguments == ("($request_method", "!=", "HEAD)")
        elif each not in server(http, "files", tls=False).all("location"):
            assert each.all("if")[0].arguments == ("($not_a_read)",), name(each)


def test_errors_are_never_stored(http: Directive) -> None:
    """404 is remembered for a minute; it is an answer."""
    valid = {(kind(each), *a) for each in cached(http) for a in each.values("proxy_cache_valid")}

    assert valid <= {
        *((files, "404", "1m") for files in FILES),
        *((files, "200", "206", "3650d") for files in SLICED),
        ("arriving slices", "206", "3650d"),
        ("files without a hash", "200", "10m"),
        ("heads", "404", "1m"),
        ("heads", "200", "3650d"),
        ("heads", "200", "10m"),
        ("ranges", "200", "1m"),
        ("lists", "200", "300s"),
        # Of what has no Cache-Control; a refusal is an answer too.
        ("oracle", "200", "403", "1m"),
        # Shared with those who wait for the same answer, and have an old one.
        ("renewals", "200", "301", "304", "403", "404", "503", "1s"),
        # How the appliance is, which many want to know at once.
        ("health", "200", "503", "1s"),
    }
    assert http.all("proxy_cache_valid") == []


def test_nothing_is_stored_while_there_is_no_space(http: Directive) -> None:
    """What cannot be written ends a client's transfer, and of an answer nobody would see a byte."""
    assert cached(http)
    for each in cached(http):
        (unstored,) = each.values("proxy_no_cache")
        assert "$there_is_no_space" in unstored or unstored == ("1",), name(each)
    # And what is not stored is not written elsewhere on that disk.
    assert {e.arguments for e in http.walk() if e.name == "proxy_max_temp_file_size"} == {("0",)}
    assert http.values("proxy_max_temp_file_size") == [("0",)]


def test_files_go_before_what_is_small_when_the_disk_runs_full(http: Directive) -> None:
    floors = {
        next(word for word in each.arguments if word.startswith("keys_zone=")): word
        for each in http.all("proxy_cache_path")
        for word in each.arguments
        if word.startswith("min_free=")
    }
    assert floors.pop("keys_zone=files:256m") == "min_free=2g"
    assert set(floors.values()) == {f"min_free={2**31 // 8}"}


def test_a_zone_keeps_what_nobody_asks_for_for_its_days_and_as_much_as_it_may() -> None:
    zones = [
        {"name": "week", "max_size": "20g", "unused_days": 7},
        {"name": "pinned", "max_size": "", "unused_days": 0},
    ]
    http = nginx.rendered(**KNOWN, __cellar_file_zones=zones)
    caches = {each.arguments[0].rpartition("/")[2]: each for each in http.all("proxy_cache_path")}

    week, pinned, files = (caches[name].arguments for name in ("zone-week", "zone-pinned", "files"))
    assert {"inactive=7d", "max_size=20g", "min_free=2g"} <= set(week)
    # Ten years: nginx knows no "for ever".
    assert "inactive=3650d" in pinned
    assert "inactive=3650d" in files
    assert not [word for word in pinned if word.startswith(("max_size=", "min_free="))]


def test_trouble_is_shared_with_those_only_who_have_an_old_answer(http: Directive) -> None:
    (renewals,) = (each for each in cached(http) if kind(each) == "renewals")
    (nobody,) = (e for e in http.all("map") if e.arguments == ("$http_x_stored", "$nobody_waits"))

    assert renewals.values("proxy_cache_bypass") == [("$nobody_waits",)]
    assert renewals.values("proxy_no_cache") == [("$nobody_waits", "$there_is_no_space")]
    assert {e.name: e.arguments for e in nobody.block} == {"default": ("1",), "EXPIRED": ("0",)}


TIMES = {
    **dict.fromkeys(SLICED, ("1h", "1m")),
    "heads": ("60s", "20s"),
    "ranges": ("60s", "20s"),
    "files without a hash": ("1h", "1m"),
    "pages": ("60s", "20s"),
    "lists": ("1h", "10m"),
    "oracle": ("60s", "20s"),
    "renewals": ("20s", "20s"),
    # Less than a probe waits for.
    "health": ("1s", "2s"),
}


def test_many_clients_make_one_request(http: Directive) -> None:
    """By default nginx gives up after 5 seconds and asks again for everyone."""
    for each in cached(http):
        if kind(each) in LATER:
            assert each.values("proxy_cache_lock") == []  # it is the door's, for the same key
            continue
        assert each.values("proxy_cache_lock") == [("on",)]
        timeout, age = TIMES[kind(each)]
        assert each.values("proxy_cache_lock_timeout") == [(timeout,)]
        assert each.values("proxy_cache_lock_age") == [(age,)]


def test_stale_answers_are_better_than_none(http: Directive) -> None:
    needed = {"error", "timeout", "http_500", "http_502", "http_503", "http_504", "http_429"}

    for each in cached(http):
        if kind(each) in LATER:
            continue  # asked for only while there is none
        (stale,) = each.values("proxy_cache_use_stale")
        if kind(each) not in {"renewals", "health"}:
            assert set(stale) >= needed


def test_how_old_a_page_may_be_is_for_the_rewriter_to_say(http: Directive) -> None:
    """With `updating` it would be served at any age as long as somebody asks for the new one."""
    pages = [each for each in cached(http) if kind(each) == "pages"]

    assert len(pages) >= 5
    for each in pages:
        assert "updating" not in each.values("proxy_cache_use_stale")[0]
        assert each.values("proxy_cache_background_update") == [("on",)]
        assert each.values("proxy_cache_revalidate") == [("on",)]
        assert each.values("proxy_cache_valid") == []


def test_who_has_an_old_page_gets_it_before_pip_gives_up(http: Directive) -> None:
    """It waits for 15 seconds."""
    limits = {
        a[0] for e in cached(http) if kind(e) == "pages" for a in e.values("proxy_read_timeout")
    }

    assert limits == {"13s"}


def test_a_client_keeps_a_stored_page_for_half_of_what_is_left_at_least() -> None:
    http = nginx.rendered(**KNOWN, cellar_page_max_age=61)
    (told,) = (e for e in http.all("map") if e.arguments[1] == "$client_cache_control")

    entries = {e.name: e.arguments for e in told.block}
    assert entries["HIT max-age=61, public"] == ("max-age=30, public",)
    assert entries["default"] == ("max-age=0, public",)


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("200 0", True),
        ("200 99999999", True),
        ("502, 200 5", True),
        ("200 100000000", False),
        ("200 ", False),
        ("206 5", False),
        ("404 5", False),
        ("200 5 ", False),
        ("1200 5", False),
    ],
)
def test_a_list_of_all_projects_is_stored_if_its_length_is_known_and_bounded(
    defaults: Directive, said: str, *, stored: bool
) -> None:
    (entries,) = (e.block for e in defaults.all("map") if e.arguments[1] == "$list_not_stored")
    default, rule = entries

    assert (default.name, default.arguments, rule.arguments) == ("default", ("1",), ("0",))
    pattern = re.compile(rule.name.removeprefix("~").replace(r"\z", r"\Z"))
    assert bool(pattern.search(said)) == stored


def test_files_are_never_compressed_nor_unpacked(http: Directive) -> None:
    assert [each for each in http.walk() if each.name in {"gzip", "gzip_static", "brotli"}] == []
    unpacking = [each for each in locations(http) if each.values("gunzip") == [("on",)]]
    assert unpacking
    assert [each for each in unpacking if each.values("proxy_cache") == [("$file_zone",)]] == []
