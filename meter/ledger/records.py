"""What goes into the scripts and comes out of them: packed here, unpacked here.

The headers of the scripts say what each reply holds; whoever changes one changes its reader here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from meter.credits import Credits, parse_micro
from meter.ledger.limits import KEY_LEVEL, Level, LimitKind, Limits, Reached, Window
from meter.ledger.promise import (
    Account,
    Balance,
    Grant,
    GrantKind,
    KeyRecord,
    LiveGrant,
    Statement,
    Status,
    Word,
)
from meter.pricing.terms import Period, Terms

_TERMS = msgspec.json.Decoder(Terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The first part of every reply, once its echo is checked."""

    word: Word
    now: int
    behind: int
    """Seconds by which the server's clock jumped back, where it did."""
    rest: str


def unpack(text: str, echo: str) -> Answer | None:
    """Read a reply; None where it is not the reply to what was asked."""
    if not text.startswith(echo):
        return None
    word, now, behind, *rest = text[len(echo) :].split(" ", 3)
    return Answer(word=Word(word), now=int(now), behind=int(behind), rest=rest[0] if rest else "")


def balance(text: str) -> Balance:
    """Read ``remaining granted end``."""
    remaining, granted, end = text.split(" ")
    return Balance(remaining=parse_micro(remaining), granted=parse_micro(granted), reset_at=_second(end))


def amount_and_balance(text: str) -> tuple[Credits, Balance]:
    """Read ``amount remaining granted end``."""
    amount, _, rest = text.partition(" ")
    return parse_micro(amount), balance(rest)


def capped(text: str) -> tuple[Balance, Reached]:
    """Read ``remaining granted end kind limit spent until level``."""
    *figures, kind, limit, spent, until, level = text.split(" ")
    reached = Reached(
        level=KEY_LEVEL if level.startswith(f"{KEY_LEVEL}:") else level,
        kind=LimitKind(kind),
        limit=int(limit),
        spent=int(spent),
        until=_second(until),
    )
    return balance(" ".join(figures)), reached


def level(name: str, text: str) -> Level:
    """Read a level's three windows, each ``cap start spent``."""
    parts = text.split(" ")
    caps = [None if cap == "-" else parse_micro(cap) for cap in parts[::3]]
    counters = zip(parts[1::3], parts[2::3], strict=True)
    windows = [Window(start=int(start), spent=parse_micro(spent)) for start, spent in counters]
    limits = Limits(budget=caps[0], minute=caps[1], day=caps[2])
    return Level(name=name, limits=limits, budget=windows[0], minute=windows[1], day=windows[2])


def caps(limits: Limits) -> tuple[str, ...]:
    """Write limits as ``limit.lua`` wants them."""
    return tuple("-" if cap is None else str(cap) for cap in (limits.budget, limits.minute, limits.day))


def account(name: str, text: str) -> Account:
    """Read ``revision start end terms``."""
    revision, start, end, terms = text.split(" ", 3)
    period = Period(start=int(start), end=_second(end))
    return Account(id=name, terms=_TERMS.decode(terms), revision=int(revision), period=period)


def key(key_hash: str, text: str) -> KeyRecord:
    """Read ``account created expires revoked hint operations level``."""
    owner, created, expires, revoked, hint, operations, level = text.split(" ")
    return KeyRecord(
        key_hash=key_hash,
        account=owner,
        created_at=int(created),
        expires_at=_second(expires),
        revoked=revoked == "1",
        hint=hint,
        operations=() if operations == "-" else tuple(operations.split(",")),
        level=f"{KEY_LEVEL}:{key_hash}" if level == "-" else level,
    )


def statement(name: str, answer: Answer, parts: Sequence[str]) -> Statement:
    """Read what ``statement.lua`` lists after its answer."""
    status, granted, overage, unwritten, *rest = parts
    counters, count, rest = rest[:5], int(rest[5]), rest[6:]
    grants = tuple(_live_grant(*rest[i : i + 3]) for i in range(0, 3 * count, 3))
    used = {rest[i]: parse_micro(rest[i + 1]) for i in range(3 * count, len(rest), 2)}
    consumed = sum(used.values())
    return Statement(
        account=account(name, answer.rest),
        status=Status(status),
        granted=parse_micro(granted),
        consumed=Credits(consumed),
        reserved=parse_micro(counters[4]),
        remaining=Credits(sum(grant.remaining for grant in grants)),
        overage=parse_micro(overage),
        grants=grants,
        used={operation: amount for operation, amount in used.items() if amount},
        lifetime=_lifetime(counters, consumed, int(unwritten)),
        as_of=answer.now,
    )


def terms_text(terms: Terms) -> str:
    """Write terms as the ledger keeps them."""
    return msgspec.json.encode(terms).decode()


def grant_facts(grant: Grant) -> tuple[str, ...]:
    """Write a grant as ``grant.lua`` wants it, from the amount on."""
    scope = ",".join(sorted(grant.scope)) or "-"
    json_text = json.dumps({"kind": grant.kind, "note": grant.note}, separators=(",", ":"))
    expires = grant.expires_at or 0
    return (str(grant.amount), str(grant.priority), str(expires), str(grant.cost_basis), scope, json_text)


def grant_text(grant: Grant) -> str:
    """Write a grant as the account's record keeps it, but for the second of its creation."""
    amount, priority, expires, cost, scope, json_text = grant_facts(grant)
    return f"{priority} {expires} {cost} {amount} {scope} {json_text}"


def _live_grant(grant_id: str, left: str, facts: str) -> LiveGrant:
    created, priority, expires, cost, amount, scope, json_text = facts.split(" ", 6)
    said = json.loads(json_text)
    grant = Grant(
        id=grant_id,
        kind=GrantKind(said["kind"]),
        amount=parse_micro(amount),
        priority=int(priority),
        expires_at=_second(expires),
        scope=frozenset() if scope == "-" else frozenset(scope.split(",")),
        cost_basis=parse_micro(cost),
        note=said["note"],
    )
    return LiveGrant(grant=grant, remaining=parse_micro(left), created_at=int(created))


def _lifetime(counters: Sequence[str], consumed: int, unwritten: int) -> dict[str, int]:
    """Lifetime counters as of now: with this period's use, and with what expired but is not written down yet."""
    granted, spent, expired, revoked, held = map(int, counters)
    return {
        "granted": granted,
        "spent": spent + consumed,
        "expired": expired + unwritten,
        "revoked": revoked,
        "held": held,
    }


def _second(text: str) -> int | None:
    return int(text) or None
