"""One question, for ``quote`` and ``explain`` alike: what would this call cost, then, for that account.

The answer comes from the functions that price real calls; nothing is computed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from urllib.parse import unquote

import typer

from meter.cli.ends import Refusal
from meter.credits import ZERO, parse
from meter.policy.mistakes import instead, shown
from meter.policy.model import PathMode, Plan, Policy, Route
from meter.pricing.coming_prices import ComingPrice, coming_price
from meter.pricing.load import fixed
from meter.pricing.match import Ambiguous, Matched, Matcher, Request, Unpriced
from meter.pricing.plan_terms import terms_of
from meter.pricing.quote import CALM, Conditions, LoadReading, Quote, price
from meter.pricing.terms import conditions_of
from meter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call that nobody has made."""

    request: Request
    plan: Plan | None
    conditions: Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the call would cost, and which route says so."""

    question: Question
    matched: Matched
    quote: Quote
    rivals: tuple[Route, ...]
    """The other routes that match the request, but not as well."""
    coming: ComingPrice | None
    """The next price of such a call for that account."""


def question(
    settings: Settings, policy: Policy, request: Request, *, plan: str | None, commitment: str | None
) -> Question:
    """Put a call, and what its price depends on besides, together from what was typed."""
    chosen = None if plan is None else plan_named(policy, plan)
    load = CALM if settings.load is None else _load(policy, settings.load)
    asked = _asked(chosen, commitment, settings.at or datetime.now(UTC), load)
    return Question(request=request, plan=chosen, conditions=asked)


def answer(policy: Policy, asked: Question) -> Answer:
    """Match and price a call as the gateway would; a call that has no price ends the command."""
    match Matcher(policy, PathMode.STRICT).match(asked.request):
        case Matched() as matched:
            quote = price(matched.operation, asked.conditions, policy.version, matched.usage)
            coming = coming_price(matched.operation, asked.conditions, matched.usage)
            rivals = _rivals(policy, asked, matched)
            return Answer(question=asked, matched=matched, quote=quote, rivals=rivals, coming=coming)
        case Ambiguous(reason=reason):
            raise Refusal(f"{spoken(asked.request)} would be answered 400 ambiguous_path: {reason}")
        case Unpriced(free=True):
            raise Refusal(
                f"{spoken(asked.request)} matches no route, and `unmatched: free` lets it pass without a price."
            )
        case Unpriced():
            raise Refusal(
                f"{spoken(asked.request)} matches no route and would be answered 404 no_price; add a route for it."
            )


def request(method: str, path: str, query: Sequence[str], headers: Sequence[str]) -> Request:
    """Put a request together as it would arrive; the path may carry a query string."""
    target, _, in_path = path.partition("?")
    fields = [_header(written) for written in headers]
    return Request(
        method=method.upper(),
        host=next((value.decode() for name, value in fields if name == b"host"), ""),
        target=target.encode(),
        path=unquote(target),
        query="&".join([in_path, *query] if in_path else query).encode(),
        headers=fields,
    )


def plan_named(policy: Policy, name: str) -> Plan:
    """The plan of that name; a name that the policy does not know ends the command."""
    plan = policy.plans.get(name)
    if plan is None:
        raise Refusal(f"The policy has no plan {shown(name)}; {instead(name, policy.plans)}")
    return plan


def spoken(request: Request) -> str:
    """A request as people write it."""
    query = f"?{request.query.decode()}" if request.query else ""
    return f"{request.method} {request.target.decode()}{query}"


def _header(written: str) -> tuple[bytes, bytes]:
    name, colon, value = written.partition(":")
    if not (name.strip() and colon):
        raise typer.BadParameter(f"{written!r} is no header; write it as 'Name: value'.", param_hint="--header")
    return name.strip().lower().encode(), value.strip().encode()


def _load(policy: Policy, sample: Fraction) -> LoadReading:
    """What would be published at a steady load. To ask is no drill: nobody pays."""
    adjustments = (one for operation in policy.operations.values() for one in operation.adjustments)
    return replace(fixed(adjustments, sample), drill=False)


def _asked(plan: Plan | None, written: str | None, moment: datetime, load: LoadReading) -> Conditions:
    """What the price depends on: for an account of the plan, and with the commitment that was written."""
    commitment = None if written is None else parse(written)
    if plan is None:
        return Conditions(moment=moment, load=load, commitment=commitment or ZERO)
    return conditions_of(terms_of(plan, commitment=commitment), moment=moment, load=load)


def _rivals(policy: Policy, asked: Question, matched: Matched) -> tuple[Route, ...]:
    """Ask each route alone, so that precedence stays in one place."""
    others = (route for route in policy.routes if route is not matched.route)
    alone = ((route, Matcher(replace(policy, routes=(route,)), PathMode.STRICT)) for route in others)
    matches = ((route, matcher.match(asked.request)) for route, matcher in alone)
    return tuple(route for route, match in matches if isinstance(match, Matched) and match.route is not None)
