"""Metrics are served as the timer has written them, to the networks that are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.roles.engine import INDEX_DOOR, running
from unit.roles.variants import FILES_HOST, INDEX_HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from unit.roles.engine import Engine

TEXT = b"# TYPE cellar_info gauge\ncellar_info 1.0\n"


@pytest.fixture(scope="module")
def engine(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    directory = tmp_path_factory.mktemp("metrics")
    (directory / "metrics").write_bytes(TEXT)
    with running(nginx_program, directory, __cellar_metrics_file=str(directory / "metrics")) as run:
        yield run


NETWORKS = [
    (["127.0.0.0/8", "::1/128"], 200),
    (["192.0.2.0/24", "127.0.0.1/32"], 200),
    (["192.0.2.0/24", "2001:db8::/32"], 403),
    ([], 404),
]


@pytest.mark.parametrize(("networks", "status"), NETWORKS)
def test_metrics_are_for_the_networks_that_are_named(
    engine: Engine, networks: list[str], status: int
) -> None:
    engine.reload(cellar_metrics_networks=networks)

    answer = engine.ask("/metrics")

    assert answer.status == status
    assert (answer.body == TEXT) is (status == 200)
    if status == 403:
        assert answer.body.startswith(b"Cellar: metrics are for the networks ")


@pytest.mark.parametrize("path", ["/metrics", "/report.html"])
def test_whoever_comes_by_the_proxy_door_is_not_the_appliance_itself(
    engine: Engine, path: str
) -> None:
    """The tunnels come from this machine, and their users from anywhere."""
    this_machine = ["127.0.0.0/8"]
    networks = {"cellar_metrics_networks": this_machine, "cellar_report_networks": this_machine}

    engine.reload(cellar_proxy=True, **networks)
    assert engine.ask_from("127.0.0.2", path).status == 403
    assert engine.ask_from("127.0.0.1", path).status != 403

    engine.reload(cellar_proxy=False)
    assert engine.ask_from("127.0.0.2", path).status != 403


def test_metrics_are_text_of_prometheus_that_nobody_keeps(engine: Engine) -> None:
    engine.reload(cellar_metrics_networks=["127.0.0.0/8"])

    headers = engine.ask("/metrics").headers

    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert engine.ask("/metrics", method="POST").status == 405
    assert engine.rewriter.requests == []


def test_who_watches_is_no_traffic_of_clients(engine: Engine) -> None:
    engine.reload(cellar_metrics_networks=["127.0.0.1"])
    before = (engine.directory / "log/access.log").read_text()
    engine.ask("/metrics")
    engine.reload()  # what is buffered is written when the old workers end

    assert (engine.directory / "log/access.log").read_text() == before


def test_without_a_file_the_timer_is_named(engine: Engine) -> None:
    engine.reload(
        cellar_metrics_networks=["127.0.0.0/8"],
        __cellar_metrics_file=f"{engine.directory}/absent/metrics",
    )
    answer = engine.ask("/metrics")

    assert (answer.status, b"cellar-metrics.timer" in answer.body) == (404, True)


@pytest.mark.parametrize("host", [INDEX_HOST, FILES_HOST])
def test_pypis_names_have_no_metrics_of_ours(engine: Engine, host: str) -> None:
    engine.reload(cellar_metrics_networks=["127.0.0.0/8"])

    assert engine.ask("/metrics", INDEX_DOOR).status in {200, 404}
    assert b"cellar_info" not in engine.ask("/metrics", host).body
    assert engine.pypi.asked("/metrics")
