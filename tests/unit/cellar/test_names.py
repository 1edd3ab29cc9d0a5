"""Which spellings of a project's name are valid, and which one is asked for."""

import pytest

from cellar.index.names import is_normalised, is_valid, normalise

SPELLINGS = [
    ("six", "six"),
    ("Flask", "flask"),
    ("zope.interface", "zope-interface"),
    ("typing_extensions", "typing-extensions"),
    ("a--b__c..d-_.e", "a-b-c-d-e"),
    ("0", "0"),
    ("x2", "x2"),
]
INVALID = [
    "", "-", ".", "..", "_six", "six_", "-six", "six-", "six.", "si x", "six/seven", "six\n",
    "\u017fix", "straße", "\u212aelvin", "six%20", "six?", "six#", "six\0", "six:6",
]  # fmt: skip


@pytest.mark.parametrize(("name", "normalised"), SPELLINGS)
def test_every_spelling_of_a_name_has_the_one_normalised_form_of_pep_503(
    name: str, normalised: str
) -> None:
    assert is_valid(name)
    assert normalise(name) == normalised
    assert is_normalised(name) is (name == normalised)
    assert is_normalised(normalised)


@pytest.mark.parametrize("name", INVALID)
def test_what_pep_508_does_not_allow_is_no_name(name: str) -> None:
    assert not is_valid(name)
    assert not is_normalised(name)
