"""With what indexes are asked: CA bundles and credentials, and where they come from."""

import base64
from pathlib import Path
from typing import Any

import pytest
import trustme

from cellar.settings import Settings
from cellar.upstream import AccessError, load_access
from unit.cellar.several import ACME, SEVERAL
from unit.cellar.support import PYPI, settings

SECRET = "hunter2"


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "credentials"
    directory.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(directory))
    return directory


def with_index(tmp_path: Path, **acme: Any) -> Settings:
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(ca_file)
    indexes = [PYPI, {**ACME, **acme}]
    upstream = {"ca_file": str(ca_file)}
    return settings(tmp_path, upstream=upstream, **{**SEVERAL, "indexes": indexes})


@pytest.mark.parametrize("text", ["ci:hunter2", "ci:hunter2\n", "ci:", "ci:a:b", "jürgen:käse"])
def test_a_credential_is_the_basic_authorization_of_its_index(
    tmp_path: Path, credentials: Path, text: str
) -> None:
    (credentials / "acme-credential").write_text(text, encoding="utf-8")
    access = load_access(with_index(tmp_path, credential="acme-credential"))
    encoded = base64.b64encode(text.strip().encode()).decode()
    assert access["acme"].authorization == f"Basic {encoded}"
    assert access["pypi"].authorization is None
    assert encoded not in repr(access)


@pytest.mark.parametrize("text", ["", "no-colon", f"ci:{SECRET}\nmore", f"ci:{SECRET}\0"])
def test_a_malformed_credential_is_one_sentence_without_it(
    tmp_path: Path, credentials: Path, text: str
) -> None:
    (credentials / "acme-credential").write_text(text, encoding="utf-8")
    with pytest.raises(
        AccessError, match=r"\A[^\n]+user:password; run the playbook again\.\Z"
    ) as e:
        load_access(with_index(tmp_path, credential="acme-credential"))
    assert SECRET not in str(e.value)


def test_a_missing_credential_is_one_sentence(tmp_path: Path, credentials: Path) -> None:
    path = credentials / "acme-credential"
    expected = rf"\A{path}: the credential of the index acme cannot be read: no such file"
    with pytest.raises(AccessError, match=expected):
        load_access(with_index(tmp_path, credential="acme-credential"))


def test_whoever_may_not_read_a_credential_is_told_who_may(
    tmp_path: Path, credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", forbid)
    path = credentials / "acme-credential"
    with pytest.raises(AccessError) as e:
        load_access(with_index(tmp_path, credential="acme-credential"))
    assert str(e.value) == (
        f"{path}: the credential of the index acme cannot be read: permission denied; run this as "
        "root."
    )


def test_an_index_has_its_own_ca_or_that_of_all(tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    trustme.CA().cert_pem.write_to_path(own)
    access = load_access(with_index(tmp_path, ca_file=str(own)))

    def loaded(name: str) -> list[Any]:
        return access[name].tls.get_ca_certs()

    assert len(loaded("acme")) == len(loaded("pypi")) == 1
    assert loaded("acme") != loaded("pypi")
    shared = load_access(with_index(tmp_path))
    assert shared["acme"].tls.get_ca_certs() == shared["pypi"].tls.get_ca_certs()


def test_a_ca_bundle_that_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match=r"\A/nonexistent/ca\.pem: .+ the index acme .+\.\Z"):
        load_access(with_index(tmp_path, ca_file="/nonexistent/ca.pem"))
