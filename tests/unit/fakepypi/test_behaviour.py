"""Behaviours as data: JSON form, what they match, how they add up, and what is refused."""

import json
import re
from typing import Any

import pytest

from fakepypi.http.message import Request
from fakepypi.misbehaviour.behaviour import MIRROR, Behaviour, Effects


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "files", "path": "/packages/*", "method": "GET", "times": 2, "status": 503},
        {"rate": 5_000_000, "delay": 0.5, "stall_after": 0, "skip": 1},
        {"headers": {"ETag": None, "Set-Cookie": "a=b"}, "framing": "chunked"},
        {"connection": "reset", "times": 3},
        dict(MIRROR),
    ],
)
def test_json_form_is_the_fields_that_were_set(fields: dict[str, Any]) -> None:
    behaviour = Behaviour(**fields)
    document = json.loads(json.dumps(behaviour.set_fields()))
    assert document == fields
    assert Behaviour.from_json(document) == behaviour


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "Behaviour must be a JSON object"),
        ({"stauts": 503}, "Behaviour has no stauts; it has changing_etag, "),
        ({"status": "503"}, "status cannot be '503'"),
        ({"status": True}, "status cannot be True"),
        ({"host": "elsewhere", "status": 503}, "host cannot be 'elsewhere'"),
        ({"framing": "none"}, "framing cannot be 'none'"),
        ({"headers": {"ETag": 1}}, "headers cannot be {'ETag': 1}"),
        ({}, "needs at least one effect"),
        ({"host": "files", "times": 1}, "needs at least one effect"),
        ({"status": 503, "times": 0}, "times must be at least 1, not 0"),
        ({"rate": 0}, "rate must be above 0 bytes per second, not 0"),
        ({"shared_rate": -1}, "shared_rate must be above 0 bytes per second, not -1"),
        ({"connection": "reset", "host": "files"}, "leave out host, path, method"),
    ],
)
def test_a_wrong_behaviour_is_refused_in_one_sentence(document: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Behaviour.from_json(document)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"host": "files"}, True),
        ({"host": "index"}, False),
        ({"path": "*.whl"}, True),
        ({"path": "/packages/*/demo-1.0-*.whl"}, True),
        ({"path": "*.WHL"}, False),
        ({"path": "demo*"}, False),
        ({"method": "GET"}, True),
        ({"method": "HEAD"}, False),
        ({"host": "files", "path": "*.tar.gz"}, False),
    ],
)
def test_a_behaviour_takes_the_requests_it_names(
    selector: dict[str, Any], *, matches: bool
) -> None:
    path = "/packages/aa/bb/cc/demo-1.0-py3-none-any.whl"
    request = Request("GET", path, path, "", ())
    assert Behaviour(status=503, **selector).matches("files", request) is matches


def test_effects_add_up_and_the_later_one_wins() -> None:
    first = Behaviour(host="files", status=503, headers={"A": "1", "B": "1"}, times=1)
    second = Behaviour(status=404, delay=1.0, headers={"B": "2"})
    both = Effects().plus(first).plus(second)
    assert both == Effects(status=404, delay=1.0, headers={"A": "1", "B": "2"})
