"""PyPI's index host as clients.md, sections 2 and 3, describe it; expectations are written out."""

import gzip
import hashlib
import json
from collections.abc import Callable

import pytest

from fakepypi.client import FakePyPI
from fakepypi.publication import PublishedFile
from fakepypi.raw import Answer

Ask = Callable[..., Answer]
Odd = tuple[PublishedFile, PublishedFile]
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
TEXT = "text/html; charset=UTF-8"


def test_a_json_page_has_every_key_pypi_sends(odd: Odd, ask_index: Ask, ask_files: Ask) -> None:
    wheel, sdist = odd
    metadata = {"sha256": hashlib.sha256(ask_files(f"{wheel.path}.metadata").body).hexdigest()}
    provenance = "odd-name/1.0+cu128/odd_name-1.0+cu128-py3-none-any.whl/provenance"
    page = ask_index("/simple/odd-name/", {"Accept": JSON})
    assert json.loads(page.body) == {
        "meta": {"_last-serial": sdist.serial, "api-version": "1.4"},
        "name": "odd-name",
        "project-status": {"status": "active"},
        "versions": ["1.0+cu128", "2.0"],
        "files": [
            {
                "filename": "odd_name-1.0+cu128-py3-none-any.whl",
                "url": f"https://files.example{wheel.path}",
                "hashes": {"sha256": wheel.sha256},
                "core-metadata": metadata,
                "data-dist-info-metadata": metadata,
                "provenance": f"https://index.example/integrity/{provenance}",
                "requires-python": ">=3.8",
                "size": wheel.size,
                "upload-time": "2026-03-01T12:00:00.000001Z",
                "yanked": 'a > b & "c"',
            },
            {
                "filename": "odd_name-2.0.tar.gz",
                "url": f"https://files.example{sdist.path}",
                "hashes": {"sha256": sdist.sha256},
                "core-metadata": False,
                "data-dist-info-metadata": False,
                "provenance": None,
                "requires-python": None,
                "size": sdist.size,
                "upload-time": "2026-03-02T12:00:00.5Z",
                "yanked": False,
            },
        ],
    }


def test_an_html_page_says_the_same_in_attributes(
    upstream: FakePyPI, odd: Odd, ask_index: Ask, ask_files: Ask
) -> None:
    wheel, sdist = odd
    serial = upstream.set_status("odd-name", "archived", "done & dusted")
    metadata = hashlib.sha256(ask_files(f"{wheel.path}.metadata").body).hexdigest()
    base = "https://index.example/integrity/odd-name/1.0+cu128"
    expected = f"""\
<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <meta name="pypi:project-status" content="archived">
    <meta name="pypi:project-status-reason" content="done &amp; dusted">
    <title>Links for odd-name</title>
  </head>
  <body>
    <h1>Links for odd-name</h1>
<a href="https://files.example{wheel.path}#sha256={wheel.sha256}" data-requires-python="&gt;=3.8" \
data-dist-info-metadata="sha256={metadata}" data-core-metadata="sha256={metadata}" \
data-yanked="a &gt; b &amp; &quot;c&quot;" data-provenance="{base}/{wheel.filename}/provenance">\
odd_name-1.0+cu128-py3-none-any.whl</a><br />
<a href="https://files.example{sdist.path}#sha256={sdist.sha256}">odd_name-2.0.tar.gz</a><br />
  </body>
</html>
<!--SERIAL {serial}-->"""
    assert ask_index("/simple/odd-name/", {"Accept": HTML}).body.decode() == expected


def test_upload_times_have_six_digits_unless_told_otherwise(
    upstream: FakePyPI, ask_index: Ask
) -> None:
    upstream.publish("demo", "1.0")
    (file,) = json.loads(ask_index("/simple/demo/", {"Accept": JSON}).body)["files"]
    day, _, digits = file["upload-time"].partition(".")
    assert day.startswith("2026-01-01T")
    assert (digits[:-1].isdigit(), digits[-1], len(digits)) == (True, "Z", 7)


@pytest.mark.parametrize(
    ("path", "content_type", "expected"),
    [
        (
            "/simple/demo/",
            JSON,
            {"cache-control": "max-age=600, public", "vary": "Accept, Accept-Encoding"},
        ),
        ("/simple/", JSON, {"cache-control": "max-age=600, public"}),
        (
            "/pypi/demo/json",
            "application/json",
            {"cache-control": "max-age=900, public", "vary": "Accept-Encoding"},
        ),
        ("/pypi/demo/1.0/json", "application/json", {"cache-control": "max-age=900, public"}),
    ],
)
def test_cacheable_answers_have_pypis_headers(
    upstream: FakePyPI, ask_index: Ask, path: str, content_type: str, expected: dict[str, str]
) -> None:
    serial = upstream.publish("demo", "1.0").serial
    answer = ask_index(path, {"Accept": JSON})
    always = {
        "content-type": content_type,
        "x-pypi-last-serial": str(serial),
        "access-control-allow-origin": "*",
    }
    assert answer.status == 200
    assert answer.headers.items() >= {**expected, **always}.items()
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["date"].endswith("GMT")
    assert not {"age", "last-modified", "set-cookie"} & answer.headers.keys()


def test_gzip_is_sent_only_if_asked_for_and_has_an_etag_of_its_own(
    upstream: FakePyPI, ask_index: Ask
) -> None:
    upstream.publish("demo", "1.0")
    plain = ask_index("/simple/demo/")
    packed = ask_index("/simple/demo/", {"Accept-Encoding": "br, gzip;q=0.5"})
    refused = ask_index("/simple/demo/", {"Accept-Encoding": "gzip;q=0"})
    assert gzip.decompress(packed.body) == plain.body == refused.body
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in {**plain.headers, **refused.headers}
    assert packed.headers["etag"] != plain.headers["etag"] == refused.headers["etag"]


@pytest.mark.parametrize(
    ("accept", "query", "content_type"),
    [
        (None, "", TEXT),
        ("*/*", "", TEXT),
        ("application/*", "", TEXT),
        ("application/json", "", TEXT),
        ("image/png", "", TEXT),
        (JSON, "", JSON),
        (HTML, "", HTML),
        ("text/html", "", TEXT),
        ("application/vnd.pypi.simple.latest+json", "", JSON),
        ("application/vnd.pypi.simple.latest+html", "", HTML),
        (f"{JSON}, {HTML};q=0.1, text/html;q=0.01", "", JSON),
        (f"{JSON};q=0.2, {HTML};q=0.9, text/html;q=0.1", "", HTML),
        (f"{JSON};q=0, text/html;q=0.01", "", TEXT),
        (f"{JSON.upper()} ; Q=1", "", JSON),
        (f"{JSON};q=nonsense, text/html;q=0.01", "", TEXT),
        ("text/html", f"?format={JSON}", JSON),
        (JSON, "?format=text/html", TEXT),
        (JSON, "?format=unknown", TEXT),
        (JSON, "?other=1", JSON),
    ],
)
def test_accept_and_format_choose_the_form(
    upstream: FakePyPI, ask_index: Ask, accept: str | None, query: str, content_type: str
) -> None:
    upstream.publish("demo", "1.0")
    answer = ask_index(f"/simple/demo/{query}", {"Accept": accept} if accept else {})
    assert answer.headers["content-type"] == content_type
    assert answer.body.startswith(b"{" if content_type == JSON else b"<!DOCTYPE html>")


def test_a_known_etag_is_answered_with_304(upstream: FakePyPI, ask_index: Ask) -> None:
    upstream.publish("demo", "1.0")
    etag = ask_index("/simple/demo/").headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        answer = ask_index("/simple/demo/", {"If-None-Match": known})
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == etag
        assert "content-length" not in answer.headers
    assert ask_index("/simple/demo/", {"If-None-Match": '"other"'}).status == 200


def test_a_new_file_changes_etag_and_serial(upstream: FakePyPI, ask_index: Ask) -> None:
    upstream.publish("demo", "1.0")
    before = ask_index("/simple/demo/")
    upstream.publish("demo", "1.1")
    after = ask_index("/simple/demo/", {"If-None-Match": before.headers["etag"]})
    assert after.status == 200
    assert int(after.headers["x-pypi-last-serial"]) > int(before.headers["x-pypi-last-serial"])


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/simple", 301, "/simple/"),
        ("/simple/demo-name", 301, "/simple/demo-name/"),
        ("/simple/Demo_Name/", 301, "/simple/demo-name/"),
        ("/simple/demo.name", 301, "/simple/demo-name/"),
        ("/pypi/Demo_Name/json", 301, "/pypi/demo-name/json"),
        ("/pypi/demo-name/json/", 301, "/pypi/demo-name/json"),
        ("/pypi/demo-name/1.0/json/", 301, "/pypi/demo-name/1.0/json"),
        ("/packages/aa/bb/cc/x%2By.whl", 301, "https://files.example/packages/aa/bb/cc/x+y.whl"),
        ("/simple/unknown/", 404, None),
        ("/simple/unknown", 404, None),
        ("/simple//demo-name/", 404, None),
        ("/pypi/unknown/json", 404, None),
        ("/pypi/demo-name/9.9/json", 404, None),
        ("/integrity/demo-name/1.0/demo_name-1.0-py3-none-any.whl/provenance", 404, None),
        ("/nowhere", 404, None),
    ],
)
def test_redirects_and_missing_pages(
    upstream: FakePyPI, ask_index: Ask, path: str, status: int, location: str | None
) -> None:
    upstream.publish("Demo.Name", "1.0")
    answer = ask_index(path)
    assert (answer.status, answer.headers.get("location")) == (status, location)
    assert "cache-control" not in answer.headers


def test_the_root_lists_every_project(upstream: FakePyPI, ask_index: Ask) -> None:
    first = upstream.publish("Demo.Name", "1.0").serial
    last = upstream.publish("other", "1.0").serial
    assert json.loads(ask_index("/simple/", {"Accept": JSON}).body) == {
        "meta": {"_last-serial": last, "api-version": "1.4"},
        "projects": [
            {"_last-serial": first, "name": "Demo.Name"},
            {"_last-serial": last, "name": "other"},
        ],
    }
    page = ask_index("/simple/").body.decode()
    assert '<a href="/simple/demo-name/">Demo.Name</a>' in page
    assert page.count("<a ") == 2


def test_a_raw_page_is_served_byte_for_byte(upstream: FakePyPI, ask_index: Ask) -> None:
    upstream.publish("demo", "1.0")
    body = b'{"meta": {"api-version": "1.9"},  "unknown":\t[1], "files": []}'
    serial = upstream.publish_page("demo", body)
    answer = ask_index("/simple/demo/", {"Accept": JSON})
    assert answer.body == body
    assert answer.headers["x-pypi-last-serial"] == str(serial)
    assert ask_index("/simple/demo/").body.startswith(b"<!DOCTYPE html>")


def test_yanked_and_withdrawn_files_show_on_the_page(upstream: FakePyPI, ask_index: Ask) -> None:
    kept = upstream.publish("demo", "1.0")
    gone = upstream.publish("demo", "2.0")
    upstream.yank("demo", kept.filename, yanked="old")
    upstream.withdraw("demo", gone.filename)
    (file,) = json.loads(ask_index("/simple/demo/", {"Accept": JSON}).body)["files"]
    assert (file["filename"], file["yanked"]) == (kept.filename, "old")
    upstream.withdraw("demo")
    assert ask_index("/simple/demo/").status == 404
