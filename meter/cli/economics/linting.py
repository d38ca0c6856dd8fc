"""``meter check --economics``: gathers policy, costs and documents, runs the linter and prints what it finds."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import typer

from meter.cli.economics.asked import asked as read
from meter.cli.economics.lint_formats import write
from meter.cli.economics.lint_options import Format
from meter.cli.ends import Exit
from meter.cli.printing import say
from meter.economics.lint.declared import amount, declared, margin, positive
from meter.economics.lint.linter import REFUSED, Linted, lint, refused
from meter.economics.lint.openapi import endpoints
from meter.economics.lint.outline import outline
from meter.economics.lint.rules import RULES
from meter.economics.lint.subject import Cost, Economics, Endpoint, Subject
from meter.economics.table.ladders import ladder
from meter.policy.load import load
from meter.policy.mistakes import Mistake, PolicyError, instead, shown
from meter.policy.model import Place, Policy
from meter.settings import Settings
from meter.sheets.rows import Row, Sheet, SheetError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed besides the policies."""

    costs: tuple[Path, ...] = ()
    price: str | None = None
    margin: str | None = None
    floor: str | None = None
    ladder: str | None = None
    blended: str | None = None
    openapi: Path | None = None
    ignore: tuple[str, ...] = ()
    how: Format = Format.FULL


def run(settings: Settings, asked: Asked) -> None:
    """Lint the policies and end the command: exit code 1 where anything is worse than a remark."""
    _check_codes(asked.ignore)
    economics = _economics(asked)
    described = None if asked.openapi is None else endpoints(_text(asked.openapi), str(asked.openapi))
    year = (settings.at or datetime.now(UTC)).year
    linted = _linted(settings.policies, economics, described, year, asked)
    write(linted, _texts(finding.place.file for finding in linted.findings), asked.how)
    _say_skipped(linted)
    if linted.failed:
        raise typer.Exit(Exit.FINDINGS)


def _linted(
    path: Path, economics: Economics, described: tuple[Endpoint, ...] | None, year: int, asked: Asked
) -> Linted:
    policy, mistakes = _read(path)
    if policy is None:
        return Linted(findings=tuple(refused(mistakes)))
    files = {place.file for place in _places(policy)}
    places = {path: place for file in sorted(files) for path, place in outline(_text(Path(file)), file).items()}
    subject = Subject(policy=policy, economics=economics, endpoints=described, year=year, places=places)
    return lint(subject, ignore=asked.ignore, mistakes=mistakes)


def _read(path: Path) -> tuple[Policy | None, tuple[Mistake, ...]]:
    """The policy, also where the gateway would refuse it for a price; what it would refuse it for."""
    try:
        return load(path), ()
    except PolicyError as error:
        return error.rest, error.mistakes


def _places(policy: Policy) -> Iterator[Place]:
    yield from (operation.place for operation in policy.operations.values())
    yield from (route.place for route in policy.routes)
    yield from (plan.place for plan in policy.plans.values())


def _economics(asked: Asked) -> Economics:
    """What the files declare, the later ones over the earlier, and the options over all."""
    found = Economics()
    for path in asked.costs:
        found = _declared(path).over(found)
    typed = Economics(
        price_per_credit=_option("--price", asked.price, positive),
        target_margin=_option("--margin", asked.margin, margin),
        margin_floor=_option("--floor", asked.floor, margin),
        blended_cost=_option("--blended-cost", asked.blended, amount),
        ladder=_option("--ladder", asked.ladder, ladder),
    )
    return typed.over(found)


def _declared(path: Path) -> Economics:
    if path.suffix.lower() in {".yaml", ".yml"}:
        return declared(_text(path), str(path))
    costs: dict[str, Cost] = {}
    for row in Sheet(path).rows("operation", "cost"):
        operation = row.text("operation")
        if operation in costs:
            raise row.wrong(
                "operation", f"{operation} stands there twice, first in line {costs[operation].place.line}."
            )
        costs[operation] = _cost(row)
    return Economics(costs=costs)


def _cost(row: Row) -> Cost:
    return Cost(
        operation=row.text("operation"),
        cost=row.number("cost"),
        value=row.number("value") if "value" in row.cells else None,
        margin=row.number("margin", least=None) if "margin" in row.cells else None,
        place=Place(file=row.file, line=row.line, column=1),
    )


def _option(name: str, written: str | None, reader: Callable[[str], T]) -> T | None:
    return None if written is None else read(name, written, reader)


def _check_codes(ignored: Iterable[str]) -> None:
    codes = [REFUSED, *(rule.code for rule in RULES)]
    for code in ignored:
        if code not in codes:
            raise typer.BadParameter(f"{shown(code)} is no rule; {instead(code, codes)}", param_hint="--ignore")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SheetError(f"{path}:{line}: byte {error.start} is not UTF-8; save it as UTF-8.") from error


def _texts(files: Iterable[str]) -> Mapping[str, str]:
    found = {}
    for file in set(files):
        with suppress(OSError, SheetError):
            found[file] = _text(Path(file))
    return found


def _say_skipped(linted: Linted) -> None:
    """Say which rules could not look, by what they lack."""
    lacking: dict[str, list[str]] = {}
    for rule, needs in linted.skipped:
        lacking.setdefault(" and ".join(needs), []).append(rule.code)
    for what, codes in lacking.items():
        say(
            f"Skipped {', '.join(codes)}: they need {what}."
            if len(codes) > 1
            else f"Skipped {codes[0]}: it needs {what}."
        )
