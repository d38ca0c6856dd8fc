"""What the answers to the operator look like, for its OpenAPI document; a test holds them against what is answered."""

from meter.gateway.account.shapes import CREDITS, ENTRY_MEMBERS, data
from meter.gateway.desk.shapes import AMOUNT, FLAG, MOMENT, TEXT, WHOLE, by_name, many, maybe, one_of, record
from meter.ledger.promise import GrantKind, Status

__all__ = ["ACCOUNT", "ENTRY", "GRANT", "GRANTED", "HOLD", "KEY", "MADE", "REVOKED", "data"]

PIN = maybe(record(version=TEXT, until=MOMENT))
ACCOUNT = record(**CREDITS, status=one_of(*Status), commitment=AMOUNT, pin=PIN, used=by_name(AMOUNT))

GRANT = record(
    id=TEXT,
    kind=one_of(*GrantKind),
    remaining=AMOUNT,
    priority=WHOLE,
    expires_at=maybe(MOMENT),
    credits=AMOUNT,
    created_at=MOMENT,
    scope=many(TEXT),
    cost_basis=AMOUNT,
    note=TEXT,
)

GRANTED = record(account=TEXT, id=TEXT, credits=AMOUNT, granted=FLAG, remaining=AMOUNT)
REVOKED = record(account=TEXT, id=TEXT, credits=AMOUNT, revoked=FLAG)

KEY = record(id=TEXT, hint=TEXT, revoked=FLAG, created_at=MOMENT, expires_at=maybe(MOMENT))
MADE = record(account=TEXT, key=TEXT, id=TEXT, hint=TEXT, expires_at=maybe(MOMENT))

HOLD = record(
    account=TEXT,
    operation=TEXT,
    op=TEXT,
    credits=AMOUNT,
    age_seconds=WHOLE,
    expires_at=MOMENT,
    expires_in_seconds=WHOLE,
)

ENTRY = record(**ENTRY_MEMBERS, actor=maybe(TEXT))
