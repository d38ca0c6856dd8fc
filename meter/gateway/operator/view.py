"""Accounts, grants, keys and holds as they are shown to the operator, by its API and by the command line alike."""

from meter.credits import Credits
from meter.gateway.account.entries import entry_object
from meter.gateway.account_view import JsonObject, credits_object, grant_object, moment_text, number
from meter.ledger import ids
from meter.ledger.audit.entry import Entry
from meter.ledger.audit.stored import HoldStored
from meter.ledger.changing import Change
from meter.ledger.promise import KeyRecord, LiveGrant, Statement
from meter.policy.versions import Pin


def account_object(statement: Statement) -> JsonObject:
    """Shape an account for its operator: what its owner sees, and what only the operator needs."""
    terms = statement.account.terms
    return {
        **credits_object(statement),
        "status": statement.status,
        "commitment": number(terms.commitment),
        "pin": _pin_object(terms.pin),
        "used": {operation: number(amount) for operation, amount in sorted(statement.used.items())},
    }


def _pin_object(pin: Pin | None) -> JsonObject | None:
    return None if pin is None else {"version": pin.version, "until": moment_text(int(pin.until.timestamp()))}


def operator_grant_object(live: LiveGrant) -> JsonObject:
    """Shape a grant for the operator."""
    grant = live.grant
    return {
        **grant_object(live),
        "credits": number(grant.amount),
        "created_at": moment_text(live.created_at),
        "scope": sorted(grant.scope),
        "cost_basis": number(grant.cost_basis),
        "note": grant.note,
    }


def key_object(key: KeyRecord) -> JsonObject:
    """Shape a key as the store knows it; its id is its SHA-256."""
    return {
        "id": key.key_hash,
        "hint": key.hint,
        "revoked": key.revoked,
        "created_at": moment_text(key.created_at),
        "expires_at": moment_text(key.expires_at),
    }


def hold_object(hold: HoldStored, now: int) -> JsonObject:
    """Shape an open hold."""
    return {
        "account": hold.account,
        "operation": hold.operation,
        "op": hold.op,
        "credits": number(Credits(hold.amount)),
        "age_seconds": now - ids.birth(hold.op),
        "expires_at": moment_text(hold.until),
        "expires_in_seconds": hold.until - now,
    }


def operator_entry_object(place: str, entry: Entry) -> JsonObject:
    """Shape an entry, with who asked for it."""
    return {**entry_object(place, entry), "actor": entry.actor or None}


def change_object(made: Change) -> JsonObject:
    """Shape what a change of plan does to an account."""
    return {
        "account": made.account,
        "before": made.before,
        "plan": made.plan,
        "changes": made.changes,
        "at": moment_text(made.at),
        "given": number(made.give),
        "taken_back": number(made.take),
    }
