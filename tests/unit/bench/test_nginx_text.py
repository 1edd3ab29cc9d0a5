"""nginx's configuration survives being read and written again."""

from __future__ import annotations

from bench.nginx_text import text
from support.nginx import parse, rendered


def test_the_appliances_own_configuration_survives() -> None:
    http = rendered()

    assert parse(text(http.block)).block == http.block


def test_what_needs_quotes_gets_them() -> None:
    written = text(parse('map $a $b { "" x; "~^[ -~]*\\z" "a\\"b"; }\nevents { }').block)

    assert '"" x;' in written
    assert '"~^[ -~]*\\\\z" "a\\"b";' in written
    assert "events {" in written


def test_an_empty_block_stays_one() -> None:
    assert (
        parse(text(parse("events { }\ntypes { }").block)).block
        == parse("events { }\ntypes { }").block
    )
    assert text(parse("types { }").block).split() == ["types", "{", "}"]
