"""What a described request would cost an account now: matched and priced as a real one, and nothing is taken."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated
from urllib.parse import unquote

import msgspec

from meter.credits import LIMIT, Credits
from meter.gateway.account.prices import factor_object
from meter.gateway.account_view import JsonObject, moment_text, number
from meter.gateway.desk.asked import BadRequest
from meter.gateway.desk.numbers import fraction
from meter.ledger.promise import Statement, Status
from meter.policy.model import Operation
from meter.pricing.conditions import Conditions
from meter.pricing.match import Matched, Request
from meter.pricing.quote import price
from meter.pricing.versions import rates

FIELDS_MAX = 50

FieldName = Annotated[str, msgspec.Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$")]
FieldValue = Annotated[str, msgspec.Meta(pattern=r"^[\x20-\x7e]{0,2000}$")]
MeterName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Units = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "number", "minimum": 0, "maximum": 1e15})]


class Described(msgspec.Struct, forbid_unknown_fields=True):
    """A request that nobody has made."""

    method: Annotated[str, msgspec.Meta(pattern="^[A-Z]{1,20}$")]
    target: Annotated[str, msgspec.Meta(pattern=r"^/[\x21-\x7e]{0,2000}$", description="The path, with its query.")]
    host: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{0,255}$")] = ""
    headers: Annotated[dict[FieldName, FieldValue], msgspec.Meta(max_length=FIELDS_MAX)] = {}
    usage: Annotated[
        dict[MeterName, Units],
        msgspec.Meta(max_length=FIELDS_MAX, description="What its meters will read, by their names in the price."),
    ] = {}


def request_of(described: Described) -> Request:
    """Put the request together as it would arrive."""
    target, _, query = described.target.partition("?")
    headers = [(name.lower().encode(), value.strip().encode()) for name, value in described.headers.items()]
    return Request(
        method=described.method,
        host=described.host,
        target=target.encode(),
        path=unquote(target),
        query=query.encode(),
        headers=[(b"host", described.host.encode()), *headers] if described.host else headers,
    )


def quote_object(
    matched: Matched, described: Described, conditions: Conditions, version: str, statement: Statement
) -> JsonObject:
    """Shape what the request costs, how that comes about, and whether the account could pay it."""
    operation = matched.operation
    usage = {**_usage(operation, described.usage), **matched.usage}
    quote = price(operation, conditions, version, usage)
    known = all(usage.get(rate.meter) is not None for rate in rates(operation, conditions))
    drawable = _drawable(statement, operation.name)
    return {
        "operation": operation.name,
        "title": operation.title,
        "credits": number(quote.credits),
        "ceiling": not known,
        "free": operation.free,
        "observed": operation.observe,
        "factors": [factor_object(one) for one in quote.factors],
        "trace": quote.trace,
        "remaining": number(drawable),
        "affordable": statement.status is Status.ACTIVE and (operation.observe or quote.credits <= drawable),
        "policy": quote.policy,
        "prices": quote.prices,
        "as_of": moment_text(int(quote.moment.timestamp())),
    }


def _drawable(statement: Statement, operation: str) -> Credits:
    """What the operation could draw: of the grants that pay for it, and of overage."""
    beyond = max(0, statement.account.terms.overage_limit - statement.overage)
    paying = (live.remaining for live in statement.grants if not live.grant.scope or operation in live.grant.scope)
    return Credits(min(LIMIT, sum(paying) + beyond))


def _usage(operation: Operation, said: Mapping[str, msgspec.Raw]) -> Mapping[str, Fraction]:
    meters = {rate.meter for rate in operation.rates}
    for name in said:
        if name not in meters:
            known = ", ".join(sorted(meters)) or "nothing"
            raise BadRequest(f"`usage` names {name[:40]!r}, and {operation.name} is priced by {known}.")
    return {name: _units(name, written) for name, written in said.items()}


def _units(name: str, written: msgspec.Raw) -> Fraction:
    try:
        units = fraction(bytes(written))
    except ValueError as error:
        raise BadRequest(f"The usage of {name} is no number: {error}.") from error
    if units < 0:
        raise BadRequest(f"The usage of {name} is below 0.")
    return units
