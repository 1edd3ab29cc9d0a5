"""Project pages as PyPI writes them, of any size, the same in every run."""

from __future__ import annotations

import json
import random
from typing import Any

# What `make bench` calls a large page: about that of numpy, or of a nightly's index.
LARGE = 2_400

_TAGS = (
    "cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp311-cp311-macosx_11_0_arm64",
    "cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64",
    "cp312-cp312-musllinux_1_2_x86_64",
    "cp313-cp313-win_amd64",
    "py3-none-any",
)


def page(project: str, files: int, files_host: str, index_host: str) -> bytes:
    """Return the JSON page (PEP 691 with all of PyPI's keys) of a project with so many files."""
    source = random.Random(project)
    entries = [_entry(source, project, number, files_host, index_host) for number in range(files)]
    document = {
        "files": entries,
        "meta": {"_last-serial": 1000 + files, "api-version": "1.4"},
        "name": project,
        "project-status": {"status": "active"},
        "versions": list(dict.fromkeys(_version(number) for number in range(files))),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def file_counts(pages: int) -> list[int]:
    """
    Return how many files each of a burst's pages has: log-normal, about 40 in the middle.

    So one page in ten has more than 185 files and one in a hundred more than 650: what a CI job
    resolves is a few small projects, many middling ones, and now and then a numpy.
    """
    source = random.Random("burst")
    return [min(LARGE, max(1, round(source.lognormvariate(3.7, 1.2)))) for _ in range(pages)]


def _version(number: int) -> str:
    release = number // len(_TAGS)
    return f"{release // 40}.{release // 5 % 8}.{release % 5}"


def _entry(
    source: random.Random, project: str, number: int, files_host: str, index_host: str
) -> dict[str, Any]:
    version = _version(number)
    filename = f"{project.replace('-', '_')}-{version}-{_TAGS[number % len(_TAGS)]}.whl"
    blake, sha256, metadata = (source.randbytes(32).hex() for _ in range(3))
    month, day = 1 + number % 12, 1 + number % 28
    attested = number % 3 == 0
    return {
        "core-metadata": {"sha256": metadata},
        "data-dist-info-metadata": {"sha256": metadata},
        "filename": filename,
        "hashes": {"sha256": sha256},
        "provenance": f"https://{index_host}/integrity/{project}/{version}/{filename}/provenance"
        if attested
        else None,
        "requires-python": ">=3.10",
        "size": source.randrange(10_000, 20_000_000),
        "upload-time": f"2025-{month:02}-{day:02}T10:20:30.{source.randrange(10**6):06}Z",
        "url": f"https://{files_host}/packages/{blake[:2]}/{blake[2:4]}/{blake[4:]}/{filename}",
        "yanked": False,
    }
