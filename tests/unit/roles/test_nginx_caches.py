"""What makes a stored answer, for how long, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.nginx import cached, locations, name, server
from unit.roles.variants import FILES_HOST, INDEX_HOST

if TYPE_CHECKING:
    from support.nginx import Directive


def test_cache_keys_hold_no_header_and_no_query(http: Directive) -> None:
    """So no client can change what another one gets, nor fill the disk with one file's copies."""
    pages, files = "p1:{}:$page_form:$uri", "f1:$uri:$slice_range"
    keys = {a[0] for each in cached(http) for a in each.values("proxy_cache_key")}

    assert all(len(each.all("proxy_cache_key")) == 1 for each in cached(http))
    assert keys <= {pages.format("index"), pages.format("intercept"), files, "j1:$uri"}
    assert {pages.format("index"), files} <= keys
    assert http.all("proxy_cache_key") == []


def test_both_doors_share_the_files_and_not_the_pages(defaults: Directive) -> None:
    def keys(host: str) -> set[str]:
        door = server(defaults, host)
        return {a[0] for e in door.all("location") for a in e.values("proxy_cache_key")}

    own = keys("cellar.example")
    assert own & keys(FILES_HOST) == {"f1:$uri:$slice_range"}
    assert own & keys(INDEX_HOST) == set()


def test_the_key_of_a_file_and_the_request_for_it_are_made_of_the_same_path(
    http: Directive,
) -> None:
    """Else `%2f..` in a path fetches one file and stores it as another."""
    for each in cached(http):
        ((key,),) = each.values("proxy_cache_key")
        ((target,),) = each.values("proxy_pass")
        assert "$uri" in key
        assert target.endswith("$uri")


# Request headers towards the upstreams of cached locations: everything that is sent.
SENT = {
    "files": [
        ("Host", FILES_HOST),
        ("Connection", ""),
        ("Content-Length", ""),
        ("Range", "$slice_range"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "Cellar/0.1"),
    ],
    "pages": [("Host", "rewriter"), ("Connection", ""), ("Content-Length", "")],
    "JSON API": [
        ("Host", INDEX_HOST),
        ("Connection", ""),
        ("Content-Length", ""),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", "Cellar/0.1"),
    ],
}
X_ACCEL = {f"X-Accel-{n}" for n in ("Redirect", "Expires", "Limit-Rate", "Buffering", "Charset")}
IGNORED = {
    "files": {"Cache-Control", "Expires", "Set-Cookie", "Vary", *X_ACCEL},
    "pages": {"Set-Cookie", "Vary", *X_ACCEL},
    "JSON API": {"Cache-Control", "Expires", "Set-Cookie", "Vary", *X_ACCEL},
}
HIDDEN = {
    "files": {
        "Age", "Cache-Control", "ETag", "Last-Modified", "Set-Cookie", "Strict-Transport-Security",
        "Vary", "Via", "X-Cache",
    },
    "pages": {"Content-Type"},
    "JSON API": {
        "Age", "Cache-Control", "Set-Cookie", "Strict-Transport-Security", "Via", "X-Cache",
    },
}  # fmt: skip


def kind(location: Directive) -> str:
    zone = location.values("proxy_cache")[0][0]
    if zone == "pages" and location.arguments[-1].startswith("^/pypi/"):
        return "JSON API"
    return {"$file_zone": "files", "pages": "pages"}[zone]


def test_nothing_of_a_client_goes_to_a_cached_paths_upstream(http: Directive) -> None:
    for each in cached(http):
        assert each.values("proxy_pass_request_headers") == [("off",)]
        assert each.values("proxy_pass_request_body") == [("off",)]
        assert each.values("proxy_set_header") == SENT[kind(each)]


def test_the_rewriter_gets_nothing_of_a_client(http: Directive) -> None:
    asking = [
        each
        for each in locations(http)
        if any(a[0].startswith("http://rewriter") for a in each.values("proxy_pass"))
    ]

    assert len(asking) >= 2
    for each in asking:
        assert each.values("proxy_pass_request_headers") == [("off",)]
        assert each.values("proxy_pass_request_body") == [("off",)]
        assert each.values("proxy_set_header") == SENT["pages"]


def test_upstream_cannot_steer_the_cache(http: Directive) -> None:
    """X-Accel-* redirect requests inside nginx; Vary splits a stored answer into many."""
    for each in cached(http):
        (ignored,) = each.values("proxy_ignore_headers")
        assert (len(ignored), set(ignored)) == (len(set(ignored)), IGNORED[kind(each)])


def test_clients_get_no_header_that_speaks_for_upstreams_own_cache(http: Directive) -> None:
    for each in cached(http):
        hidden = [a[0] for a in each.values("proxy_hide_header")]
        assert (len(hidden), set(hidden)) == (len(set(hidden)), HIDDEN[kind(each)])


def test_only_reads_reach_a_cached_location(http: Directive) -> None:
    (reads,) = (e for e in http.all("map") if e.arguments == ("$request_method", "$not_a_read"))

    assert {e.name: e.arguments for e in reads.block} == {
        "default": ("1",),
        "GET": ("0",),
        "HEAD": ("0",),
    }
    for each in cached(http):
        assert [e.arguments for e in each.all("if")] == [("($not_a_read)",)]


def test_errors_are_never_stored(http: Directive) -> None:
    """404 is remembered for a minute; it is an answer."""
    valid = {a for each in cached(http) for a in each.values("proxy_cache_valid")}

    assert {a for a in valid if "404" in a} == {("404", "1m")}
    assert valid <= {("200", "206", "3650d"), ("200", "10m"), ("404", "1m")}
    assert http.all("proxy_cache_valid") == []


TIMES = {"files": ("1h", "10s"), "pages": ("60s", "20s"), "JSON API": ("60s", "20s")}


def test_many_clients_make_one_request(http: Directive) -> None:
    """By default nginx gives up after 5 seconds and asks again for everyone."""
    for each in cached(http):
        assert each.values("proxy_cache_lock") == [("on",)]
        timeout, age = TIMES[kind(each)]
        assert each.values("proxy_cache_lock_timeout") == [(timeout,)]
        assert each.values("proxy_cache_lock_age") == [(age,)]


def test_stale_answers_are_better_than_none(http: Directive) -> None:
    needed = {"error", "timeout", "http_500", "http_502", "http_503", "http_504", "http_429"}

    for each in cached(http):
        (stale,) = each.values("proxy_cache_use_stale")
        assert set(stale) >= needed


def test_files_are_never_compressed_nor_unpacked(http: Directive) -> None:
    assert [each for each in http.walk() if each.name in {"gzip", "gzip_static", "brotli"}] == []
    unpacking = [each for each in locations(http) if each.values("gunzip") == [("on",)]]
    assert [name(each) for each in unpacking if "/packages/" in name(each)] == []
