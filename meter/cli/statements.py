"""How commands show an account, and what became of it."""

import msgspec

from meter.cli.printing import show, show_table
from meter.credits import text
from meter.gateway.account_view import moment_text, number
from meter.ledger.promise import LiveGrant, Statement
from meter.pricing.terms import Terms

_GRANT_COLUMNS = ("grant", "kind", "remaining", "priority", "expires")


def show_statement(statement: Statement, state: str) -> None:
    """Print an account for people: how it stands, its grants, and what it used in this period."""
    account = statement.account
    end = moment_text(account.period.end)
    show(
        f"Account {account.id!r} {state}. Plan: {account.terms.plan}; " + (f"resets {end}." if end else "never resets.")
    )
    amounts = (statement.granted, statement.consumed, statement.reserved, statement.remaining)
    show_table("Credits", ("granted", "consumed", "reserved", "remaining"), [[text(amount) for amount in amounts]])
    if statement.grants:
        show_table("Grants, in the order in which they are burnt", _GRANT_COLUMNS, map(_grant_row, statement.grants))
    if statement.used:
        used = [(operation, text(amount)) for operation, amount in sorted(statement.used.items())]
        show_table("Used in this period", ("operation", "credits"), used)


def _grant_row(live: LiveGrant) -> tuple[object, ...]:
    grant = live.grant
    scope = f" for {', '.join(sorted(grant.scope))}" if grant.scope else ""
    expires = moment_text(grant.expires_at) or "never"
    return grant.id, f"{grant.kind}{scope}", text(live.remaining), grant.priority, expires


def terms_object(terms: Terms) -> dict[str, object]:
    """Shape an account's terms: its plan's facts as they were copied, and what is its own."""
    rule = terms.rollover
    return {
        "plan": terms.plan,
        "next_plan": terms.following.plan if terms.following else None,
        "included": number(terms.included),
        "period": f"{terms.every.months} months, {terms.every.days} days" if terms.every else str(terms.period),
        "drip": "month" if terms.drip else None,
        "anchor": str(terms.anchor),
        "signed_up": terms.signed_up.isoformat() if terms.signed_up else None,
        "zone": terms.zone,
        "commitment": number(terms.commitment),
        "overage_limit": number(terms.overage_limit),
        "rollover_millionths": rule.millionths if rule else None,
        "discount": str(terms.discount) if terms.discount is not None else None,
        "operations": list(terms.operations) if terms.operations else None,
    }


def text_of(said: object) -> str:
    """Write a value of such a shape for people."""
    match said:
        case msgspec.Raw():
            return bytes(said).decode()
        case list():
            return ", ".join(map(str, said))
        case _:
            return str(said)
