"""A price and how it came about, as JSON and as tables."""

from dataclasses import replace
from fractions import Fraction

from meter.cli.printing import show, show_table
from meter.cli.question import Answer, spoken
from meter.credits import ZERO, Credits, text
from meter.gateway.account_view import JsonObject, moment_text, number
from meter.gateway.desk.numbers import exact
from meter.policy.ends import FULL, MEANINGS, NEVER_CHARGED, NONE, End
from meter.policy.model import Route
from meter.pricing import words
from meter.pricing.coming_prices import ComingPrice
from meter.pricing.final import ended
from meter.pricing.reckoning import reckon

_PRECEDENCE = (
    "an exact path goes first, then the most specific template, a named method, a named host, more header conditions, "
    "more query conditions, and the first in the file; of several readings of a path, the dearest"
)


def answer_object(answer: Answer) -> JsonObject:
    """Shape an answer for scripts, with exact numbers."""
    asked, quote, operation = answer.question, answer.quote, answer.matched.operation
    return {
        "method": asked.request.method,
        "path": asked.request.target.decode(),
        "operation": quote.operation,
        "title": operation.title,
        "credits": number(quote.credits),
        "ceiling": not operation.known_before,
        "observed": operation.observe,
        "at": moment_text(int(quote.moment.timestamp())),
        "plan": asked.plan.name if asked.plan else None,
        "commitment": number(asked.conditions.commitment),
        "policy": quote.policy,
        "prices": quote.prices,
        "next": None if answer.coming is None else coming_object(answer.coming),
        "route": _route_object(answer.matched.route),
        "factors": [{"name": one.name, "multiply": exact(one.multiply), "reason": one.reason} for one in quote.factors],
        "trace": quote.trace,
        "outcomes": {end: number(_cost(answer, end)) for end in End},
    }


def coming_object(coming: ComingPrice) -> JsonObject:
    """Shape the next price of an operation."""
    return {
        "at": words.moment_text(coming.at),
        "prices": coming.prices,
        "credits": None if coming.credits is None else number(coming.credits),
    }


def coming_text(answer: Answer) -> str:
    """The next price for people; nothing where none is known."""
    coming = answer.coming
    if coming is None:
        return ""
    ceiling = "" if answer.matched.operation.known_before else "at most "
    cost = "it has another price" if coming.credits is None else f"it costs {ceiling}{words.amount(coming.credits)}"
    return (
        f"From {words.moment_text(coming.at)} on {cost}, by prices {coming.prices}; "
        "adjustments by time and load come on top."
    )


def price_text(answer: Answer) -> str:
    """The price for people: ``at most`` where the response decides."""
    ceiling = "" if answer.matched.operation.known_before else "at most "
    return f"{ceiling}{words.amount(answer.quote.credits)}"


def show_explanation(answer: Answer) -> None:
    """Print an answer for people: what, which route and why, step by step, and what each end costs."""
    quote, operation = answer.quote, answer.matched.operation
    show(f"{spoken(answer.question.request)} costs {price_text(answer)}.")
    show(f"It is {quote.operation}: {operation.title}.")
    if operation.observe:
        show("It is observed: priced and reported, and nothing is taken.")
    for sentence in _why(answer):
        show(sentence)
    show_table("Steps", ("", "step"), enumerate(quote.trace, 1))
    if coming := coming_text(answer):
        show(coming)
    show_table("What it costs, by how the call ends", ("end", "share", "credits"), _outcomes(answer))


def _why(answer: Answer) -> list[str]:
    route = answer.matched.route
    if route is None:
        return ["No route matches it; `unmatched` names the operation."]
    chosen = f"Route: {_written(route)} ({route.place})."
    if not answer.rivals:
        return [chosen, "No other route matches."]
    rivals = "; ".join(_written(rival) for rival in answer.rivals)
    return [chosen, f"It goes before {rivals}: {_PRECEDENCE}."]


def _outcomes(answer: Answer) -> list[tuple[str, str, str]]:
    never = [(meaning, "none", text(ZERO)) for meaning in NEVER_CHARGED]
    shares = answer.matched.operation.charge
    ends = [(MEANINGS[end], _share(shares[end]), text(_cost(answer, end))) for end in End]
    return [*never, *ends]


def _share(share: Fraction) -> str:
    return {FULL: "full", NONE: "none"}.get(share) or words.number(share)


def _cost(answer: Answer, end: End) -> Credits:
    """What a call costs that ends so: of a metered one, at most."""
    matched, conditions = answer.matched, answer.question.conditions
    reckoning = reckon(matched.operation, replace(conditions, moment=answer.quote.moment), matched.usage)
    return ended(reckoning, end, matched.operation.charge[end]).credits


def _route_object(route: Route | None) -> JsonObject | None:
    if route is None:
        return None
    return {"match": _written(route), "file": route.place.file, "line": route.place.line}


def _written(route: Route) -> str:
    conditions = [f"{one.name}={one.value or '*'}" for one in (*route.query, *route.headers)]
    words = [route.method or "any method", route.host or "", route.template]
    return " ".join([word for word in words if word] + ([f"when {', '.join(conditions)}"] if conditions else []))
