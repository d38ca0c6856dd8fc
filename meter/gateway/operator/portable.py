"""An account as one line of a file: what ``meter export`` writes, and what ``meter import`` reads, here or elsewhere.

Balances move, histories don't: a grant goes with what is left of it. What the ledger gives by itself, the included
credits of the period, it gives again where the account is opened; keys stay, since nobody has their text.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from meter.gateway.account_view import JsonObject, moment_text, number
from meter.gateway.operator.asked import AccountAsked, GrantAsked
from meter.ledger.names import is_own_grant
from meter.ledger.promise import LiveGrant, Statement, Status

GRANTS_MAX = 60


class AccountLine(AccountAsked):
    """An account that is to be there, with its grants."""

    status: Status = Status.ACTIVE
    grants: Annotated[tuple[GrantAsked, ...], msgspec.Meta(max_length=GRANTS_MAX)] = ()


def line_object(statement: Statement) -> JsonObject:
    """Shape an account as a line; read again, it opens an account that can spend the same."""
    terms = statement.account.terms
    return {
        "account": statement.account.id,
        "plan": terms.plan,
        "commitment": number(terms.commitment),
        "zone": terms.zone,
        "status": statement.status,
        "grants": [_grant(live) for live in statement.grants if not is_own_grant(live.grant.id) and live.remaining],
    }


def _grant(live: LiveGrant) -> Mapping[str, object]:
    grant = live.grant
    return {
        "id": grant.id,
        "credits": number(live.remaining),
        "kind": grant.kind,
        "priority": grant.priority,
        "expires_at": moment_text(grant.expires_at),
        "scope": sorted(grant.scope),
        "cost_basis": number(grant.cost_basis),
        "note": grant.note[:200],
    }
