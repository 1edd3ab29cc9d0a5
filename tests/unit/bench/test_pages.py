"""The pages that are measured are like PyPI's, and the same in every run."""

from __future__ import annotations

import gzip
import json
import re
import statistics

from bench.pages import LARGE, file_counts, page

HOSTS = ("files.example", "index.example")


def test_a_page_is_the_same_in_every_run_and_no_other_projects() -> None:
    assert page("demo", 50, *HOSTS) == page("demo", 50, *HOSTS)
    assert page("demo", 50, *HOSTS) != page("other", 50, *HOSTS)


def test_a_page_has_pypis_keys_and_file_urls() -> None:
    document = json.loads(page("big-demo", 100, *HOSTS))

    assert document["meta"]["api-version"] == "1.4"
    assert document["name"] == "big-demo"
    assert len({file["filename"] for file in document["files"]}) == 100
    for file in document["files"]:
        assert file.keys() == {
            "core-metadata", "data-dist-info-metadata", "filename", "hashes", "provenance",
            "requires-python", "size", "upload-time", "url", "yanked",
        }  # fmt: skip
        assert re.fullmatch(
            r"https://files\.example/packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/"
            + re.escape(file["filename"]),
            file["url"],
        )
        assert file["filename"].split("-")[1] in document["versions"]


def test_a_large_page_compresses_no_better_than_a_real_one() -> None:
    """Hashes do not: reference measurements have about 155 bytes a file."""
    body = page("large", LARGE, *HOSTS)

    assert 130 < len(gzip.compress(body, 6)) / LARGE < 180


def test_a_burst_has_small_pages_and_a_few_large_ones() -> None:
    counts = sorted(file_counts(1000))

    assert file_counts(1000) == file_counts(1000)
    assert 30 < statistics.median(counts) < 50
    assert 150 < counts[900] < 230
    assert counts[0] >= 1
    assert 650 < counts[-1] <= LARGE
