"""An account as it is shown to those who pay, by ``/credits`` and by ``meter balance`` alike.

Amounts leave here as exact JSON numbers. Whoever shows another amount writes it with ``number``, never as a float.
"""

from collections.abc import Mapping

import msgspec

from meter.credits import Credits, text
from meter.gateway.wire import moment
from meter.ledger.promise import LiveGrant, Statement
from meter.pricing.terms import Period

JsonObject = Mapping[str, object]
"""What ``json_text`` writes: texts, whole numbers, lists, objects, and amounts made by ``number``."""


def credits_object(statement: Statement) -> JsonObject:
    """Shape an account's statement: granted = consumed + reserved + remaining, in exact numbers."""
    terms = statement.account.terms
    return {
        "account": statement.account.id,
        "plan": terms.plan,
        "included": number(terms.included),
        "granted": number(statement.granted),
        "consumed": number(statement.consumed),
        "reserved": number(statement.reserved),
        "remaining": number(statement.remaining),
        "overage": number(statement.overage),
        "period": period_object(statement.account.period),
        "grants": [grant_object(live) for live in statement.grants],
        "as_of": moment_text(statement.as_of),
    }


def grant_object(live: LiveGrant) -> JsonObject:
    """Shape one grant."""
    return {
        "id": live.grant.id,
        "kind": live.grant.kind,
        "remaining": number(live.remaining),
        "priority": live.grant.priority,
        "expires_at": moment_text(live.grant.expires_at),
    }


def period_object(period: Period) -> JsonObject:
    """Shape a billing period; its ``end`` is null where nothing resets."""
    return {"start": moment_text(period.start), "end": moment_text(period.end)}


def moment_text(second: int | None) -> str | None:
    """Write a Unix second as RFC 3339 in UTC; None stays None."""
    return None if second is None else moment(second)


def number(amount: Credits) -> msgspec.Raw:
    """Mark an amount so that ``json_text`` writes it exactly: ``0.5``, never a float's idea of it."""
    return msgspec.Raw(text(amount).encode())


def json_text(value: object) -> bytes:
    """Write JSON with exact amounts."""
    return msgspec.json.encode(value)
