"""Which files `cellar warm` asks for."""

from __future__ import annotations

import hashlib
import json

import pytest

from unit.cellar.warming.shop import (
    LINUX,
    NEXT,
    SDIST,
    WHEEL,
    WINDOWS,
    Shop,
    details,
    outcomes,
    uv_lock,
)
from unit.roles.engine import INDEX_DOOR
from unit.roles.variants import FILES_HOST


@pytest.mark.parametrize(
    ("filters", "files"),
    [
        ([], {WHEEL, LINUX, WINDOWS, SDIST}),
        (["--no-sdists"], {WHEEL, LINUX, WINDOWS}),
        (["--python", "3.12", "--platform", "manylinux_2_28_x86_64"], {WHEEL, LINUX, SDIST}),
        (["--python", "3.11", "--no-sdists"], {WHEEL}),
        (["--platform", "win_amd64", "--platform", "win32", "--no-sdists"], {WHEEL, WINDOWS}),
    ],
)
def test_only_what_fits_the_filters_is_fetched(
    shop: Shop, filters: list[str], files: set[str]
) -> None:
    for filename in (WHEEL, LINUX, WINDOWS, SDIST, NEXT):
        shop.publish(filename)

    result = shop.warm(*filters, shop.lock("demo==1.0\n"))

    assert result.exit_code == 0, result.output
    assert set(outcomes(result)) & {*shop.paths} == files


def test_hashes_choose_the_files(shop: Shop) -> None:
    shop.publish(WHEEL)
    linux = shop.publish(LINUX)
    text = f"demo==1.0 --hash=sha256:{linux} --hash=sha256:{'0' * 64}\n"

    result = shop.warm(shop.lock(text))

    assert result.exit_code == 0
    assert set(outcomes(result)) & {*shop.paths} == {LINUX}
    assert details(result)["demo 1.0"] == "1 of its hashes are of no file on its page"


def test_a_lock_file_with_names_alone_finds_them_on_the_page(shop: Shop) -> None:
    digest = shop.publish(WHEEL)
    text = (
        '[[package]]\nname = "demo"\nversion = "1.0"\n'
        f'files = [{{file = "{WHEEL}", hash = "sha256:{digest}"}},\n'
        f'{{file = "{SDIST}", hash = "sha256:{digest}"}}]\n[metadata]\nlock-version = "2.1"\n'
    )

    result = shop.warm(shop.lock(text, "poetry.lock"))

    assert result.exit_code == 1
    assert outcomes(result)[WHEEL] == "ok fetched"
    assert outcomes(result)[SDIST] == "missing"
    assert details(result)[SDIST] == "it is not on the page of demo"


def test_a_file_that_its_page_does_not_show_is_fetched_by_its_url(shop: Shop) -> None:
    shop.publish(SDIST)
    path = shop.stocked.publish(WHEEL, 1000)
    digest = hashlib.sha256(shop.stocked.contents[path]).hexdigest()

    for url in (f"https://{FILES_HOST}{path}", f"https://{INDEX_DOOR}{path}"):
        result = shop.warm(uv_lock(shop, (url, digest)))
        assert result.exit_code == 0, result.output
        assert WHEEL in outcomes(result)
    assert shop.stocked.cache_status(path) == "HIT"


@pytest.mark.parametrize(
    "url",
    [
        f"https://elsewhere.example/{WHEEL}",
        f"https://{INDEX_DOOR}/healthz/{WHEEL}",
        f"https://{FILES_HOST}/packages/source/d/demo/{WHEEL}",
    ],
)
def test_nothing_is_asked_for_a_url_that_does_not_lead_to_the_appliance(
    shop: Shop, url: str
) -> None:
    shop.publish(SDIST)

    result = shop.warm(uv_lock(shop, (url, "0" * 64)))

    assert result.exit_code == 1
    assert outcomes(result)[WHEEL] == "missing"
    assert details(result)[WHEEL] == f"{url} does not lead to the appliance"
    assert shop.asked("/packages/") == []


def test_an_old_url_is_of_the_file_that_its_page_has_today(shop: Shop) -> None:
    digest = shop.publish(SDIST)
    url = f"https://{FILES_HOST}/packages/source/d/demo/{SDIST}"

    result = shop.warm(shop.lock(f"demo @ {url}#sha256={digest}\n"))

    assert result.exit_code == 0, result.output
    assert outcomes(result)[SDIST] == "ok fetched"
    assert shop.stocked.cache_status(shop.paths[SDIST]) == "HIT"


def test_another_file_of_the_same_name_has_no_metadata_of_its_page(shop: Shop) -> None:
    shop.publish(WHEEL)
    path = shop.stocked.publish(WHEEL, 900)
    digest = hashlib.sha256(shop.stocked.contents[path]).hexdigest()

    result = shop.warm(uv_lock(shop, (f"https://{FILES_HOST}{path}", digest)))

    assert result.exit_code == 0, result.output
    assert outcomes(result)[WHEEL] == "ok fetched"
    assert f"{WHEEL}.metadata" not in outcomes(result)


def test_a_list_of_projects_takes_the_newest_release_that_fits(shop: Shop) -> None:
    shop.publish(WHEEL)
    shop.publish(NEXT, requires_python=">=3.12")
    shop.publish("demo-3.0-py3-none-any.whl", yanked=True)
    shop.publish("demo-4.0rc1-py3-none-any.whl")
    shop.publish("demo-5.0-cp312-cp312-win_amd64.whl")
    listing = shop.lock("# ours\ndemo\n", "top.txt")
    linux = ["--platform", "manylinux_2_28_x86_64"]

    def fetched(*filters: str) -> set[str]:
        result = shop.warm(*filters, listing)
        assert result.exit_code == 0, result.output
        return set(outcomes(result)) & {*shop.paths}

    assert fetched() == {"demo-5.0-cp312-cp312-win_amd64.whl"}
    assert fetched(*linux) == {NEXT}
    assert fetched(*linux, "--python", "3.11") == {WHEEL}
    assert fetched(*linux, "--python", "3.11", "--python", "3.12") == {WHEEL, NEXT}


def test_what_nobody_needs_here_is_left_out_and_no_failure(shop: Shop) -> None:
    digest = shop.publish(WINDOWS)
    linux = ["--platform", "manylinux_2_28_x86_64"]

    marked = shop.warm(*linux, shop.lock("demo==1.0 ; sys_platform == 'win32'\n"))
    named = shop.warm(*linux, uv_lock(shop, (shop.url(WINDOWS), digest)))

    assert (marked.exit_code, named.exit_code) == (0, 0)
    assert details(marked)["demo 1.0"] == "its marker does not hold here"
    assert details(named)["demo 1.0"] == "none of its files fits"
    assert outcomes(marked)["demo 1.0"] == outcomes(named)["demo 1.0"] == "left out"
    assert shop.asked(WINDOWS) == []


def test_a_pin_of_which_nothing_fits_is_missing(shop: Shop) -> None:
    shop.publish(SDIST)

    result = shop.warm("--no-sdists", shop.lock("demo==1.0\n"))

    assert (result.exit_code, outcomes(result)["demo 1.0"]) == (1, "missing")


def test_what_several_lock_files_want_is_asked_for_once(shop: Shop) -> None:
    digest = shop.publish(WHEEL)
    locks = shop.lock("demo==1.0\n"), uv_lock(shop, (shop.url(WHEEL), digest))

    result = shop.warm(*locks, "--json")

    names = [each["name"] for each in json.loads(result.stdout)["items"]]
    assert len(names) == len(set(names)) == 4


def test_what_is_missing_from_several_lock_files_is_told_once(shop: Shop) -> None:
    shop.publish(WHEEL)

    result = shop.warm(shop.lock("demo==7\n"), shop.lock("demo==7\n", "again.txt"))

    assert result.stdout.count("demo 7") == 1


def test_a_file_of_another_index_is_found_where_its_page_has_it(shop: Shop) -> None:
    digest = shop.publish_at_acme(WHEEL, hashed=True)
    url = f"https://{shop.stocked.engine.origin_name}/whl/{WHEEL}"

    # A lock file may have the URL and not the hash, which is a part of the path.
    for text in ("demo==1.0\n", f"demo==1.0 --hash=sha256:{digest}\n", f"demo @ {url}\n"):
        result = shop.warm(shop.lock(text))
        assert result.exit_code == 0, result.output
        assert WHEEL in outcomes(result)
    assert shop.stocked.cache_status(shop.paths[WHEEL]) == "HIT"
    assert len(shop.stocked.engine.origin.asked(WHEEL)) == 1


def test_a_file_whose_page_says_no_hash_has_to_have_one_of_the_lock_file(shop: Shop) -> None:
    digest = shop.publish_at_acme(WHEEL, hashed=False)

    right = shop.warm(shop.lock(f"demo==1.0 --hash=sha256:{digest}\n"))
    wrong = shop.warm(shop.lock(f"demo==1.0 --hash=sha256:{'0' * 64}\n"))

    assert (right.exit_code, wrong.exit_code) == (0, 1)
    assert outcomes(right)[WHEEL] == "ok fetched"
    assert outcomes(wrong)[WHEEL] == "failed"
