"""Entity tags: what they carry, and that nothing else is taken for one."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.settings import IndexSettings
from cellar.upstream import Absent, Found, NotModified
from cellar.upstream.validators import LONGEST, Kind, Part, Tag, compose, mark, parse

PYPI = IndexSettings(
    name="pypi",
    url="https://index.example/simple/",
    files=("https://files.example/packages/",),
    ca_file="",
    credential="",
    missing_statuses=(),
)
ACME = replace(PYPI, name="acme", url="https://packages.acme.example/simple/")
REVISION = "0123abcd-1jx"


def found(etag: str | None = None, body: bytes = b"{}") -> Found:
    return Found("https://index.example/", body, None, None, None, etag)


# What RFC 9110 lets stand in an entity tag, and what it does not.
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'))
etags = st.one_of(
    st.none(),
    values.map(lambda v: f'"{v}"'),
    values.map(lambda v: f'W/"{v}"'),
    st.text(max_size=20),
)
serials = st.none() | st.integers(0, 10**18 - 1)
outcomes = st.builds(found, etags, st.binary(max_size=9)) | st.just(Absent())
said = st.lists(st.tuples(outcomes, serials), min_size=1, max_size=5)
untils = st.none() | st.integers(0, 10**12 - 1)


def tag_of(said: list[tuple[Found | Absent, int | None]], until: int | None) -> Tag:
    indexes = [replace(PYPI, url=f"https://{n}.example/simple/") for n in range(len(said))]
    parts = (Part.of(i, o, s) for i, (o, s) in zip(indexes, said, strict=True))
    return Tag(REVISION, until, tuple(parts))


@given(said=said, until=untils)
def test_a_tag_is_read_as_it_was_written_or_is_too_long_to_be_kept(
    said: list[tuple[Found | Absent, int | None]], until: int | None
) -> None:
    tag = tag_of(said, until)
    bodies = {
        part.mark: outcome.body
        for part, (outcome, _) in zip(tag.parts, said, strict=True)
        if isinstance(outcome, Found)
    }
    written = compose(tag, bodies, b"view")
    assert re.fullmatch(r'(?:W/)?"[!#-~]*"', written), "RFC 9110 section 8.8.3"
    assert len(written) <= LONGEST
    read = parse(written)
    if len(str(tag)) <= LONGEST:
        assert read == tag
        assert written.startswith("W/") == any(p.kind is Kind.WEAK for p in tag.parts)
    elif read is not None:
        assert (read.revision, read.until) == (REVISION, until)
        assert [(p.mark, p.serial) for p in read.parts] == [(p.mark, p.serial) for p in tag.parts]
        assert {p.kind for p in read.parts} <= {Kind.DIGEST, Kind.ABSENT}
    else:
        assert re.fullmatch(r'"[0-9a-f]{32}"', written)


@given(value=values, weak=st.booleans())
def test_upstream_is_asked_with_its_own_tag(value: str, weak: bool) -> None:  # noqa: FBT001
    etag = f'{"W/" if weak else ""}"{value}"'
    part = Part.of(PYPI, found(etag), 5)
    assert part.condition == etag
    tag = Tag(REVISION, None, (part,))
    if len(str(tag)) <= LONGEST:
        again = parse(str(tag))
        assert again is not None
        assert again.parts[0].condition == etag
    assert part.holds(NotModified(None, None))
    assert not part.holds(found(etag))
    assert not part.holds(Absent())


@pytest.mark.parametrize("etag", [None, "", "abc", '"a', '"a b"', '"ä"', 'W/"a""b"', '"a"b"'])
def test_the_body_is_compared_where_upstream_has_no_usable_tag(etag: str | None) -> None:
    part = Part.of(PYPI, found(etag, b"body"), None)
    assert part.condition is None
    assert part.holds(found(None, b"body"))
    assert not part.holds(found(None, b"other"))
    assert not part.holds(Absent())


def test_a_project_that_an_index_does_not_have_is_asked_for_again() -> None:
    part = Part.of(PYPI, Absent(), None)
    assert part.condition is None
    assert part.holds(Absent())
    assert not part.holds(found())


@given(text=st.text(max_size=40) | st.from_regex(r'(W/)?"[0-9a-z.:%-]{0,50}"'))
def test_garbage_is_ignored(text: str) -> None:
    tag = parse(text)
    assert tag is None or parse(str(tag)) == tag


TAG = Tag(REVISION, 100, (Part.of(PYPI, found('"a.b"'), 7), Part.of(ACME, Absent(), None)))
OTHERS = [
    "*",
    "",
    f"{TAG}, {TAG}",
    str(TAG).strip('"'),
    str(TAG)[:-2] + '"',
    str(TAG).replace(".100.", ".soon."),
    str(TAG).replace(":7:", ":-7:"),
    str(TAG).replace(":n", ":x"),
    f'"{REVISION}.100"',
    f'"{REVISION}.100.{"x" * 200}"',
    f'"{"9" * 32}"',
    str(TAG) + "\n",
]


@pytest.mark.parametrize("text", OTHERS)
def test_what_only_resembles_a_tag_is_none(text: str) -> None:
    assert parse(str(TAG)) == TAG
    assert parse(text) is None


def test_upstream_is_asked_on_the_strength_of_a_tag_only_while_it_says_what_is_asked_for() -> None:
    indexes = (PYPI, ACME)
    assert TAG.conditions(REVISION, indexes, 99.9)
    assert not TAG.conditions(REVISION, indexes, 100.0), "policy has changed the page"
    assert not TAG.conditions("0123abce-1jx", indexes, 0), "the settings have changed"
    assert not TAG.conditions(REVISION, (PYPI,), 0), "an index is gone"
    assert not TAG.conditions(REVISION, (ACME, PYPI), 0), "the priority has changed"
    assert replace(TAG, until=None).conditions(REVISION, indexes, 1e12)


def test_indexes_have_marks_of_their_own() -> None:
    assert mark(PYPI) != mark(ACME)
    assert mark(PYPI) == mark(replace(PYPI, name="renamed"))
