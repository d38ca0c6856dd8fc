"""How commands show an account, and what became of it."""

from meter.cli.printing import show, show_table
from meter.credits import text
from meter.gateway.account_view import moment_text
from meter.ledger.promise import LiveGrant, Statement

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
