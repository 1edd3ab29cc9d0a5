"""Which file URLs the index door turns into the appliance's own."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.index.links import appliance_url
from unit.cellar.support import hashed_path

FILES_URL = "https://files.example/packages/"
PATH = hashed_path("a_b-1!2.0+c~1-py3-none-any.whl")

digests = st.from_regex(re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}"), fullmatch=True)
names = st.from_regex(re.compile(r"[A-Za-z0-9]([A-Za-z0-9._+!~-]|%2[bB1]|%7[eE])*"), fullmatch=True)


@given(digest=digests, name=names, files_url=st.sampled_from([FILES_URL, "https://f.example/"]))
def test_the_index_doors_url_and_upstreams_are_a_prefix_swap_apart(
    digest: str, name: str, files_url: str
) -> None:
    url = f"{files_url}{digest}/{name}"
    assert appliance_url(url, files_url) == f"../../packages/{digest}/{name}"


OTHERS = {
    "another host": f"https://elsewhere.example/packages/{PATH}",
    "another scheme": f"http://files.example/packages/{PATH}",
    "another port": f"https://files.example:8443/packages/{PATH}",
    "another case of the host": f"https://FILES.example/packages/{PATH}",
    "a user": f"https://me@files.example/packages/{PATH}",
    "a longer host": f"https://files.example.evil.example/packages/{PATH}",
    "another prefix": f"https://files.example/other/{PATH}",
    "a query": f"{FILES_URL}{PATH}?x=1",
    "a fragment": f"{FILES_URL}{PATH}#sha256=00",
    "the prefix alone": FILES_URL,
    "an old path": f"{FILES_URL}source/a/a/a-1.zip",
    "a digest in capitals": FILES_URL + hashed_path("a-1.zip", "A"),
    "a digest that is too short": f"{FILES_URL}aa/bb/{'c' * 59}/a-1.zip",
    "a digest that is too long": f"{FILES_URL}aa/bb/{'c' * 61}/a-1.zip",
    "no name": f"{FILES_URL}aa/bb/{'c' * 60}/",
    "a deeper path": f"{FILES_URL}{PATH}/a-1.zip",
    "a way up": f"{FILES_URL}{hashed_path('..')}",
    "an escaped slash": FILES_URL + hashed_path("a%2fb-1.zip"),
    "an escaped letter": FILES_URL + hashed_path("%61-1.zip"),
    "a space": FILES_URL + hashed_path("a b-1.zip"),
    "a line feed at its end": FILES_URL + hashed_path("a-1.zip\n"),
    "digits of another script": FILES_URL + hashed_path("a-\u0661.zip"),
    "nothing": "",
}


@pytest.mark.parametrize("url", OTHERS.values(), ids=OTHERS.keys())
def test_the_appliance_claims_no_url_with(url: str) -> None:
    assert appliance_url(url, FILES_URL) is None
