"""What the answers to an account look like, for its OpenAPI document; a test holds them against what is answered."""

from collections.abc import Mapping

from meter.gateway.desk.shapes import (
    AMOUNT,
    CHANGE,
    DAY,
    FLAG,
    MOMENT,
    NUMBER,
    PERIOD,
    TEXT,
    WHOLE,
    Shape,
    by_name,
    many,
    maybe,
    one_of,
    record,
)
from meter.ledger.promise import GrantKind

GRANT = record(id=TEXT, kind=one_of(*GrantKind), remaining=AMOUNT, priority=WHOLE, expires_at=maybe(MOMENT))

CREDITS: Mapping[str, Shape] = {
    "account": TEXT,
    "plan": TEXT,
    "included": AMOUNT,
    "granted": AMOUNT,
    "consumed": AMOUNT,
    "reserved": AMOUNT,
    "remaining": AMOUNT,
    "overage": AMOUNT,
    "period": PERIOD,
    "grants": many(GRANT),
    "as_of": MOMENT,
}

FACTOR = record(name=TEXT, multiply=NUMBER, reason=TEXT)

USAGE = record(
    account=TEXT,
    period=PERIOD,
    zone=TEXT,
    consumed=AMOUNT,
    operations=many(record(operation=TEXT, title=maybe(TEXT), credits=AMOUNT)),
    days=many(record(day=DAY, credits=AMOUNT, calls=WHOLE)),
    days_since=MOMENT,
    as_of=MOMENT,
)

PRICE = record(
    operation=TEXT,
    title=TEXT,
    free=FLAG,
    observed=FLAG,
    credits=maybe(AMOUNT),
    known_before=FLAG,
    base=AMOUNT,
    per=by_name(NUMBER),
    at_most=maybe(AMOUNT),
    factors=many(FACTOR),
    prices=maybe(TEXT),
    next=maybe(
        record(
            at=MOMENT,
            prices=TEXT,
            credits=maybe(AMOUNT),
            base=AMOUNT,
            per=by_name(NUMBER),
            at_most=maybe(AMOUNT),
        )
    ),
)

ADJUSTMENT = record(
    "multiply",
    "windows",
    "above",
    "tiers",
    name=TEXT,
    operations=many(TEXT),
    applies=FLAG,
    reason=maybe(TEXT),
    kind=one_of("time", "load", "commitment"),
    multiply=NUMBER,
    windows=many(record(**{"from": MOMENT, "to": MOMENT})),
    above=NUMBER,
    tiers=many(record(**{"from": AMOUNT, "multiply": NUMBER})),
)

PRICES = record(
    policy=TEXT,
    commitment=AMOUNT,
    operations=many(PRICE),
    adjustments=many(ADJUSTMENT),
    as_of=MOMENT,
    until=MOMENT,
)

ENTRY_MEMBERS: Mapping[str, Shape] = {
    "id": TEXT,
    "at": MOMENT,
    "kind": TEXT,
    "operation": maybe(TEXT),
    "op": maybe(TEXT),
    "grant": maybe(TEXT),
    "credits": AMOUNT,
    "change": CHANGE,
    "balance": maybe(AMOUNT),
}
ENTRY = record(**ENTRY_MEMBERS)

QUOTE = record(
    operation=TEXT,
    title=TEXT,
    credits=AMOUNT,
    ceiling=FLAG,
    free=FLAG,
    observed=FLAG,
    factors=many(FACTOR),
    trace=many(TEXT),
    remaining=AMOUNT,
    affordable=FLAG,
    policy=TEXT,
    prices=maybe(TEXT),
    as_of=MOMENT,
)


def data(shape: Shape, **more: Shape) -> Shape:
    """The document that holds it."""
    return record(data=shape, **more)
