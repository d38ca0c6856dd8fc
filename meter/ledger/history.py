"""Looking back: what the entries say of an operation whose record is forgotten."""

import json
from dataclasses import dataclass, replace
from typing import Any

from meter.ledger import ids
from meter.ledger.shards import PAGE_MAX, Shards

BORN_EARLY_SECONDS = 60
"""An operation may be born so much ahead of the store's clock."""

LIVES_SECONDS = 600
"""It is refused as late when it is older."""

CHARGING = ("charge", "settle", "late", "expire_hold")
"""The kinds of entries that can charge an operation; a hold that ends at nothing has an amount of 0."""

RECORD_SECONDS = 900
"""Its record lives so long, and what undoes it by the record makes it live so long again."""


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
    given_back: str = "0"
    """What other entries say that was given back by its record."""


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
    )


async def find_charge(shards: Shards, account: str, op: str) -> Charged | None:
    """Look for the charge of an operation among the entries of its time, and whether it was undone by its record."""
    shard = shards.shard_of(account)
    born = ids.birth(op)
    after = f"{max(0, born - BORN_EARLY_SECONDS)}000-0"
    last = f"{born + LIVES_SECONDS + RECORD_SECONDS + BORN_EARLY_SECONDS}000-0"
    found: Charged | None = None
    while page := await shards.entries(shard, after, PAGE_MAX, upto=last):
        for entry, text in page:
            if op not in text:
                continue
            if found is None:
                found = _its_charge(entry, text, account, op)
            elif back := _given_back(text, op):
                return replace(found, given_back=back)
        after = page[-1][0]
    return found


def _its_charge(entry: str, text: str, account: str, op: str) -> Charged | None:
    found = charged(entry, text)
    return found if found and (found.op, found.account) == (op, account) else None


def _given_back(text: str, op: str) -> str:
    """What an entry says that was given back of an operation by its record, which happens once; empty if nothing."""
    said = json.loads(text)
    undoes = said["kind"] in ("refund", "void") and said.get("of") == op and "entry" not in said
    return str(said["amount"]) if undoes else ""
