"""Exact cases, carried in ``tests/golden``: inputs and outputs as whole numbers and as texts of fractions.

Each module ``golden_<part>.py`` beside this file has ``FUNCTIONS``: what a case's ``function`` is, as a function of its
``input`` that returns what is ``expected``, with numbers of any exact kind. To try other cases of the same kind, name
their file in ``METER_GOLDEN``.
"""

import json
import os
import pkgutil
from collections.abc import Callable, Mapping
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import tests.economics

HERE = Path(__file__).resolve().parent
FILES = [HERE.parent / "golden" / "economics.json", *map(Path, filter(None, [os.environ.get("METER_GOLDEN")]))]
CASES = [case for file in FILES for case in json.loads(file.read_text(encoding="utf-8"))["cases"]]


def functions() -> Mapping[str, Callable[..., Any]]:
    modules = [module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name.startswith("golden_")]
    found: dict[str, Callable[..., Any]] = {}
    for name in modules:
        found |= import_module(f"{tests.economics.__name__}.{name}").FUNCTIONS
    return found


def exact(value: object) -> object:
    """A value with each of its numbers as a fraction, however it was written."""
    match value:
        case Mapping():
            return {str(name): exact(one) for name, one in value.items()}
        case list() | tuple():
            return [exact(one) for one in value]
        case str():
            try:
                return Fraction(value)
            except ValueError:
                return value
        case int() | Fraction():
            return Fraction(value)
        case _:
            raise AssertionError(f"{value!r} is no exact number")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_golden_case_holds_exactly(case: dict[str, Any]) -> None:
    outcome = functions()[case["function"]](**case["input"])

    assert exact(outcome) == exact(case["expected"])
