"""The format of requirements.txt, which pip's documentation describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cellar.warming import LockError, read_lock

if TYPE_CHECKING:
    from pathlib import Path

    from cellar.warming.wanted import Lock

A, B = "a" * 64, "b" * 64


def read(directory: Path, text: str, **others: str) -> Lock:
    for name, content in others.items():
        (directory / f"{name}.txt").write_text(content)
    path = directory / "requirements.txt"
    path.write_text(text)
    return read_lock(path)


def pins(lock: Lock) -> list[str]:
    return [str(each) for each in lock.wanted]


def test_lines_may_go_on_and_have_comments(tmp_path: Path) -> None:
    lock = read(
        tmp_path,
        "\ufeff# of ours\n"
        f"Six == 1.0 \\\n    --hash=sha256:{A} \\\n    --hash sha256:{B}  # both\n"
        "idna[all]===3.10 # pinned\r\n"
        "click==8.1.8 \\\n# a comment ends it\n"
        "# of no line \\\n"
        "a==1; python_version < '3.9'\n",
    )

    assert pins(lock) == ["six 1.0", "idna 3.10", "click 8.1.8", "a 1"]
    assert lock.wanted[0].sha256 == {A, B}
    assert str(lock.wanted[3].marker) == 'python_version < "3.9"'


def test_hashes_of_other_algorithms_do_not_choose(tmp_path: Path) -> None:
    lock = read(tmp_path, f"six==1.0 --hash=sha512:{A}{A} --hash=sha256:{B.upper()}\n")

    assert lock.wanted[0].sha256 == {B}


def test_included_files_are_read_from_where_the_including_one_is(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/inner.txt").write_text("-r sibling.txt\nidna==3.10\n")
    (tmp_path / "sub/sibling.txt").write_text("click==8.1.8\n")

    for form in ("-r sub/inner.txt", "-rsub/inner.txt", "--requirement=sub/inner.txt"):
        assert pins(read(tmp_path, f"{form}\nsix==1.0\n")) == [
            "click 8.1.8",
            "idna 3.10",
            "six 1.0",
        ]


def test_constraints_pin_what_is_wanted_and_want_nothing(tmp_path: Path) -> None:
    lock = read(
        tmp_path,
        "six\nclick\n-c limits.txt\n",
        limits="six==1.0\n-r more.txt\n",
        more="click==8.1.8\nb==2\n",
    )

    assert pins(lock) == ["six 1.0", "click 8.1.8"]


def test_a_url_may_have_its_hash_in_its_fragment(tmp_path: Path) -> None:
    url = "https://files.example/packages/six-1.0%2Blocal.tar.gz"
    lock = read(tmp_path, f"six @ {url}#egg=six&sha256={A}\n")

    (file,) = lock.wanted[0].files
    assert (file.filename, file.url, file.sha256) == ("six-1.0+local.tar.gz", url, A)


def test_what_no_index_has_is_passed_over_and_told(tmp_path: Path) -> None:
    lines = ["-e .", "./wheels/a-1.tar.gz", "git+https://git.example/a", "a @ git+ssh://x/a"]
    lock = read(tmp_path, "\n".join(lines))

    assert lock.wanted == ()
    assert len(lock.notices) == len(lines)
    assert "line 4: it comes from a folder or a repository and not from an index" in lock.notices[3]


def test_options_of_installing_change_nothing(tmp_path: Path) -> None:
    lock = read(tmp_path, "--require-hashes\n--only-binary :all:\nsix==1.0 --config-settings=a=b\n")

    assert (pins(lock), lock.notices) == (["six 1.0"], ())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("six>=1.0\n", "line 1: six is not pinned with ==; lock the file first, with"),
        ("a==1\n\nsix==1.*\n", "line 3: six is not pinned with =="),
        ("six==1.0 oops\n", "line 1: 'six==1.0 oops' is no requirement: "),
        ("six==1.0 --hash=sha256:beef\n", "line 1: 'beef' is no SHA-256."),
        (
            "https://x.example/a.whl\n",
            "line 1: write the project's name before the URL, as `name @ ",
        ),
        ("--frobnicate\n", "line 1: '--frobnicate' is no option of a requirements file."),
        ("-r\n", "line 1: -r names no file."),
        ("-r absent.txt\n", "line 1: absent.txt cannot be read: no such file or directory."),
        ("-r requirements.txt\n", "line 1: requirements.txt includes itself."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_the_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, text)

    assert str(caught.value).startswith(f"{tmp_path}/requirements.txt: {sentence}")
    assert "\n" not in str(caught.value)


def test_what_is_wrong_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"inner\.txt: line 2: six is not pinned"):
        read(tmp_path, "a==1\n-r inner.txt\n", inner="b==1\nsix\n")
