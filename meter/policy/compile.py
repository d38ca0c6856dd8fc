"""Policy files become one frozen policy, or every mistake that they hold.

Each file is checked by itself by ``sheet``; here are the rules between files. A mistake never hides another one: what
is wrong is left out, and the rest is checked as if it were not there, but for names, which count as declared however
wrong what they name is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from meter.credits import ZERO
from meter.policy.adjustments import adjustments
from meter.policy.document import Document, OveragePart, PlanPart, RoutePart, UpstreamPart, WhenPart
from meter.policy.identity import IdentityRule
from meter.policy.identity_part import IdentityPart, identity_rule
from meter.policy.mistakes import Mistake, PolicyError, instead, shown
from meter.policy.model import (
    Comparison,
    Condition,
    Operation,
    Overage,
    PeriodUnit,
    Place,
    Plan,
    Policy,
    Route,
    Unmatched,
    UpstreamRule,
)
from meter.policy.operations import operations
from meter.policy.plans import Anchor, Duration
from meter.policy.sheet import Path, Sheet, sheet
from meter.policy.templates import shape
from meter.policy.version import version
from meter.policy.versioning import check_pin, versioned
from meter.policy.versions import Pin

T = TypeVar("T")

SAID_ONCE = ("unmatched", "paths", "upstream", "plans", "identity", "prices", "transition")
"""What belongs to the folder, and stands in one of its files."""

NAMED = ("operations", "adjustments", "prices")
"""Sections whose names are unique over all files; the others are said once, or have no names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One policy file's name and text."""

    file: str
    text: str


def compile_policy(sources: Iterable[Source], *, unread: Iterable[Mistake] = ()) -> Policy:
    """Merge policy files into one policy.

    Args:
        sources: the files in their order.
        unread: what is wrong with files that have no text.

    Raises:
        PolicyError: with every mistake of every file.
    """
    unread = list(unread)
    sheets: list[Sheet] = []
    for source in sources:
        made, mistakes = sheet(source.text, source.file)
        unread.extend(mistakes)
        sheets.extend([made] if made else [])
    policy = _merged(sheets, complete=not unread)
    mistakes = (*unread, *(mistake for made in sheets for mistake in made.mistakes))
    if not all(mistake.about_price for mistake in mistakes):
        raise PolicyError(mistakes)
    policy = replace(policy, version=version(policy))
    if mistakes:
        raise PolicyError(mistakes, rest=policy)
    return policy


def _merged(sheets: Sequence[Sheet], *, complete: bool) -> Policy:
    """The policy of what is valid; ``complete`` False: a file could not be read, so any name may be declared in it."""
    _check_said_once(sheets)
    _check_names(sheets)
    known = {name for made in sheets for name, _ in made.names("operations")} if complete else None
    plans = {name for made in sheets for name, _ in made.names("plans")}
    upstream = _said(sheets, lambda document: document.upstream) or UpstreamPart()
    return Policy(
        version="",
        operations=MappingProxyType(versioned(sheets, dict(_operations(sheets)), known)),
        routes=tuple(_routes(sheets, known)),
        plans=MappingProxyType(dict(_plans(sheets, complete=complete))),
        unmatched=_unmatched(sheets, known),
        paths=_said(sheets, lambda document: document.paths),
        upstream=UpstreamRule(case=upstream.case or Comparison.LOOSE, slash=upstream.slash or Comparison.LOOSE),
        identity=_identity(sheets, plans if complete else None),
    )


def _check_said_once(sheets: Sequence[Sheet]) -> None:
    for section in SAID_ONCE:
        saying = [made for made in sheets if made.says(section)]
        for made in saying[1:]:
            fix = f"keep one; the first is at {saying[0].place((section,), key=True)}."
            made.report((section,), f"{section} is said twice in a folder", fix, key=True)


def _check_names(sheets: Sequence[Sheet]) -> None:
    for section in NAMED:
        first: dict[str, Place] = {}
        for made in sheets:
            for name, place in made.names(section):
                if first.setdefault(name, place) != place:
                    fix = f"rename one; the first is at {first[name]}."
                    made.add(place, f"{shown(name)} is the name of another one of the {section}", fix)


def _said(sheets: Sequence[Sheet], part: Callable[[Document], T | None]) -> T | None:
    return next((said for made in sheets if (said := part(made.document)) is not None), None)


def _operations(sheets: Sequence[Sheet]) -> Iterator[tuple[str, Operation]]:
    for made in sheets:
        for operation in operations(made, adjustments(made.document.adjustments or [])):
            yield operation.name, operation


def _routes(sheets: Sequence[Sheet], known: set[str] | None) -> Iterator[Route]:
    first: dict[tuple[object, ...], Place] = {}
    for made in sheets:
        for path, part in made.items("routes", made.document.routes or []):
            _check_operation(made, (*path, "operation"), part.operation, known)
            route = _route(part, made.place(path))
            place = made.place((*path, "match"))
            if first.setdefault(_conditions(route), place) != place:
                fix = f"keep one; the first is at {first[_conditions(route)]}."
                made.add(place, f"another route matches the same as {_shown(route)}", fix)
            yield route


def _check_operation(made: Sheet, path: Path, name: str, known: set[str] | None) -> None:
    if known is not None and name not in known:
        made.report(path, f"{shown(name)} is not an operation", instead(name, sorted(known)))


def _route(part: RoutePart, place: Place) -> Route:
    when = part.when or WhenPart()
    return Route(
        method=part.match.method,
        template=part.match.template,
        operation=part.operation,
        host=part.host,
        query=_wanted(when.query or {}),
        headers=_wanted(when.header or {}),
        place=place,
    )


def _wanted(written: Mapping[str, str]) -> tuple[Condition, ...]:
    return tuple(Condition(name=name, value=None if value == "*" else value) for name, value in sorted(written.items()))


def _conditions(route: Route) -> tuple[object, ...]:
    return route.method, shape(route.template), route.host, route.query, route.headers


def _shown(route: Route) -> str:
    return shown(f"{route.method} {route.template}" if route.method else route.template)


def _plans(sheets: Sequence[Sheet], *, complete: bool) -> Iterator[tuple[str, Plan]]:
    for made in sheets:
        for name, part in (made.document.plans or {}).items():
            if complete:
                check_pin(sheets, made, ("plans", name, "pin", "version"), part.pin)
            yield name, _plan(name, part, made.place(("plans", name), key=True))


def _plan(name: str, part: PlanPart, place: Place) -> Plan:
    every, unit = (part.period, PeriodUnit.CUSTOM) if isinstance(part.period, Duration) else (None, part.period)
    return Plan(
        name=name,
        included=part.included,
        period=unit or PeriodUnit.MONTH,
        price=part.price,
        currency=part.currency,
        overage=_overage(part.overage) if isinstance(part.overage, OveragePart) else None,
        commitment=part.commitment or ZERO,
        top_up=part.top_up.compiled() if part.top_up else None,
        every=every,
        drip=PeriodUnit(part.drip) if part.drip else None,
        anchor=Anchor.SIGNUP if every else part.anchor,
        trial=part.trial.compiled() if part.trial else None,
        rollover=part.rollover.compiled() if part.rollover else None,
        discount=part.discount,
        operations=tuple(sorted(part.operations)) if part.operations else None,
        velocity=part.velocity.compiled() if part.velocity else None,
        concurrent=part.concurrent,
        burn=part.burn,
        place=place,
        pin=Pin(version=part.pin.version, until=part.pin.until) if part.pin else None,
    )


def _overage(part: OveragePart) -> Overage:
    return Overage(limit=part.limit, price_per_thousand=part.price_per_thousand)


def _unmatched(sheets: Sequence[Sheet], known: set[str] | None) -> Unmatched | str:
    for made in sheets:
        word = made.document.unmatched
        if word in set(Unmatched):
            return Unmatched(word)
        if word is not None:
            _check_unmatched(made, word, known)
            return word
    return Unmatched.REFUSE


def _check_unmatched(made: Sheet, word: str, known: set[str] | None) -> None:
    if known is not None and word not in known:
        problem = f"{shown(word)} is neither refuse, free nor an operation"
        made.report(("unmatched",), problem, instead(word, [*Unmatched, *sorted(known)]))


def _identity(sheets: Sequence[Sheet], plans: set[str] | None) -> IdentityRule:
    for made in sheets:
        part = made.document.identity
        if part is not None:
            _check_anonymous(made, part, plans)
            return identity_rule(part)
    return IdentityRule()


def _check_anonymous(made: Sheet, part: IdentityPart, plans: set[str] | None) -> None:
    if part.anonymous is not None and plans is not None and part.anonymous.plan not in plans:
        plan = part.anonymous.plan
        made.report(("identity", "anonymous", "plan"), f"{shown(plan)} is not a plan", instead(plan, sorted(plans)))
