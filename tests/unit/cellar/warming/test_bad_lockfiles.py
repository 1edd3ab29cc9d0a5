"""Lock files that cannot be used: what is said of them, before anything is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cellar.warming import LockError, read_lock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("uv.lock", "version = 1\nversion = 2\n", "is not valid TOML: Cannot overwrite a value"),
        ("uv.lock", "version = 7\n", "version 7 of uv.lock is not known; known is 1."),
        (
            "uv.lock",
            "version = 1\n[[package]]\n",
            "package 1: name is missing.",
        ),
        ("uv.lock", "version = 1\npackage = 3\n", "package is 3; it must be a list of tables."),
        (
            "uv.lock",
            'version = 1\n[[package]]\nname = "a"\nwheels = [{ url = "https://x/", hash = 1 }]\n',
            "package 1 (a): hash is 1; it must be a text.",
        ),
        (
            "uv.lock",
            'version = 1\n[[package]]\nname = "a"\nwheels = [{ url = "https://x/" }]\n',
            "package 1 (a): 'https://x/' is no URL of a file.",
        ),
        (
            "poetry.lock",
            '[metadata]\nlock-version = "3.0"\n',
            "lock-version '3.0' of poetry.lock is not known; known are 1.1 and 2.",
        ),
        (
            "poetry.lock",
            (
                '[metadata]\nlock-version = "2.1"\n'
                '[[package]]\nname = "a"\nversion = "1"\nfiles = []\n'
            ),
            "package 1 (a): it has no files.",
        ),
        (
            "poetry.lock",
            (
                '[metadata]\nlock-version = "2.1"\n[[package]]\nname = "a"\nversion = "1"\n'
                'files = [{ file = "a-1.tar.gz", hash = "sha256:beef" }]\n'
            ),
            "package 1 (a): 'beef' is no SHA-256.",
        ),
        (
            "poetry.lock",
            (
                '[metadata]\nlock-version = "2.1"\n[[package]]\nname = "a"\nversion = "1"\n'
                'markers = "sometimes"\nfiles = [{ file = "a-1.tar.gz" }]\n'
            ),
            "package 1 (a): 'sometimes' is no environment marker.",
        ),
        (
            "pdm.lock",
            '[metadata]\nlock_version = "5.0"\n',
            "lock_version '5.0' of pdm.lock is not known; known is 4.",
        ),
        (
            "pylock.toml",
            'lock-version = "2.0"\ncreated-by = "x"\npackages = []\n',
            "lock-version 2.0 of pylock.toml is not known; known is 1.0.",
        ),
        (
            "pylock.toml",
            'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "A"\n',
            "Name 'A' is not normalized in 'packages[0].name'.",
        ),
        (
            "Pipfile.lock",
            '{\n  "_meta": \n}',
            "is not valid JSON: Expecting value (at line 3, column 1).",
        ),
        (
            "Pipfile.lock",
            '{"_meta": {"pipfile-spec": 7}}',
            "pipfile-spec 7 of Pipfile.lock is not known; known is 6.",
        ),
        (
            "Pipfile.lock",
            '{"_meta": {"pipfile-spec": 6}, "default": {"a": {"version": "*"}}}',
            "default.a: version is '*'; it must begin with ==.",
        ),
        ("setup.cfg", "[metadata]\n", "is of no known format; known are requirements.txt, uv.lock"),
        ("pyproject.toml", '[project]\nname = "a"\n', "is of no known format; known are"),
        ("package-lock.json", '{"name": "a"}', "is of no known format; known are"),
        ("deep.json", '{"a":' * 100_000, "is nested too deeply."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_the_place(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(LockError) as caught:
        read_lock(path)

    message = str(caught.value)
    assert message.startswith(f"{path}: {sentence}")
    assert message.endswith(".")
    assert "\n" not in message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"absent\.txt: cannot be read: no such file or directory"):
        read_lock(tmp_path / "absent.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(LockError, match=r"latin\.txt: is not UTF-8 text"):
        read_lock(tmp_path / "latin.txt")
