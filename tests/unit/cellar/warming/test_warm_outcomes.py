"""What `cellar warm` says of what the appliance does not have, and does not give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from cellar.cli import main
from cellar.warming import fetching
from unit.cellar.support import write_settings
from unit.cellar.warming.shop import (
    NEXT,
    SDIST,
    WHEEL,
    Shop,
    details,
    outcomes,
    uv_lock,
)
from unit.roles.engine import Answer
from unit.roles.variants import FILES_HOST

if TYPE_CHECKING:
    from unit.roles.engine import Request

REFUSAL = "demo is refused: ask security@acme.example."


def test_other_content_than_the_lock_file_promises_is_a_failure(shop: Shop) -> None:
    digest = shop.publish(WHEEL)

    result = shop.warm(uv_lock(shop, (shop.url(WHEEL), "0" * 64)))

    assert result.exit_code == 1
    assert outcomes(result)[WHEEL] == "failed"
    assert details(result)[WHEEL] == f"its SHA-256 is {digest}, and not {'0' * 64} as promised"


def test_metadata_that_its_page_does_not_promise_is_a_failure(shop: Shop) -> None:
    shop.publish(WHEEL)
    shop.stocked.contents[f"{shop.paths[WHEEL]}.metadata"] = b"other"

    result = shop.warm(shop.lock("demo==1.0\n"))

    assert result.exit_code == 1
    assert outcomes(result)[WHEEL] == "ok fetched"
    assert outcomes(result)[f"{WHEEL}.metadata"] == "failed"


def test_a_refused_file_is_told_with_the_appliances_sentence(shop: Shop) -> None:
    shop.publish(WHEEL)
    shop.publish(SDIST)
    problem = {"title": "Refused by policy", "status": 403, "detail": REFUSAL}
    shop.kept_back[WHEEL] = Answer(
        status=403,
        reason="Forbidden",
        headers={
            "X-File-Answer": "refused",
            "Cache-Control": "no-store",
            "Content-Type": "application/problem+json",
        },
        body=json.dumps(problem).encode(),
    )

    result = shop.warm(shop.lock("demo==1.0\n"))

    assert result.exit_code == 1
    assert (outcomes(result)[WHEEL], details(result)[WHEEL]) == ("refused", REFUSAL)
    assert outcomes(result)[SDIST] == "ok fetched"


def test_a_file_that_is_not_stored_is_not_downloaded(shop: Shop) -> None:
    size = 64 * 1024 * 1024
    shop.publish(SDIST, size)
    shop.kept_back[SDIST] = Answer(
        status=403,
        reason="Forbidden",
        headers={
            "X-File-Answer": "stream",
            "X-File-Target": shop.paths[SDIST],
            "Cache-Control": "no-store",
        },
    )

    result = shop.warm("--json", shop.lock("demo==1.0\n"))

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    (item,) = (each for each in told["items"] if each["name"] == SDIST)
    assert (item["outcome"], item["bytes"]) == ("not stored", 0)
    assert told["summary"]["not stored"] == 1
    # No more was asked for than a piece.
    (request,) = shop.asked(SDIST)
    assert request.headers["range"] == f"bytes=0-{fetching.PIECE - 1}"


def test_a_file_whose_clients_are_sent_to_upstream_is_not_stored(shop: Shop) -> None:
    shop.publish(SDIST)
    shop.kept_back[SDIST] = Answer(
        status=403,
        reason="Forbidden",
        headers={
            "X-File-Answer": "redirect",
            "X-File-Location": shop.url(SDIST),
            "Cache-Control": "no-store",
        },
    )

    result = shop.warm(shop.lock("demo==1.0\n"))

    assert result.exit_code == 0
    assert (outcomes(result)[SDIST], details(result)[SDIST]) == (
        "not stored",
        f"clients are sent to {FILES_HOST}",
    )
    assert shop.asked(SDIST) == []


def test_what_upstream_does_not_have_is_missing(shop: Shop) -> None:
    shop.publish(WHEEL)
    del shop.stocked.contents[shop.paths[WHEEL]]

    result = shop.warm(shop.lock("demo==1.0\nabsent==1.0\ndemo==3\n"))

    assert result.exit_code == 1
    said = outcomes(result)
    assert said[WHEEL] == said["demo 3"] == said["absent 1.0"] == "missing"
    assert said["page of absent, index door"] == "missing"
    assert details(result)[WHEEL] == "upstream does not have it"
    assert details(result)["demo 3"] == "its page has no file of this version"


def test_trouble_is_tried_again_and_told_if_it_stays(shop: Shop) -> None:
    shop.publish(SDIST)
    shop.publish(NEXT)
    answer = shop.stocked.engine.pypi.answer
    left = 1

    def trouble(request: Request) -> Answer:
        nonlocal left
        if request.target.endswith(SDIST) or (request.target.endswith(NEXT) and left):
            left -= request.target.endswith(NEXT)
            return Answer(status=500, reason="Oops")
        return answer(request)

    shop.stocked.engine.pypi.answer = trouble
    try:
        result = shop.warm("--parallel", "1", shop.lock("demo==1.0\ndemo==2.0\n"))
    finally:
        shop.stocked.engine.pypi.answer = answer

    assert result.exit_code == 1
    assert outcomes(result)[SDIST] == "failed"
    assert details(result)[SDIST].startswith("status 503: Cellar: the file is not in the cache")
    assert outcomes(result)[NEXT] == "ok fetched"


def test_an_appliance_that_does_not_answer_is_told_item_by_item(shop: Shop) -> None:
    shop.publish(SDIST)
    lock = shop.lock("demo==1.0\n")
    settings = write_settings(
        shop.directory / "other.toml",
        appliance={
            "https_port": 1,
            "intercept": False,
            "ca_file": str(shop.stocked.engine.directory / "ca.pem"),
        },
    )

    result = CliRunner().invoke(main, ["warm", "--settings", str(settings), lock])

    assert result.exit_code == 1
    assert details(result)["page of demo, index door"].startswith("no answer: ConnectError")
    assert outcomes(result)["demo 1.0"] == "failed"
