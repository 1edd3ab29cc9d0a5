"""What `cellar explain` can be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.explain.question import Question, QuestionError
from unit.cellar.policy.support import file

WHEEL = "demo-1.2-py3-none-any.whl"
FILES = (
    WHEEL,
    "demo-1.2.tar.gz",
    "Demo-2.0rc1.tar.gz",
    "demo-2.0+cu128-py3-none-any.whl",
    "demo-2004d.zip",
    "demo.exe",
)


def asked(text: str) -> list[str]:
    question = Question.parse(text)
    assert "demo" in question.projects
    return [name for name in FILES if question.is_about(file(name), "demo")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("demo", list(FILES)),
        (" Demo ", list(FILES)),
        ("demo[extra]", list(FILES)),
        ("demo; python_version < '3'", list(FILES)),
        ("demo==1.2", [WHEEL, "demo-1.2.tar.gz"]),
        ("demo == 1.2.0", [WHEEL, "demo-1.2.tar.gz"]),
        ("demo>=1.2,<2", [WHEEL, "demo-1.2.tar.gz"]),
        ("demo>1.2", ["Demo-2.0rc1.tar.gz", "demo-2.0+cu128-py3-none-any.whl"]),
        ("demo==2.0", ["demo-2.0+cu128-py3-none-any.whl"]),
        ("demo===2004d", ["demo-2004d.zip"]),
        ("demo==9", []),
    ],
)
def test_a_requirement_is_about_all_files_of_its_versions(text: str, found: list[str]) -> None:
    assert asked(text) == found


@pytest.mark.parametrize(
    "text",
    [
        WHEEL,
        f"{WHEEL}.metadata",
        f"https://files.example/packages/aa/bb/cc/{WHEEL}",
        f"https://user@files.example/{WHEEL}?x=1#sha256=00",
        f"https://files.example/{WHEEL}.metadata",
        f"demo @ https://files.example/{WHEEL}",
        "https://files.example/%64emo-1.2-py3-none-any.whl",
    ],
)
def test_a_file_is_asked_about_by_its_name_or_its_url(text: str) -> None:
    assert asked(text) == [WHEEL]


def test_a_local_version_in_a_url_may_be_escaped() -> None:
    assert asked("https://files.example/demo-2.0%2Bcu128-py3-none-any.whl") == [FILES[3]]


def test_a_file_name_that_tells_several_projects_is_of_any_of_them() -> None:
    assert Question.parse("demo-1.0-1.tar.gz").projects == ("demo-1-0", "demo")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is neither a requirement "),
        ("demo=1.2", "is neither a requirement "),
        ("demo==x y", "is neither a requirement "),
        ("./dist/demo-1.2.tar.gz", "is neither a requirement "),
        ("https://files.example/", "names no project; ask with the project's name."),
        ("https://files.example/readme.txt", "names no project; "),
        ("https://[files.example/demo-1.2.tar.gz", "is not a URL that can be parsed."),
    ],
)
def test_what_cannot_be_understood_is_told_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(QuestionError) as caught:
        Question.parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.one_of(st.text(), st.text("ab-1.=@:/[];%", max_size=20)))
def test_any_text_is_a_question_or_an_error_in_a_sentence(text: str) -> None:
    said = "."
    try:
        assert Question.parse(text).projects
    except QuestionError as error:
        said = str(error)
    assert said.endswith(".")
    assert "\n" not in said
