"""Real pip and uv install from the server over TLS, on loopback."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fakepypi.client import FakePyPI

COMMANDS = {
    "pip": ["pip", "--isolated", "--disable-pip-version-check", "install", "--no-cache-dir"],
    "uv": ["uv", "pip", "install", "--no-config", "--no-cache", "--python", sys.executable],
}
Install = Callable[[str], set[str]]


class InstallError(Exception):
    """The client failed; the message is all it said."""


@pytest.fixture(params=COMMANDS)
def install(
    request: pytest.FixtureRequest, upstream: FakePyPI, ca: Path, tmp_path: Path
) -> Install:
    """Install a requirement into an empty folder and return the distributions found there."""
    program, *options = COMMANDS[request.param]
    index = f"https://localhost:{upstream.https_port}/simple/"
    target = tmp_path / "target"
    environment = {
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "PIP_CONFIG_FILE": "/dev/null",
        "REQUESTS_CA_BUNDLE": str(ca),
        "SSL_CERT_FILE": str(ca),
    }

    def install(requirement: str) -> set[str]:
        command = [str(Path(sys.executable).parent / program), *options]
        done = subprocess.run(
            [*command, "--target", str(target), "--index-url", index, requirement],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise InstallError(done.stdout)
        return {path.name.removesuffix(".dist-info") for path in target.glob("*.dist-info")}

    return install


def test_demo_is_installed_with_its_dependency_and_without_the_yanked_version(
    upstream: FakePyPI, install: Install
) -> None:
    upstream.publish_demo()
    assert install("demo") == {"demo-1.1", "demo_dependency-1.1"}
    assert upstream.totals(path="*.whl", status=200).requests == 2
    assert upstream.totals(path="*.whl.metadata", status=200).requests == 2
    assert upstream.totals().aborted == 0


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize(
    ("requirement", "expected"),
    [("demo-local==1.0+cu128", "demo_local-1.0+cu128"), ("demo-local==1!0.5", "demo_local-1!0.5")],
)
def test_odd_versions_are_installed_from_either_form(
    upstream: FakePyPI, install: Install, form: str, requirement: str, expected: str
) -> None:
    upstream.publish_demo()
    with upstream.behaving("index", form=form):
        assert install(requirement) == {expected}


def test_an_sdist_is_built(upstream: FakePyPI, install: Install) -> None:
    upstream.publish("from-source", "3.0", kind="sdist", requires=["demo"])
    upstream.publish("demo", "1.0")
    assert install("from-source") == {"from_source-3.0", "demo-1.0"}


def test_a_wrong_bit_is_noticed_by_the_client(upstream: FakePyPI, install: Install) -> None:
    """Proves that the digests on the page are those of the right bytes."""
    upstream.publish("demo", "1.0", padding=1000)
    with (
        upstream.behaving("files", path="*.whl", flip_bit=1200),
        pytest.raises(InstallError, match=r"(?i)hash|crc"),
    ):
        install("demo")
