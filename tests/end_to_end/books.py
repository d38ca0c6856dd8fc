"""Whether the books are right: the ledger's entries against themselves, the balances, and every answer.

Each call of a drill has a price that no other call of its account has, so that an entry tells whose it is.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from meter.archive.files import Stored
from meter.archive.sums import Sum, sums
from meter.credits import MICRO
from tests.end_to_end.house import House, Store

CHARGES = ("charge", "post", "late")
"""Entries that charge an operation at once, or after an outage in which it was served."""
SERVED = 200
UNANSWERED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a drill, and how it was answered."""

    account: str
    price: int
    status: int
    consumed: int = 0
    """What its answer says."""


@dataclass(slots=True, kw_only=True)
class Charges:
    """What the entries say of operations."""

    by_operation: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    open: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Charges that were not undone, by account and price."""


def entries(store: Store) -> Iterator[Stored]:
    """All entries that are in the store, shard by shard, in order."""
    with store.client() as client:
        for key in sorted(client.scan_iter("*:ledger", count=1000)):
            shard = int(key[len("{meter:") : key.index(b"}")])
            for stream_id, said in client.xrange(key):
                yield Stored(shard=shard, id=stream_id.decode(), entry=said[b"e"])


def charges(stored: Iterable[Stored]) -> Charges:
    """Which operations were charged, and which of them undone."""
    found = Charges()
    for said in (json.loads(one.entry) for one in stored):
        paid = said["account"], int(said.get("amount", 0)) // MICRO
        if said["kind"] in CHARGES:
            found.by_operation[said["op"]] += 1
            found.open[paid] += 1
        elif said["kind"] in ("void", "refund"):
            found.undone[said["of"]] += 1
            found.open[paid] -= 1
    return found


def faults(house: House, store: Store, calls: Iterable[Call]) -> list[str]:
    """Say all that is wrong, a sentence each; nothing where the books are right."""
    stored = list(entries(store))
    found = charges(stored)
    balances = {account: house.balance(account) for account in {json.loads(one.entry)["account"] for one in stored}}
    return [
        *(f"Operation {op} was charged {times} times." for op, times in found.by_operation.items() if times > 1),
        *(f"Operation {op} was undone {times} times." for op, times in found.undone.items() if times > 1),
        *_wrong_answers(found, calls),
        *_wrong_balances(balances, found, sums(stored)),
        *house.audited(),
    ]


def _wrong_answers(found: Charges, calls: Iterable[Call]) -> Iterator[str]:
    rest = Counter(found.open)
    for call in calls:
        times = rest.pop((call.account, call.price), 0)
        fine = {SERVED: (1,), UNANSWERED: (0, 1)}.get(call.status, (0,))
        if times not in fine:
            yield f"{call} was charged {times} times."
        if call.consumed != (call.price if call.status == SERVED else 0):
            yield f"{call} was told that it cost {call.consumed}."
    for paid, times in rest.items():
        if times:
            yield f"{paid} was charged {times} times, and nobody called."


def _wrong_balances(
    balances: Mapping[str, Mapping[str, Any]], found: Charges, folds: Mapping[str, Sum]
) -> Iterator[str]:
    for account, said in balances.items():
        fold = folds[account]
        paid = sum(price * times for (whose, price), times in found.open.items() if whose == account)
        if fold.gap or fold.opening or fold.balance != said["remaining"] * MICRO:
            yield f"{account} has {said['remaining']}, and its entries add up to {fold}."
        if said["consumed"] != paid:
            yield f"{account} has consumed {said['consumed']}, and its charges add up to {paid}."
        if said["granted"] != said["consumed"] + said["reserved"] + said["remaining"]:
            yield f"{account} does not add up: {said}."
