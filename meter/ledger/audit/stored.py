"""What the store has of an account and of a hold, read without belief: a number that is none is told, not followed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meter.ledger.audit.entry import Parts, parts
from meter.ledger.audit.standing import Counters

COUNTERS = Counters.__struct_fields__
TEXTS = ("lots", "status", "terms", "first", "receipt")
NUMBERS = ("left", "others", "beyond", "plain_until", "revision", "start", "end", "overage_limit")
FIELDS = (*COUNTERS, *NUMBERS, *TEXTS)
"""What is asked for of an account, in this order."""

_NUMBER = re.compile(r"-?[0-9]{1,16}", re.ASCII)
_LOT = re.compile(r"([^| ]+)\|(\d{1,16})\|(\d{1,16})\|(\S*) ?", re.ASCII)
_RECORD = re.compile(
    r"([a-z]+) (\S+) (\d{1,16}) (\S+) \d+ \d+ \d+ (\d{1,16}) (\d{1,16}) (\d{1,16}) ((?:[^ =,]+=\d{1,16},?)*)"
    r"(?: (\d{1,16}) [a-z]+ .*)?(?: &.*)?",
    re.ASCII,
)

UNREADABLE = "something that no script writes"


class Unreadable(ValueError):
    """A field that can't be what a script wrote; the message names it and what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A grant in the burn list."""

    grant: str
    left: int
    expires: int
    """0 for never."""
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An account as the store has it."""

    account: str
    position: str
    """The stream id up to which entries have made it so."""
    counters: Counters
    numbers: Mapping[str, int]
    """Those of ``NUMBERS``."""
    texts: Mapping[str, str]
    """Those of ``TEXTS``."""
    lots: tuple[Lot, ...]
    """In burn order; what has expired is there until its entry is written."""
    used: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStored:
    """What the store has of an operation: its record, and its place among the open holds."""

    account: str
    op: str
    listed: int | None
    """The second at which the list of holds says that it expires; None where it is not there."""
    state: str | None
    """None where it has no record."""
    amount: int = 0
    operation: str = ""
    start: int = 0
    overage: int = 0
    taken: Parts = ()
    until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldsStored:
    """What the store has of some holds, at one place in the stream of entries."""

    position: str
    now: int
    """The store's Unix second."""
    holds: tuple[HoldStored, ...]


def stored(account: str, position: str, parts_of_reply: Sequence[str]) -> Stored:
    """Read what ``audit.lua`` lists.

    Raises:
        Unreadable: a field is not what a script would write.
    """
    texts = dict(zip(FIELDS, parts_of_reply, strict=False))
    rest = parts_of_reply[len(FIELDS) :]
    numbers = {name: _number(name, texts[name]) for name in NUMBERS}
    return Stored(
        account=account,
        position=position,
        counters=Counters(**{name: _number(name, texts[name] or "0") for name in COUNTERS}),
        numbers=numbers,
        texts={name: texts[name] for name in TEXTS},
        lots=_lots(texts["lots"], numbers["left"] - numbers["others"]),
        used={name: _number(f"used of {name}", text) for name, text in zip(rest[::2], rest[1::2], strict=True)},
    )


def hold_stored(member: str, listed: str, record: str) -> HoldStored:
    """Read what ``audit_holds.lua`` lists of one operation."""
    account, _, op = member.partition("|")
    second = int(listed) if listed else None
    said = _RECORD.fullmatch(record)
    if said is None:
        return HoldStored(account=account, op=op, listed=second, state=UNREADABLE if record else None)
    state, owner, amount, operation, start, overage, _, taken, until = said.groups()
    return HoldStored(
        account=account,
        op=op,
        listed=second,
        state=state if owner == account else f"{state} by {owner}",
        amount=int(amount),
        operation=operation,
        start=int(start),
        overage=int(overage),
        taken=parts(taken),
        until=int(until or 0),
    )


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise Unreadable(f"`{name}` holds {text[:40]!r}")
    return int(text)


def _lots(text: str, first_left: int) -> tuple[Lot, ...]:
    """The burn list: what it says of its first grant is what that held when the list was written."""
    found: list[Lot] = []
    place = 0
    while place < len(text):
        said = _LOT.match(text, place)
        if said is None:
            raise Unreadable(f"`lots` holds {text[:80]!r}")
        left = int(said[2]) if found else first_left
        found.append(Lot(grant=said[1], left=left, expires=int(said[3]), scope=said[4]))
        place = said.end()
    return tuple(found)
