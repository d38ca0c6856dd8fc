"""4xx: routes: what no request reaches, and, against an OpenAPI document, what nobody meters."""

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Endpoint, Subject
from meter.economics.lint.writing import credits_text
from meter.policy.model import PathMode, Place, Policy, Route, Unmatched
from meter.pricing.match import Ambiguous, Matched, Matcher, Request, Unpriced

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "QUERY")
"""What a route for any method is tried with."""
WORD = "meter-witness"
"""Stands in a path for a parameter; no policy writes it out."""
_PARAMETER = re.compile(r"\{[^{}/]*\}")

Answer = Matched | Ambiguous | Unpriced


def shadowed_route(subject: Subject) -> Iterator[Found]:
    """MTR401."""
    matcher = Matcher(subject.policy, PathMode.STRICT)
    for route in subject.policy.routes:
        answers = [matcher.match(request) for request in _witnesses(route)]
        if any(isinstance(one, Matched) and one.route is route for one in answers):
            continue
        problem = f"no request reaches {_shown(route)}: {_instead(answers[0])}"
        fix = "leave it out, or give it a condition that the other has not."
        yield Found(place=route.place, problem=problem, fix=fix)


def cheap_unmatched(subject: Subject) -> Iterator[Found]:
    """MTR402."""
    policy = subject.policy
    if policy.unmatched is Unmatched.FREE:
        problem = "what no route matches is served free"
        yield Found(place=_unmatched_place(subject), problem=problem, fix="write refuse, or the dearest operation.")
    elif not isinstance(policy.unmatched, Unmatched):
        named = policy.operations[policy.unmatched]
        dearest = max(subject.fixed, key=lambda one: one.price.base, default=named)
        if named.free or (named in subject.fixed and named.price.base < dearest.price.base):
            problem = (
                f"what no route matches costs {credits_text(named.price.base)} as {named.name},"
                f" and {dearest.name} costs {credits_text(dearest.price.base)}: a new dear route is sold cheaply"
            )
            yield Found(place=_unmatched_place(subject), problem=problem, fix="write refuse, or the dearest operation.")


def unmetered_endpoint(subject: Subject) -> Iterator[Found]:
    """MTR403."""
    matcher = Matcher(subject.policy, PathMode.STRICT)
    for endpoint in subject.endpoints or ():
        match matcher.match(_asking(endpoint)):
            case Matched(route=None, operation=operation):
                what = f"matches no route and is priced as {operation.name}, as everything unmatched"
            case Unpriced(free=True):
                what = "matches no route and is served free"
            case Unpriced():
                what = "matches no route and is refused"
            case Ambiguous(reason=reason):
                what = f"has no single price: {reason.rstrip('.')}"
            case _:
                continue
        problem = f"{endpoint.method} {endpoint.path} {what}"
        yield Found(place=endpoint.place, problem=problem, fix="add a route for it; a free operation is one too.")


def undocumented_route(subject: Subject) -> Iterator[Found]:
    """MTR404."""
    if subject.endpoints is None:
        return
    for route in subject.policy.routes:
        alone = Matcher(_only(subject.policy, route), PathMode.STRICT)
        if not any(_meets(alone, endpoint, route) for endpoint in subject.endpoints):
            problem = f"no path of the OpenAPI document is metered by {_shown(route)}"
            fix = "leave the route out, or document what it is for."
            yield Found(place=route.place, problem=problem, fix=fix)


def uncalled_operation(subject: Subject) -> Iterator[Found]:
    """MTR405."""
    called = {route.operation for route in subject.policy.routes} | {str(subject.policy.unmatched)}
    for operation in subject.policy.operations.values():
        if operation.name not in called:
            problem = f"no route leads to {operation.name}, so nobody ever pays its price"
            yield Found(place=operation.place, problem=problem, fix="add its route, or leave it out.")


def _witnesses(route: Route) -> Iterator[Request]:
    """Requests that meet all that a route asks for, one for each method that it may serve."""
    for method in METHODS if route.method is None else (route.method,):
        yield _request(method, _PARAMETER.sub(WORD, route.template), route)


def _request(method: str, path: str, route: Route | None) -> Request:
    wanted = [] if route is None else [f"{quote(one.name)}={quote(one.value or '1')}" for one in route.query]
    headers = (
        [] if route is None else [(one.name.lower().encode(), (one.value or "1").encode()) for one in route.headers]
    )
    return Request(
        method=method,
        host="" if route is None else route.host or "",
        target=path.encode(),
        path=path,
        query="&".join(wanted).encode(),
        headers=headers,
    )


def _asking(endpoint: Endpoint, route: Route | None = None) -> Request:
    return _request(endpoint.method, quote(_PARAMETER.sub(WORD, endpoint.path), safe="/:@!$&'()*+,=~"), route)


def _only(policy: Policy, route: Route) -> Policy:
    return replace(policy, routes=(route,), unmatched=Unmatched.REFUSE)


def _meets(alone: Matcher, endpoint: Endpoint, route: Route) -> bool:
    return not isinstance(alone.match(_asking(endpoint, route)), Unpriced)


def _instead(answer: Answer) -> str:
    match answer:
        case Matched(route=Route() as other):
            return f"{_shown(other)} at {other.place} matches it first"
        case Matched(operation=operation):
            return f"it is priced as {operation.name}"
        case Ambiguous(reason=reason):
            return f"it is refused ({reason.rstrip('.')})"
        case Unpriced():
            return "nothing matches what it asks for"


def _shown(route: Route) -> str:
    when = [f"{one.name}={one.value or '*'}" for one in (*route.query, *route.headers)]
    return " ".join(
        [*([route.method] if route.method else []), route.template, *([f"when {', '.join(when)}"] if when else [])]
    )


def _unmatched_place(subject: Subject) -> Place:
    """Where it says so: it is never ``refuse``, which is what holds where nothing is said."""
    return subject.places["unmatched",]
