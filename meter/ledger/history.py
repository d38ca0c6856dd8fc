"""Looking back: what the entries say of an operation whose record is forgotten."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from meter.ledger import ids
from meter.ledger.shards import PAGE_MAX, Shards

BORN_EARLY_SECONDS = 60
"""An operation may be born so much ahead of the store's clock."""

LIVES_SECONDS = 600
"""It is refused as late when it is older."""

CHARGING = ("charge", "settle", "late", "expire_hold", "post")
"""The kinds of entries that can charge an operation; a hold that ends at nothing has an amount of 0."""

GIVING_BACK = ("refund", "void")

RECORD_SECONDS = 900
"""Its record lives so long, and whatever gives back from it makes it live so long again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A charge as its entry tells it."""

    entry: str
    account: str
    op: str
    operation: str
    amount: str
    overage: str
    taken: str
    period: str
    at: int
    path: str = "-"
    """The member that called."""
    counted: str = "-"
    """The levels that it was counted at, and when."""
    given_back: str = "0"
    """What other entries say that went back, up to what went back by its record."""


def charged(entry: str, text: str) -> Charged | None:
    """Read the entry of a charge; None where it is one of something else."""
    said: dict[str, Any] = json.loads(text)
    if said["kind"] not in CHARGING or said["amount"] == "0":
        return None
    return Charged(
        entry=entry,
        account=said["account"],
        op=said["op"],
        operation=said["operation"],
        amount=said["amount"],
        overage=said["overage"],
        taken=said["taken"],
        period=str(said["period"]),
        at=said["at"],
        path=said.get("path", "-"),
        counted=said.get("limits", "-"),
    )


class Entries(Protocol):
    """What looking back needs of the ledger."""

    async def entries(
        self, shard: int, after: str = "", count: int = PAGE_MAX, *, upto: str = "+"
    ) -> tuple[tuple[str, str], ...]:
        """A page of a shard's entries."""
        ...


async def mentions(shards: Entries, shard: int, ops: Sequence[str]) -> Counter[str]:
    """How many entries of a shard name each of some operations, in the time in which their records were written."""
    found: Counter[str] = Counter()
    wanted, born = set(ops), [ids.birth(op) for op in ops]
    after = _second(min(born) - BORN_EARLY_SECONDS)
    upto = _second(max(born) + LIVES_SECONDS + RECORD_SECONDS + BORN_EARLY_SECONDS)
    while page := await shards.entries(shard, after, PAGE_MAX, upto=upto):
        for _, text in page:
            found.update(wanted & {json.loads(text)["op"]})
        after = page[-1][0]
    return found


async def find_charge(shards: Shards, account: str, op: str) -> Charged | None:
    """Look for the charge of an operation among the entries since it was made, and what its record gave back.

    A call that was held for, or served while the store was away, may have been charged long after it was made.
    """
    after = _second(ids.birth(op) - BORN_EARLY_SECONDS)
    while page := await shards.entries(shards.shard_of(account), after, PAGE_MAX):
        for entry, text in page:
            found = charged(entry, text) if _about(text, account, op) else None
            if found is not None:
                return await with_given_back(shards, found)
        after = page[-1][0]
    return None


async def with_given_back(shards: Shards, charge: Charged) -> Charged:
    """Add to a charge what went back by its record, and by its entry until then.

    Who gives back by the entry asks the account how much that was before; only what the record alone knew is looked for
    here, as long as there may have been a record.
    """
    after, upto, back = charge.entry, _forgotten_by(charge.entry), 0
    while page := await shards.entries(shards.shard_of(charge.account), after, PAGE_MAX, upto=upto):
        for entry, text in page:
            said = _about(text, charge.account, charge.op)
            if said and said["kind"] in GIVING_BACK:
                upto, back = _forgotten_by(entry), back + int(said["amount"])
                if "entry" not in said:
                    return replace(charge, given_back=str(back))
        after = page[-1][0]
    return charge


def _about(text: str, account: str, op: str) -> dict[str, Any] | None:
    """What an entry says, if it says it of this operation."""
    if op not in text:
        return None
    said: dict[str, Any] = json.loads(text)
    return said if said["account"] == account and op in (said["op"], said.get("of")) else None


def _forgotten_by(entry: str) -> str:
    """Where in the stream the record that was written with an entry is forgotten."""
    return _second(int(entry.partition("-")[0]) // 1000 + RECORD_SECONDS + BORN_EARLY_SECONDS)


def _second(second: int) -> str:
    return f"{max(0, second)}000-0"
