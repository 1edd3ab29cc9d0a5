"""Filters: which files a Python version and a platform can use, as installers decide it."""

from __future__ import annotations

import pytest
from packaging.markers import Marker

from cellar.warming import FilterError, Filters

LINUX = "manylinux_2_28_x86_64"


@pytest.mark.parametrize(
    ("filename", "fits"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        ("a-1-py2-none-any.whl", False),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", True),
        ("a-1-cp312-cp312-manylinux_2_28_x86_64.whl", True),
        ("a-1-cp312-cp312-manylinux_2_34_x86_64.whl", False),
        ("a-1-cp312-cp312-manylinux1_x86_64.whl", True),
        ("a-1-cp312-cp312-linux_x86_64.whl", True),
        ("a-1-cp312-cp312-manylinux_2_17_aarch64.whl", False),
        ("a-1-cp312-cp312-musllinux_1_1_x86_64.whl", False),
        ("a-1-cp312-cp312-win_amd64.whl", False),
        ("a-1-cp312-cp312-macosx_11_0_arm64.whl", False),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp313-cp313-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp39-abi3-manylinux_2_17_x86_64.whl", True),
        ("a-1-cp313-abi3-manylinux_2_17_x86_64.whl", False),
        ("a-1-py3-none-manylinux_2_17_x86_64.whl", True),
        ("a-1-cp312-none-any.whl", True),
        ("a-1-pp310-pypy310_pp73-manylinux_2_17_x86_64.whl", False),
        ("a-1.tar.gz", True),
        ("a-1-py3.12.egg", False),
        ("a-1.win-amd64-py3.12.exe", False),
        ("a-1-odd.whl", False),
    ],
)
def test_a_file_fits_if_an_installer_on_that_machine_could_take_it(
    filename: str, *, fits: bool
) -> None:
    assert Filters(("3.12",), (LINUX,)).fits(filename) is fits


@pytest.mark.parametrize(
    ("platform", "older", "newer"),
    [
        ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_18_x86_64"),
        ("manylinux_2_5_i686", "manylinux1_i686", "manylinux2010_i686"),
        ("musllinux_1_2_aarch64", "musllinux_1_1_aarch64", "musllinux_1_3_aarch64"),
        ("macosx_14_0_arm64", "macosx_11_0_universal2", "macosx_15_0_arm64"),
        ("win_amd64", "win_amd64", "win_arm64"),
        ("win32", "win32", "win_amd64"),
    ],
)
def test_a_platform_takes_what_is_built_for_older_ones(
    platform: str, older: str, newer: str
) -> None:
    filters = Filters(platforms=(platform,))

    assert filters.fits(f"a-1-cp312-cp312-{older}.whl")
    assert not filters.fits(f"a-1-cp312-cp312-{newer}.whl")
    assert filters.fits("a-1-py3-none-any.whl")


def test_a_version_alone_asks_for_every_platform() -> None:
    filters = Filters(("3.12",))

    assert filters.fits("a-1-cp312-cp312-win_amd64.whl")
    assert filters.fits("a-1-cp312-cp312-manylinux_2_17_s390x.whl")
    assert not filters.fits("a-1-cp311-cp311-win_amd64.whl")


def test_python_without_the_gil_has_wheels_of_its_own() -> None:
    assert Filters(("3.13t",)).fits("a-1-cp313-cp313t-win_amd64.whl")
    assert not Filters(("3.13t",)).fits("a-1-cp313-cp313-win_amd64.whl")
    assert not Filters(("3.13",)).fits("a-1-cp313-cp313t-win_amd64.whl")


def test_several_versions_take_what_one_of_them_takes() -> None:
    filters = Filters(("3.11", "3.12"))

    assert filters.fits("a-1-cp311-cp311-win32.whl")
    assert filters.fits("a-1-cp312-cp312-win32.whl")
    assert not filters.fits("a-1-cp310-cp310-win32.whl")


def test_without_filters_everything_fits() -> None:
    for filename in ("a-1-cp312-cp312-win_amd64.whl", "a-1.tar.gz", "a-1-py2.7.egg", "a-1-odd.whl"):
        assert Filters().fits(filename)


def test_source_distributions_can_be_left_out() -> None:
    filters = Filters(sdists=False)

    assert not filters.fits("a-1.tar.gz")
    assert not filters.fits("a-1.zip")
    assert filters.fits("a-1-py3-none-any.whl")


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("sys_platform == 'win32'", False),
        ("sys_platform == 'linux'", True),
        ("os_name == 'posix' and platform_system == 'Linux'", True),
        ("platform_machine == 'x86_64'", True),
        ("platform_machine == 'aarch64'", False),
        ("python_version < '3.12'", False),
        ("python_full_version >= '3.12.4'", True),
        ("python_full_version < '3.12.4'", True),
        ("implementation_name == 'pypy'", False),
        # Whether it was chosen, no filter says.
        ("extra == 'socks'", True),
    ],
)
def test_a_marker_is_held_against_the_filters(marker: str, *, holds: bool) -> None:
    assert Filters(("3.12",), (LINUX,)).holds(Marker(marker)) is holds


def test_a_marker_holds_if_it_does_so_where_nobody_says() -> None:
    assert Filters().holds(Marker("sys_platform == 'emscripten'"))
    assert Filters(("3.12",)).holds(Marker("sys_platform == 'win32'"))
    assert Filters(platforms=(LINUX,)).holds(Marker("python_version < '3.10'"))
    assert not Filters(platforms=(LINUX,)).holds(Marker("sys_platform == 'darwin'"))


def test_a_requires_python_may_name_a_patch_release() -> None:
    filters = Filters(("3.12",))

    assert filters.fits_python(">=3.12.4")
    assert filters.fits_python("<3.12.4")
    assert not filters.fits_python(">=3.13")
    assert filters.fits_python("what it may be")
    assert Filters().fits_python(">=3.99")


@pytest.mark.parametrize(
    ("python", "platform", "sentence"),
    [
        ("312", LINUX, "'312' is no version of Python such as 3.12 or 3.13t."),
        ("2.7", LINUX, "'2.7' is no version of Python such as"),
        ("3.12", "linux", "'linux' is no platform tag such as manylinux_2_28_x86_64"),
    ],
)
def test_a_filter_that_is_none_is_refused_in_one_sentence(
    python: str, platform: str, sentence: str
) -> None:
    with pytest.raises(FilterError) as caught:
        Filters((python,), (platform,))

    assert str(caught.value).startswith(sentence)
