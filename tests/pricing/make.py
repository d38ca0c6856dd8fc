"""Policies, requests and conditions for these tests, in as few words as they need."""

from datetime import UTC, datetime, time
from fractions import Fraction
from zoneinfo import ZoneInfo

from meter.credits import Credits, parse
from meter.policy.model import (
    CommitmentAdjustment,
    Condition,
    LoadAdjustment,
    MeterKind,
    Operation,
    PathMode,
    Place,
    Policy,
    Price,
    Rate,
    Route,
    TimeAdjustment,
    Unmatched,
    UpstreamRule,
)
from meter.pricing.conditions import LoadReading
from meter.pricing.match import Matched, Matcher, Request

PLACE = Place(file="test.yaml", line=1, column=1)

NIGHT = TimeAdjustment(name="off-peak", multiply=Fraction("0.7"), start=time(2), end=time(7), zone=ZoneInfo("UTC"))
SURGE = LoadAdjustment(
    name="surge", multiply=Fraction("1.5"), above=Fraction("0.9"), until=Fraction("0.8"), dwell_seconds=30
)
TIERS = CommitmentAdjustment(
    name="commitment", tiers=((parse("100000"), Fraction("0.8")), (parse("1000000"), Fraction("0.6")))
)
ALL_THREE = (NIGHT, SURGE, TIERS)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT_THREE = datetime(2026, 11, 22, 3, tzinfo=UTC)
BUSY = LoadReading(on=frozenset({"surge"}), sample=Fraction("0.95"), since=1_763_780_000)
COMMITTED = parse("1000000")


def operation(name: str, price: str | Price = "1", **facts: object) -> Operation:
    written = Price(base=parse(price)) if isinstance(price, str) else price
    return Operation(**{"name": name, "title": name, "free": False, "price": written, "place": PLACE} | facts)


def free(name: str) -> Operation:
    return operation(name, "0", free=True)


def rate(meter: str, credits_per_unit: str) -> Rate:
    kind, _, source = meter.partition(".")
    kinds = {"query": MeterKind.QUERY, "header": MeterKind.HEADER}
    return Rate(
        meter=meter,
        kind=kinds.get(kind, MeterKind.REPORTED),
        source=source or kind,
        micro_per_unit=Fraction(credits_per_unit) * 1_000_000,
    )


def rated(base: str, rates: dict[str, str], at_most: str | None = None) -> Price:
    ceiling: Credits | None = None if at_most is None else parse(at_most)
    return Price(base=parse(base), rates=tuple(rate(meter, each) for meter, each in rates.items()), at_most=ceiling)


def route(match: str, leads_to: str, **conditions: object) -> Route:
    method, _, template = match.rpartition(" ")
    fields = {
        kind: tuple(Condition(name=name, value=value) for name, value in conditions.pop(kind, {}).items())
        for kind in ("query", "headers")
    }
    return Route(method=method or None, template=template, operation=leads_to, place=PLACE, **conditions, **fields)


def policy(operations: list[Operation], routes: list[Route], **facts: object) -> Policy:
    named = {one.name: one for one in operations}
    return Policy(version="0123456789abcdef", operations=named, routes=tuple(routes), plans={}, **facts)


def simple(
    *routes: Route, unmatched: Unmatched | str = Unmatched.REFUSE, upstream: UpstreamRule | None = None
) -> Policy:
    """A policy whose operations are named by their prices."""
    prices = {one.operation for one in routes} | ({unmatched} - set(Unmatched))
    operations = [operation(price, price) if price != "0" else free(price) for price in sorted(prices)]
    return policy(operations, list(routes), unmatched=unmatched, upstream=upstream or UpstreamRule())


def request(line: str, query: str = "", host: str = "api.example", headers: dict[str, str] | None = None) -> Request:
    method, _, target = line.partition(" ")
    fields = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request(method=method, host=host, target=target.encode(), path=target, query=query.encode(), headers=fields)


def called(rules: Policy, asked: Request, mode: PathMode = PathMode.STRICT) -> str:
    """The name of the operation that a request calls, or what is said instead."""
    verdict = Matcher(rules, mode).match(asked)
    return verdict.operation.name if isinstance(verdict, Matched) else type(verdict).__name__
