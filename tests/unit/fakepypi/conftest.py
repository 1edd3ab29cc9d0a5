from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from fakepypi.client import FakePyPI
from fakepypi.publication import PublishedFile
from fakepypi.raw import Answer, RawClient
from fakepypi.running import running


@pytest.fixture(scope="session")
def server() -> Iterator[FakePyPI]:
    with running("index.example", "files.example", plain_http=True) as client:
        yield client


@pytest.fixture
def upstream(server: FakePyPI) -> FakePyPI:
    server.reset()
    return server


@pytest.fixture(scope="session")
def ca(server: FakePyPI, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_text(server.ca_pem)
    return path


@pytest.fixture
def raw(upstream: FakePyPI, ca: Path) -> RawClient:
    return RawClient(upstream.https_port, ca)


@pytest.fixture
def ask_index(raw: RawClient) -> Callable[..., Answer]:
    return partial(raw.ask, "index.example")


@pytest.fixture
def ask_files(raw: RawClient) -> Callable[..., Answer]:
    return partial(raw.ask, "files.example")


@pytest.fixture
def ask_file(upstream: FakePyPI, ask_files: Callable[..., Answer]) -> Callable[..., Answer]:
    """Callable[..., Answer] for a file of 200,000 bytes."""
    file = upstream.publish("demo", "1.0", kind="blob", filename="demo.whl", size=200_000)
    return partial(ask_files, file.path)


@pytest.fixture
def ask_page(upstream: FakePyPI, ask_index: Callable[..., Answer]) -> Callable[..., Answer]:
    """Callable[..., Answer] for the page of a project with one file."""
    upstream.publish("demo", "1.0")
    return partial(ask_index, "/simple/demo/")


@pytest.fixture
def odd(upstream: FakePyPI) -> tuple[PublishedFile, PublishedFile]:
    """Publish a wheel and an sdist that show each key of a page in two states."""
    wheel = upstream.publish(
        "Odd.Name",
        "1.0+cu128",
        requires=["dep>=1"],
        yanked='a > b & "c"',
        provenance={"version": 1},
        upload_time="2026-03-01T12:00:00.000001Z",
    )
    sdist = upstream.publish(
        "Odd.Name",
        "2.0",
        kind="sdist",
        requires_python=None,
        upload_time="2026-03-02T12:00:00.5Z",
    )
    return wheel, sdist
