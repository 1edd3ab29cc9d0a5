"""
Lock files, as the tools themselves wrote them: what they want.

All in data/ are of one small project, with the hosts of PyPI replaced and most files of markupsafe
taken out; the names tell which tool wrote them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cellar.warming import read_lock
from cellar.warming.wanted import Named

DATA = Path(__file__).parent / "data"
URL = "https://files.example/packages/six-1.0.tar.gz"

CLICK = {
    "click-8.1.8-py3-none-any.whl": (
        "63c132bbbed01578a06712a2d1f497bb62d9c1c0d329b7903a866228027263b2"
    ),
    "click-8.1.8.tar.gz": "ed53c9d8990d83c2a27deae68e4ee337473f6330c040a31d4225c9574d16096a",
}
COLORAMA = {
    "colorama-0.4.6-py2.py3-none-any.whl": (
        "4f1d9991f5acc0ca119f9d443620b77f9d6b33703e51011c16baf57afb285fc6"
    ),
    "colorama-0.4.6.tar.gz": "08695f5cb7ed6e0531a20572697297273c47b8cae5a63ffc6d6ed5c201be6e44",
}
IDNA = {
    "idna-3.10-py3-none-any.whl": (
        "946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3"
    ),
    "idna-3.10.tar.gz": "12f65c9b470abda6dc35cf8e63cc574b1c52b11df2c86030af0ac09b01b13ea9",
}
MARKUPSAFE = {
    "MarkupSafe-3.0.2-cp312-cp312-macosx_11_0_arm64.whl": (
        "846ade7b71e3536c4e56b386c2a47adf5741d2d8b94ec9dc3e92e5e1ee1e2225"
    ),
    "MarkupSafe-3.0.2-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": (
        "e17c96c14e19278594aa4841ec148115f9c7615a47382ecb6b82bd8fea3ab0c8"
    ),
    "MarkupSafe-3.0.2-cp312-cp312-musllinux_1_2_x86_64.whl": (
        "ad10d3ded218f1039f11a75f8091880239651b52e9bb592ca27de44eed242a48"
    ),
    "MarkupSafe-3.0.2-cp312-cp312-win_amd64.whl": (
        "8e06879fc22a25ca47312fbe7c8264eb0b662f6db27cb2d3bbbc74b1df4b9b87"
    ),
    "markupsafe-3.0.2.tar.gz": "ee55d3edf80167e48ea11a923c7386f4669df67d7994554387f84e7d8b0a2bf0",
}
SIX = {
    "six-1.17.0-py2.py3-none-any.whl": (
        "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"
    )
}
THREE = {"click 8.1.8": CLICK, "idna 3.10": IDNA, "markupsafe 3.0.2": MARKUPSAFE}
FOUR = THREE | {"colorama 0.4.6": COLORAMA}
FIVE = FOUR | {"six 1.17.0": SIX}
# What pip locks is one environment.
ONE_EACH = {
    "click 8.1.8": {"click-8.1.8-py3-none-any.whl": CLICK["click-8.1.8-py3-none-any.whl"]},
    "idna 3.10": {"idna-3.10-py3-none-any.whl": IDNA["idna-3.10-py3-none-any.whl"]},
    "markupsafe 3.0.2": {
        "MarkupSafe-3.0.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": (
            "a123e330ef0853c6e822384873bef7507557d8e4a082961e1defa947aa59ba84"
        )
    },
}
WINDOWS = {"sys_platform": 'sys_platform == "win32"', "system": 'platform_system == "Windows"'}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("uv.lock", FIVE),
        ("poetry.lock", FOUR),
        ("pylock.uv.toml", FIVE),
        ("pylock.pip.toml", ONE_EACH),
        ("pdm.plain.lock", FOUR),
        ("pdm.static.lock", FOUR),
    ],
)
def test_every_file_that_a_lock_file_names_is_wanted_with_its_hash(
    name: str, files: dict[str, dict[str, str]]
) -> None:
    lock = read_lock(DATA / name)

    assert {
        str(each): {file.filename: file.sha256 for file in each.files} for each in lock.wanted
    } == files
    assert lock.notices == ()


@pytest.mark.parametrize(
    "name", ["uv.lock", "pylock.uv.toml", "pylock.pip.toml", "pdm.static.lock"]
)
def test_urls_are_those_of_the_lock_file(name: str) -> None:
    files = [file for each in read_lock(DATA / name).wanted for file in each.files]

    for file in files:
        assert file.url is not None
        assert file.url.startswith("https://files.example/packages/")
        assert file.url.endswith(f"/{file.filename}")


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("requirements.pip-compile.txt", THREE),
        ("requirements.uv-export.txt", FOUR),
        ("Pipfile.lock", THREE),
    ],
)
def test_every_hash_of_a_lock_file_without_names_is_wanted(
    name: str, files: dict[str, dict[str, str]]
) -> None:
    wanted = [each for each in read_lock(DATA / name).wanted if each.version]

    assert {str(each): each.sha256 for each in wanted} == {
        pin: frozenset(named.values()) for pin, named in files.items()
    }


def test_a_url_among_requirements_is_wanted_with_its_hash() -> None:
    (six,) = (each for each in read_lock(DATA / "requirements.uv-export.txt").wanted if each.files)

    (file,) = six.files
    assert {file.filename: file.sha256} == SIX
    assert (
        file.url
        == f"https://files.example/packages/b7/ce/{'149a00dd41f10bc29e5921b496af8b574d8413afcd5e30dfa0ed46c2cc5e'}/{file.filename}"
    )


@pytest.mark.parametrize(
    ("name", "marker"),
    [
        ("requirements.uv-export.txt", WINDOWS["sys_platform"]),
        ("pylock.uv.toml", WINDOWS["sys_platform"]),
        ("pdm.plain.lock", WINDOWS["system"]),
        # The one of either group.
        ("poetry.lock", f'{WINDOWS["system"]} or python_version < "3.13"'),
    ],
)
def test_markers_are_those_of_the_lock_file(name: str, marker: str) -> None:
    markers = {each.project: str(each.marker) for each in read_lock(DATA / name).wanted}

    assert markers["colorama"] == marker
    assert markers["click"] == "None"


def test_what_else_a_requirements_file_says_of_indexes_is_told() -> None:
    path = DATA / "requirements.pip-compile.txt"

    assert read_lock(path).notices == (
        f"{path}: line 7: --extra-index-url is ignored; the appliance asks its own indexes.",
        f"{path}: line 8: --extra-index-url is ignored; the appliance asks its own indexes.",
        f"{path}: line 9: --find-links is ignored; the appliance asks its own indexes.",
    )


def test_the_lock_file_of_an_old_poetry_has_its_files_apart(tmp_path: Path) -> None:
    digest = "a" * 64
    path = tmp_path / "poetry.lock"
    path.write_text(
        '[[package]]\nname = "Six"\nversion = "1.0"\ncategory = "main"\n\n'
        '[metadata]\nlock-version = "1.1"\n\n'
        f'[metadata.files]\nSix = [\n  {{file = "six-1.0.tar.gz", hash = "sha256:{digest}"}},\n]\n'
    )

    (six,) = read_lock(path).wanted

    assert (str(six), six.files[0].filename, six.files[0].sha256) == (
        "six 1.0",
        "six-1.0.tar.gz",
        digest,
    )


def test_the_lock_file_of_an_old_pdm_has_its_files_apart(tmp_path: Path) -> None:
    path = tmp_path / "pdm.lock"
    path.write_text(
        '[[package]]\nname = "six"\nversion = "1.0"\n\n'
        '[metadata]\nlock_version = "4.1"\n\n'
        '[metadata.files]\n"six 1.0" = '
        f'[{{file = "six-1.0.tar.gz", hash = "sha256:{"a" * 64}"}}]\n'
    )

    (six,) = read_lock(path).wanted

    assert [(file.filename, file.sha256) for file in six.files] == [("six-1.0.tar.gz", "a" * 64)]


def test_a_package_that_one_group_always_wants_has_no_marker(tmp_path: Path) -> None:
    path = tmp_path / "poetry.lock"
    path.write_text(
        '[[package]]\nname = "six"\nversion = "1.0"\ngroups = ["main", "test"]\n'
        'markers = {test = "python_version < \'3.9\'"}\nfiles = [{file = "six-1.0.tar.gz"}]\n'
        '[metadata]\nlock-version = "2.1"\n'
    )

    assert read_lock(path).wanted[0].marker is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "poetry.lock",
            (
                '[[package]]\nname = "six"\nversion = "1.0"\n'
                f'files = [{{file = "six-1.0.tar.gz", hash = "sha256:{"a" * 64}"}}]\n'
                f'[package.source]\ntype = "url"\nurl = "{URL}"\n'
                '[metadata]\nlock-version = "2.1"\n'
            ),
        ),
        (
            "pdm.lock",
            (
                f'[[package]]\nname = "six"\nversion = "1.0"\nurl = "{URL}"\n'
                f'files = [{{file = "six-1.0.tar.gz", hash = "sha256:{"a" * 64}"}}]\n'
                '[metadata]\nlock_version = "4.5.0"\n'
            ),
        ),
        (
            "Pipfile.lock",
            (
                '{"_meta": {"pipfile-spec": 6}, "default": {"six": '
                f'{{"file": "{URL}", "hashes": ["sha256:{"a" * 64}"]}}}}}}'
            ),
        ),
    ],
)
def test_a_package_that_was_locked_by_its_url_is_wanted_by_its_url(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    (six,) = read_lock(path).wanted

    assert six.files == (Named("six-1.0.tar.gz", URL, "a" * 64),)


@pytest.mark.parametrize(
    ("name", "text", "notice"),
    [
        (
            "uv.lock",
            (
                'version = 1\n[[package]]\nname = "a"\nversion = "1"\n'
                'source = { git = "https://git.example/a" }\n'
            ),
            "package 1 (a): it comes from git https://git.example/a",
        ),
        (
            "uv.lock",
            (
                'version = 1\n[[package]]\nname = "a"\nversion = "1"\n'
                'source = { registry = "wheels" }\nwheels = [{ path = "a-1.whl" }]\n'
            ),
            "package 1 (a): it comes from registry wheels",
        ),
        (
            "poetry.lock",
            (
                '[[package]]\nname = "a"\nversion = "1"\nfiles = []\n'
                '[package.source]\ntype = "git"\n'
                '[metadata]\nlock-version = "2.1"\n'
            ),
            "package 1 (a): it comes from git",
        ),
        (
            "pdm.lock",
            (
                '[metadata]\nlock_version = "4.5.0"\n[[package]]\nname = "a"\nversion = "1"\n'
                'path = "./a"\n'
            ),
            "package 1 (a): it comes from path",
        ),
        (
            "pylock.toml",
            (
                'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "a"\n'
                'directory = { path = "." }\n'
            ),
            "package 1 (a): it comes from a folder or a file on a disk",
        ),
        (
            "Pipfile.lock",
            '{"_meta": {"pipfile-spec": 6}, "default": {"a": {"git": "https://git.example/a"}}}',
            "default.a: it comes from git",
        ),
    ],
)
def test_what_no_index_has_is_passed_over_and_told(
    tmp_path: Path, name: str, text: str, notice: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    lock = read_lock(path)

    assert lock.wanted == ()
    assert lock.notices == (f"{path}: {notice} and not from an index; passed over.",)


def test_the_project_that_was_locked_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "uv.lock"
    path.write_text(
        'version = 1\n[[package]]\nname = "a"\nversion = "1"\nsource = { virtual = "." }\n'
    )

    assert read_lock(path).notices == ()


def test_a_list_of_projects_wants_each_once(tmp_path: Path) -> None:
    path = tmp_path / "top.txt"
    path.write_text("# the top\nsix\nTyping_Extensions  # much used\n\nSix\n")

    assert [str(each) for each in read_lock(path).wanted] == ["six", "typing-extensions"]
