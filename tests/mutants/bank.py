"""The bank of mutants: small mistakes that somebody could make, each in a file named after it.

A file says what its mistake breaks, which text it puts in place of which, and which tests must notice. Whoever changes
a line that a mutant changes too changes the mutant with it.
"""

import ast
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


class StaleMutant(Exception):
    """A mutant that does not fit the code any more; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One text in place of another, which stands exactly once in its file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mistake."""

    name: str
    breaks: str
    """What the books, or a caller, would see of it."""
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    """What must notice, as pytest names it."""
    quick: bool = False
    """Killed within the ordinary tests too."""

    def texts(self, root: Path) -> Mapping[str, str]:
        """The files as the mistake leaves them.

        Raises:
            StaleMutant: an old text is not there, or not once.
        """
        texts: dict[str, str] = {}
        for edit in self.edits:
            text = texts.get(edit.file) or (root / edit.file).read_text(encoding="utf-8")
            if text.count(edit.old) != 1:
                raise StaleMutant(
                    f"{self.name}: its text stands {text.count(edit.old)} times in {edit.file}, not once."
                )
            texts[edit.file] = text.replace(edit.old, edit.new)
        return texts

    def missing_tests(self, root: Path) -> list[str]:
        """Those of its tests that are not in their files."""
        return [test for test in self.tests if not _is_there(root, test)]


def bank() -> tuple[Mutant, ...]:
    """Every mutant, by name."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.toml")))


def _read(path: Path) -> Mutant:
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    edits = tuple(Edit(**edit) for edit in said.pop("edit"))
    return Mutant(name=path.stem, edits=edits, tests=tuple(said.pop("tests")), **said)


def _is_there(root: Path, test: str) -> bool:
    file, _, name = test.partition("::")
    tree = ast.parse((root / file).read_text(encoding="utf-8"))
    functions = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return name.partition("[")[0] in functions
