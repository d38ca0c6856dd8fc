"""``scripts/chaos`` finds the books right, and says what it did."""

import re
from itertools import islice

import pytest

from tests.end_to_end.chaos import CHECKS, main, plan


def test_a_short_run_leaves_the_books_right_and_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--minutes", "0.07", "--seed", "5"])
    said = capsys.readouterr().out

    assert ended.value.code == 0, said
    assert said.startswith("seed: 5\n")
    assert re.search(r"^operations: [1-9]\d* calls \(.*\), [1-9]\d* charges written$", said, re.MULTILINE)
    assert re.search(r"^faults: .*[1-9]\d* x replies lost by cut", said, re.MULTILINE)
    assert [line.removeprefix("holds: ") for line in said.splitlines() if line.startswith("holds: ")] == list(CHECKS)


def test_a_seed_brings_the_same_faults_again() -> None:
    first, again, other = (list(islice(plan(seed), 20)) for seed in (1, 1, 2))

    assert first == again != other
