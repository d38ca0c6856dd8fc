"""What the style asks of every module, and no linter knows: amounts never meet ``/`` nor a binary float."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "meter"

ALLOWED = {
    ("credits.py", "micro / rounding.step"): "exact: a Fraction over an int is a Fraction",
    ("gateway/served.py", "amount * 1e-06"): "a metric: Prometheus knows floats alone",
}
"""What may be, each with its reason. ``economics`` divides as it likes: it estimates, and charges nobody."""

LINES_MAX = 300
LONG = {"ledger/promise.py": 360, "policy/model.py": 366}
"""Modules that are values with their meanings, and no rule: a split would only hide one from the other."""

STRICT = ("credits.py", "till.py", "ledger/", "policy/", "pricing/")
"""Where every division needs its reason; elsewhere those of something named like an amount."""

AMOUNT = re.compile(
    r"(^|_)(amount|at_most|balance|base|commitment|consumed|cost|credits|debit|granted|held|included|limit|micro|minimum"
    r"|overage|price|remaining|required|reserved|shortfall|spendable|spent|step)($|_)"
)
"""Names that an amount may have."""
PLACE = re.compile(r"(^|_)(data|dir|folder|package|packaged|parent|path|place|root|directory|home)$")
"""Names that a path may have: its ``/`` joins."""


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if "economics" not in path.parts]

each_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))


def names(node: ast.AST) -> Iterator[str]:
    """Every name that an expression reads, attributes and calls included."""
    for child in ast.walk(node):
        if isinstance(child, ast.Name):
            yield child.id.lower()
        elif isinstance(child, ast.Attribute):
            yield child.attr.lower()


def joins(node: ast.BinOp) -> bool:
    """Whether a ``/`` joins paths: there is a text in it, or something named like a path stands on its left."""
    parts = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
    return any(isinstance(part, str) for part in parts) or any(PLACE.search(name) for name in names(node.left))


def divisions(tree: ast.AST, *, everything: bool = False) -> Iterator[str]:
    """Every ``/`` that is no joining of paths, as it is written; of amounts, or all."""
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(op=ast.Div()) if not joins(node) and (everything or about_amounts(node)):
                yield ast.unparse(node)
            case ast.AugAssign(op=ast.Div()) if everything or about_amounts(node):
                yield ast.unparse(node)


def floats(tree: ast.AST) -> Iterator[str]:
    """Every amount that becomes a float: by ``float(…)``, by its declared type, or beside a number with a point."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="float"), args=[argument]) if about_amounts(argument):
                yield ast.unparse(node)
            case ast.AnnAssign(target=target, annotation=ast.Name(id="float")) if about_amounts(target):
                yield ast.unparse(node)
            case ast.arg(arg=name, annotation=ast.Name(id="float")) if amount_like(name):
                yield ast.unparse(node)
            case ast.BinOp(left=left, right=right) if any(with_a_point(one) for one in (left, right)):
                if about_amounts(node):
                    yield ast.unparse(node)


def about_amounts(node: ast.AST) -> bool:
    return any(amount_like(name) for name in names(node))


def amount_like(name: str) -> bool:
    return bool(AMOUNT.search(name)) and not name.endswith(("_seconds", "_ms"))


def with_a_point(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


@each_module
def test_no_amount_is_divided_or_made_a_float(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    name = str(module.relative_to(PACKAGE))
    everything = name.startswith(STRICT)
    found = [*divisions(tree, everything=everything), *floats(tree)]

    assert [written for written in found if (name, written) not in ALLOWED] == []


@pytest.mark.parametrize(
    "line",
    [
        "share = consumed / granted",
        "amount /= 2",
        "price = float(credits)",
        "def charge(amount: float) -> None: ...",
        "commitment: float = 0",
        "price = base * 1.5",
    ],
)
def test_the_rule_sees_a_broken_line(line: str) -> None:
    tree = ast.parse(line)

    assert [*divisions(tree), *floats(tree)]


@pytest.mark.parametrize("line", ["data / 'store'", "folder / name", "wait_seconds * 1.5", "float(written)"])
def test_the_rule_leaves_paths_and_seconds_alone(line: str) -> None:
    tree = ast.parse(line)

    assert [*divisions(tree), *floats(tree)] == []


def test_everything_that_is_allowed_is_still_there() -> None:
    trees = {name: ast.parse((PACKAGE / name).read_text()) for name, _ in ALLOWED}
    written = {(name, one) for name, tree in trees.items() for one in [*divisions(tree), *floats(tree)]}

    assert set(ALLOWED) <= written


def hollow_ignores(text: str) -> list[str]:
    return re.findall(r".*(?:type: ignore(?!\[)|# noqa(?!:)).*", text)


@each_module
def test_no_ignore_is_without_its_code(module: Path) -> None:
    assert hollow_ignores(module.read_text(encoding="utf-8")) == []


@each_module
def test_no_module_is_longer_than_the_wall(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())

    assert lines <= LONG.get(str(module.relative_to(PACKAGE)), LINES_MAX)


def test_the_demo_takes_no_short_cut() -> None:
    """It imports amounts and shipped files alone: all else goes through the command line and HTTP."""
    found = set()
    for path in (PACKAGE / "demo").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.ImportFrom(module="meter", names=imported):
                    found |= {f"meter.{one.name}" for one in imported}
                case ast.ImportFrom(module=str(module)) if module.startswith("meter."):
                    found.add(module)

    assert {name for name in found if not name.startswith("meter.demo")} == {"meter.credits", "meter.share"}
