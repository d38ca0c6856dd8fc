"""Run the tests of mutants, each in a copy of the tree that holds its mistake: all must fail there, and pass without.

python -m tests.mutants.run --jobs 2 settle_twice hangup_is_free
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.bank import Mutant, bank

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis")
ABOUT_THIS_RUN = ("PYTEST_", "COV_", "COVERAGE_")
"""What the variables begin with that say how these tests are run and measured: those of a mutant are their own."""

SECONDS_MAX = 300
PASSED, FAILED = 0, 1
"""pytest's exit codes; all others say that the tests could not be run."""


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"
    """Its tests could not be run, or did not end: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How the tests of a mutant ended."""

    mutant: Mutant
    fate: Fate
    seconds: float
    said: str
    """The last lines of the tests."""


class Tree:
    """A copy of the repository, for one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        shutil.copytree(ROOT, self.root, ignore=LEFT_OUT)
        self._changes = 0

    @contextmanager
    def mistaken(self, mutant: Mutant) -> Iterator[None]:
        """Hold a mutant's mistake."""
        texts = mutant.texts(self.root)
        right = {name: (self.root / name).read_text(encoding="utf-8") for name in texts}
        try:
            self._write(texts)
            yield
        finally:
            self._write(right)

    def test(self, tests: Sequence[str], *options: str) -> tuple[int | None, str]:
        """Run tests: pytest's exit code, None where they did not end; and the end of what it said."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests]
        ours = {name: value for name, value in os.environ.items() if not name.startswith(ABOUT_THIS_RUN)}
        environment = ours | {"PYTHONPATH": str(self.root)}
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None, f"They did not end within {SECONDS_MAX} s."
        return done.returncode, "\n".join((done.stdout + done.stderr).splitlines()[-30:])

    def _write(self, texts: dict[str, str]) -> None:
        """Write files, each time as of another moment: Python knows by that and their size whether they changed."""
        self._changes += 1
        for name, text in texts.items():
            path = self.root / name
            path.write_text(text, encoding="utf-8")
            moment = ROOT.joinpath(name).stat().st_mtime + self._changes
            os.utime(path, (moment, moment))


def judged(mutant: Mutant, tree: Tree) -> Verdict:
    """Run a mutant's tests with its mistake."""
    began = time.monotonic()
    with tree.mistaken(mutant):
        code, said = tree.test(mutant.tests, "-x")
    fate = {PASSED: Fate.SURVIVED, FAILED: Fate.KILLED}.get(-1 if code is None else code, Fate.BROKEN)
    return Verdict(mutant=mutant, fate=fate, seconds=time.monotonic() - began, said=said)


def judge(mutants: Sequence[Mutant], jobs: int) -> Iterator[Verdict]:
    """Run the tests of all, each mutant in a tree that nobody else uses meanwhile."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: SimpleQueue[Tree] = SimpleQueue()
        for number in range(jobs):
            trees.put(Tree(Path(folder, str(number))))

        def in_a_tree(mutant: Mutant) -> Verdict:
            tree = trees.get()
            try:
                return judged(mutant, tree)
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(in_a_tree, mutants)


def without_a_mistake(mutants: Sequence[Mutant]) -> tuple[int | None, str]:
    """Run the tests of all mutants on the code as it is."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        return Tree(Path(folder)).test(sorted({test for mutant in mutants for test in mutant.tests}))


def chosen(names: Sequence[str]) -> tuple[Mutant, ...]:
    """The mutants of these names, or all.

    Raises:
        SystemExit: there is none of a name.
    """
    known = {mutant.name: mutant for mutant in bank()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"There is no mutant {', '.join(unknown)}; there are {', '.join(known)}.")
    return tuple(known[name] for name in names or known)


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line, and say of each mutant what became of it."""
    parser = argparse.ArgumentParser(description="See the tests fail on every mistake of the bank.")
    parser.add_argument("names", nargs="*", metavar="MUTANT", help="all, where none is named")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    given = parser.parse_args(words)
    mutants = chosen(given.names)
    code, said = without_a_mistake(mutants)
    if code != PASSED:
        sys.stdout.write(f"{said}\nTheir tests do not pass without any mistake.\n")
        return 1
    return told(judge(mutants, given.jobs), len(mutants))


def told(verdicts: Iterator[Verdict], count: int) -> int:
    """Say every verdict; the exit code."""
    killed = 0
    for verdict in verdicts:
        killed += verdict.fate is Fate.KILLED
        sys.stdout.write(f"{verdict.fate:8} {verdict.seconds:5.1f} s  {verdict.mutant.name}: {verdict.mutant.breaks}\n")
        if verdict.fate is not Fate.KILLED:
            sys.stdout.write(f"{verdict.said}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{killed} of {count} mutants were killed.\n")
    return 0 if killed == count else 1


if __name__ == "__main__":
    sys.exit(main())
