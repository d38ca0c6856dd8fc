"""The bank fits the code, and its quick mutants are killed; all of them: scripts/mutants."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.bank import Mutant, StaleMutant, bank
from tests.mutants.run import ROOT, Fate, Tree, judged, main, told

ALL = bank()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("mutants"))


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_code_and_names_tests_that_are_there(mutant: Mutant) -> None:
    changed = mutant.texts(ROOT)

    assert all(text != Path(ROOT, name).read_text(encoding="utf-8") for name, text in changed.items())
    assert mutant.tests
    assert mutant.missing_tests(ROOT) == []


@pytest.mark.parametrize("mutant", [one for one in ALL if one.quick], ids=lambda mutant: mutant.name)
def test_a_quick_mutant_is_killed(mutant: Mutant, tree: Tree) -> None:
    verdict = judged(mutant, tree)

    assert verdict.fate is Fate.KILLED, verdict.said


def test_a_mistake_that_is_none_survives_and_is_a_failure(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    quick = next(one for one in ALL if one.quick)
    none = replace(quick, edits=(replace(quick.edits[0], new=quick.edits[0].old),))
    verdict = judged(none, tree)

    assert verdict.fate is Fate.SURVIVED
    assert told(iter([verdict]), 1) == 1
    assert "0 of 1 mutants were killed" in capsys.readouterr().out


def test_tests_that_cannot_be_run_kill_nobody(tree: Tree) -> None:
    quick = next(one for one in ALL if one.quick)

    assert judged(replace(quick, tests=("tests/nowhere.py",)), tree).fate is Fate.BROKEN


def test_a_mutant_that_does_not_fit_any_more_is_a_failure() -> None:
    quick = next(one for one in ALL if one.quick)
    stale = replace(quick, edits=(replace(quick.edits[0], old="what nobody wrote"),))

    with pytest.raises(StaleMutant, match="stands 0 times in meter/"):
        stale.texts(ROOT)


def test_the_command_says_of_a_mutant_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    quick = next(one for one in ALL if one.quick)

    assert main([quick.name, "--jobs", "1"]) == 0
    assert "1 of 1 mutants were killed" in capsys.readouterr().out
