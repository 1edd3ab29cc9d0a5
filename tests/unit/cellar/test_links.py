"""Which file URLs the appliance caches, under which path, and the way back from there."""

import re
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.index.links import Links, Source, source_of
from unit.cellar.support import hashed_path

PYPI = "https://files.example/packages/"
ACME = "https://packages.acme.example:8443/files/"
MIRROR = "https://cdn.example/"
LINKS = Links(pypi=(PYPI,), others=(ACME, MIRROR))
PATH = hashed_path("a_b-1!2.0+c~1-py3-none-any.whl")
SHA256 = "0123456789abcdef" * 4

digests = st.from_regex(re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}"), fullmatch=True)
names = st.from_regex(re.compile(r"[A-Za-z0-9]([A-Za-z0-9._+!~-]|%2[bB1]|%7[eE])*"), fullmatch=True)
parts = st.from_regex(
    re.compile(r"([A-Za-z0-9._+!~-]|%2[bBdD1]|%7[eE]|%4[1-9])+"), fullmatch=True
).filter(lambda part: unquote(part) not in {".", ".."})


def file(url: str, **more: Any) -> dict[str, Any]:
    return {"filename": "a-1.zip", "url": url, **more}


@given(digest=digests, name=names)
def test_pypis_url_and_the_appliances_are_a_prefix_swap_apart(digest: str, name: str) -> None:
    path = LINKS.cached_path(file(f"{PYPI}{digest}/{name}", hashes={"sha256": SHA256}))
    assert path == f"packages/{digest}/{name}"
    found = LINKS.source(f"/{unquote(path)}")
    assert found == Source("files.example", f"/packages/{digest}/{unquote(name)}")


@given(
    prefix=st.sampled_from([ACME, MIRROR]),
    path=st.lists(parts, min_size=1, max_size=4).map("/".join),
    sha256=st.sampled_from([None, SHA256, SHA256.upper(), "00", 5]),
    fragment=st.sampled_from(["", "#egg=a-1"]),
)
def test_another_indexs_file_has_a_path_that_leads_back_to_its_url(
    prefix: str, path: str, sha256: object, fragment: str
) -> None:
    url = f"{prefix}{path}"
    found = LINKS.cached_path(file(url + fragment, hashes={"sha256": sha256}))
    digest = SHA256 if isinstance(sha256, str) and len(sha256) == 64 else "-"
    host_and_path = prefix.removeprefix("https://") + path
    origin, _, below = host_and_path.partition("/")
    assert found == f"files/{origin}/{digest}/{below}{fragment}"
    # As nginx sees it: decoded, and without the fragment, which no client sends.
    asked = unquote(found.partition("#")[0])
    source = LINKS.source(f"/{asked}")
    assert source == source_of(url)
    assert unquote(source.target) == unquote(f"/{below}")
    assert "+" not in source.target, "a space to object stores"
    # And so do the files that stand beside it.
    assert LINKS.source(f"/{asked}.metadata") == Source(origin, f"{source.path}.metadata")


OTHERS = {
    "another host": f"https://elsewhere.example/packages/{PATH}",
    "a host that is alike but for a dot": f"https://files-example/packages/{PATH}",
    "another scheme": f"http://files.example/packages/{PATH}",
    "another port": f"https://files.example:8443/packages/{PATH}",
    "another case of the host": f"https://FILES.example/packages/{PATH}",
    "a user": f"https://me@files.example/packages/{PATH}",
    "a longer host": f"https://files.example.evil.example/packages/{PATH}",
    "another prefix": f"https://files.example/other/{PATH}",
    "a query": f"{PYPI}{PATH}?x=1",
    "a fragment": f"{PYPI}{PATH}#sha256=00",
    "the prefix alone": PYPI,
    "an old path": f"{PYPI}source/a/a/a-1.zip",
    "a digest in capitals": PYPI + hashed_path("a-1.zip", "A"),
    "a digest that is too short": f"{PYPI}aa/bb/{'c' * 59}/a-1.zip",
    "a digest that is too long": f"{PYPI}aa/bb/{'c' * 61}/a-1.zip",
    "no name": f"{PYPI}aa/bb/{'c' * 60}/",
    "a deeper path": f"{PYPI}{PATH}/a-1.zip",
    "a way up": f"{PYPI}{hashed_path('..')}",
    "an escaped slash": PYPI + hashed_path("a%2fb-1.zip"),
    "an escaped letter": PYPI + hashed_path("%61-1.zip"),
    "a space": PYPI + hashed_path("a b-1.zip"),
    "a line feed at its end": PYPI + hashed_path("a-1.zip\n"),
    "digits of another script": PYPI + hashed_path("a-\u0661.zip"),
    "nothing": "",
    "another index's prefix without its port": "https://packages.acme.example/files/a-1.zip",
    "another index's host and another prefix": "https://packages.acme.example:8443/a-1.zip",
    "another index's prefix alone": ACME,
    "another index's query": f"{ACME}a-1.zip?token=x",
    "another index's way up": f"{ACME}../secret",
    "another index's escaped way up": f"{ACME}%2e%2E/secret",
    "another index's step to nowhere": f"{ACME}./a-1.zip",
    "another index's escaped slash": f"{ACME}a%2Fb-1.zip",
    "another index's empty part": f"{ACME}a//b-1.zip",
    "another index's folder": f"{ACME}a/",
    "another index's backslash": f"{ACME}a%5Cb-1.zip",
    "another index's space": f"{ACME}a%20b-1.zip",
    "another index's escaped percent": f"{ACME}a%252e.zip",
    "another index's line feed": f"{ACME}a-1.zip\n",
    "another index's umlaut": f"{ACME}%C3%A4-1.zip",
}


@pytest.mark.parametrize("url", OTHERS.values(), ids=OTHERS.keys())
def test_the_appliance_claims_no_url_with(url: str) -> None:
    assert LINKS.cached_path(file(url, hashes={"sha256": SHA256})) is None


@pytest.mark.parametrize("url", [*OTHERS.values(), f"{PYPI}{PATH}", f"{ACME}a.zip"])
def test_a_url_on_a_page_leads_to_the_path_of_its_file(url: str) -> None:
    path = LINKS.cached_path(file(url))
    shown = url if path is None else f"../../{path}"
    assert LINKS.rewritten([file(url)], "../../", pypi=True) == [shown]
    kept = url if url.startswith(PYPI) else shown
    assert LINKS.rewritten([file(url)], "../../", pypi=False) == [kept]


def test_of_pypis_prefixes_the_first_one_that_a_url_has_is_its_prefix() -> None:
    short, url = PYPI.removesuffix("packages/"), f"{PYPI}{PATH}"
    assert Links((PYPI, short), ()).cached_path(file(url)) == f"packages/{PATH}"
    assert Links((short, PYPI), ()).cached_path(file(url)) is None


def test_a_url_below_pypis_prefix_is_not_another_indexs() -> None:
    links, old = Links((PYPI,), ("https://files.example/",)), file(f"{PYPI}source/a/a/a-1.zip")
    assert links.cached_path(old) is None
    assert links.rewritten([old], "../../", pypi=False) == [old["url"]]


NO_FILES = {
    "an unknown origin": "/files/evil.example/-/a-1.zip",
    "an origin without its port": "/files/packages.acme.example/-/files/a-1.zip",
    "a path outside the prefix": "/files/packages.acme.example:8443/-/secret/a-1.zip",
    "a way out of the prefix": "/files/packages.acme.example:8443/-/files/../secret",
    "a way out at the end": "/files/cdn.example/-/a/..",
    "the prefix alone": "/files/packages.acme.example:8443/-/files/",
    "a digest in capitals": f"/files/cdn.example/{SHA256.upper()}/a-1.zip",
    "a digest that is too short": "/files/cdn.example/00/a-1.zip",
    "no digest": "/files/cdn.example/a-1.zip",
    "an empty part": "/files/cdn.example/-//a-1.zip",
    "a space": "/files/cdn.example/-/a b.zip",
    "a line feed": "/files/cdn.example/-/a-1.zip\n",
    "PyPI's host": f"/files/files.example/-/packages/{PATH}",
    "no hashed path": "/packages/source/a/a/a-1.zip",
    "a longer hashed path": f"/packages/{PATH}/x",
    "another root": f"/simple/{PATH}",
    "nothing": "/",
}


@pytest.mark.parametrize("path", NO_FILES.values(), ids=NO_FILES.keys())
def test_no_file_comes_from_a_path_with(path: str) -> None:
    assert LINKS.source(path) is None


def test_links_of_a_page_lead_to_the_path_from_wherever_the_page_is() -> None:
    files = [
        file(PYPI + PATH, size=1),
        file(f"{ACME}a-1.zip", hashes={"sha256": SHA256}),
        file("https://elsewhere.example/a-1.zip"),
    ]
    for page, root in (
        ("https://cellar.example/simple/a/", "../../"),
        ("https://cellar.example/snapshot/2026-01-02/simple/a/", "../../../../"),
    ):
        found = LINKS.rewritten(files, root, pypi=True)
        assert [urljoin(page, url) for url in found] == [
            f"https://cellar.example/packages/{PATH}",
            f"https://cellar.example/files/packages.acme.example:8443/{SHA256}/files/a-1.zip",
            "https://elsewhere.example/a-1.zip",
        ]
        kept = LINKS.rewritten(files, root, pypi=False)
        assert kept == [PYPI + PATH, found[1], "https://elsewhere.example/a-1.zip"]
