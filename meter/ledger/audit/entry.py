"""Entries as an audit reads them: each says what it did, in whole micro-credits, and all of it is checked here once.

A member that a kind of entry does not have is nothing: 0, an empty text. Whoever adds a kind adds it to ``Kind``, to
``fold`` and to ``life``.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Annotated

import msgspec

from meter.credits import LIMIT, parse_micro

Parts = tuple[tuple[str, int], ...]
"""Grants, each with an amount, in an order that means something."""

Amount = Annotated[int, msgspec.Meta(ge=0, le=LIMIT)]

_NOTHING = msgspec.Raw()


class Kind(StrEnum):
    """What entries are of."""

    OPEN = "open"
    RENEW = "renew"
    GRANT = "grant"
    REVOKE = "revoke"
    REDUCE = "reduce"
    EXPIRE = "expire"
    TERMS = "terms"
    STATUS = "status"
    LIMIT = "limit"
    KEY = "key"
    KEY_REVOKED = "key_revoked"
    CHECKPOINT = "checkpoint"
    CHARGE = "charge"
    OBSERVED = "observed"
    REFUND = "refund"
    VOID = "void"
    HOLD = "hold"
    EXTEND = "extend"
    SETTLE = "settle"
    RELEASE = "release"
    EXPIRE_HOLD = "expire_hold"
    LATE = "late"
    LEASE = "lease"
    POST = "post"
    ALERT = "alert"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; what a member means is said by the script that writes it."""

    kind: Kind
    account: str
    op: str = ""
    delta: int
    after: Amount | None = None
    at: int = 0
    period: int = 0

    operation: str = ""
    amount: Amount = 0
    taken: str = ""
    overage: Amount = 0
    to: str = ""
    back: Amount = 0
    drawn: str = ""
    extra: Amount = 0
    asked: Amount | None = None
    quote: msgspec.Raw = _NOTHING
    of: str = ""
    entry: str = ""
    until: int = 0
    by: str = ""
    limits: str = ""
    """The levels at which it was counted, and when: ``level,... second period``."""
    level: str = ""
    budget: str = ""
    minute: str = ""
    day: str = ""
    lease: str = ""
    seq: int = 0

    grant: str = ""
    expires: int = 0
    end: int = 0
    status: str = ""
    terms: msgspec.Raw = _NOTHING

    granted: Amount = 0
    spent: int = 0
    used: int = 0
    expired: Amount = 0
    revoked: Amount = 0
    held: Amount = 0
    held_overage: Amount | None = None
    period_granted: Amount = 0
    lots: str = ""
    actor: str = ""


class Line(msgspec.Struct, frozen=True):
    """An entry and its place in the stream of its shard."""

    id: str
    entry: Entry


_decoder = msgspec.json.Decoder(Entry, strict=False)


def read(text: str | bytes) -> Entry | None:
    """Read an entry; None where it is none, or one that this version does not know."""
    try:
        entry = _decoder.decode(text)
        for written in (entry.taken, entry.to, entry.drawn, entry.lots):
            parts(written)
    except ValueError:
        return None
    return entry


@lru_cache(maxsize=4096)
def parts(text: str) -> Parts:
    """Read ``grant=amount,...``.

    Raises:
        ValueError: it is anything else.
    """
    found = []
    for part in text.split(",") if text else ():
        grant, _, amount = part.partition("=")
        found.append((grant, parse_micro(amount)))
    return tuple(found)


def total(text: str) -> int:
    """What the amounts of ``grant=amount,...`` come to."""
    return sum(amount for _, amount in parts(text))
