#!/usr/bin/env python3
"""What atheris runs: the readers and writers of pages against their invariants."""

import sys

import atheris  # type: ignore[import-untyped]  # it is not in .venv

with atheris.instrument_imports(include=["cellar", "urllib"]):
    from fuzz.invariants import check


def test_one_input(data: bytes) -> None:
    """Take an input from the fuzzer."""
    check(data)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
