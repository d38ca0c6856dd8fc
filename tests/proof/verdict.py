"""Whether the books are right after all that was done to them: the entries, the clients' journals, the accounts."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from meter.ledger.promise import Statement
from tests.proof.journal import Fate, Line

CHARGES = ("charge", "settle", "late", "expire_hold")
ENDS = ("settle", "release", "expire_hold")


@dataclass(slots=True, kw_only=True)
class Books:
    """What the entries say."""

    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By operation."""
    charged: Counter[str] = field(default_factory=Counter)
    """What an operation was charged, all that was given back taken off."""
    closed_at: dict[str, int] = field(default_factory=dict)
    """The amount at which an operation was charged."""
    sums: Counter[str] = field(default_factory=Counter)
    lowest: dict[str, int] = field(default_factory=dict)
    entries: int = 0


def fold(entries: Iterable[dict[str, Any]]) -> Books:
    """Read all entries."""
    books = Books()
    for entry in entries:
        kind, account, op = entry["kind"], entry["account"], entry.get("of", entry["op"])
        books.entries += 1
        books.kinds[op][kind] += 1
        books.sums[account] += int(entry["delta"])
        books.lowest[account] = min(books.lowest.get(account, 0), int(entry["after"]))
        amount = int(entry.get("amount", 0))
        if kind in CHARGES:
            books.charged[op] += amount
            books.closed_at[op] = amount
        elif kind in ("refund", "void"):
            books.charged[op] -= amount
    return books


def entries(client: redis.Redis) -> Iterator[dict[str, Any]]:
    """All entries of a store, shard by shard."""
    for key in sorted(client.scan_iter("{meter:*}:ledger", count=1000)):
        after = "-"
        while page := client.xrange(key, after, count=10_000):
            for _, said in page:
                yield json.loads(said[b"e"])
            after = b"(" + page[-1][0]


def faults(books: Books, journal: Iterable[Line], statements: Iterable[Statement]) -> Iterator[str]:
    """Say all that is wrong, a sentence each."""
    yield from _doubles(books)
    yield from _lost(books, journal)
    for statement in statements:
        yield from _wrong(books, statement)


def _doubles(books: Books) -> Iterator[str]:
    for op, kinds in books.kinds.items():
        twice = [kind for kind, times in kinds.items() if times > 1 and kind not in ("extend", "refund")]
        if twice and not op.startswith(("checkpoint:", "expire:")):
            yield f"{op} has more than one entry of {', '.join(twice)}."
        ends = sum(kinds[kind] for kind in ENDS)
        if kinds["hold"] and ends != 1:
            yield f"The hold {op} ended {ends} times: {dict(kinds)}."
        if books.charged[op] < 0:
            yield f"More was given back of {op} than was charged: {books.charged[op]}."


def _lost(books: Books, journal: Iterable[Line]) -> Iterator[str]:
    """What a client was told must be so."""
    for line in journal:
        kinds = books.kinds.get(line.op, Counter())
        if line.fate is Fate.DONE and line.kind in ("charge", "hold", "grant") and not kinds[line.kind]:
            yield f"{line.op} was acknowledged as a {line.kind}, and has no such entry."
        if line.fate is Fate.REFUSED and (kinds["charge"] or kinds["hold"] or kinds["grant"]):
            yield f"{line.op} was refused, and has entries: {dict(kinds)}."
        if line.fate is Fate.DONE and line.kind == "settle" and books.closed_at.get(line.op) != line.amount:
            yield f"{line.op} was closed at {line.amount}, and its entry says {books.closed_at.get(line.op)}."
        if line.fate is Fate.DONE and line.kind == "release" and books.charged[line.op] and not kinds["expire_hold"]:
            yield f"{line.op} was released, and is charged {books.charged[line.op]}."
        if line.fate is Fate.DONE and line.kind == "void" and books.charged[line.op]:
            yield f"{line.op} was undone, and is charged {books.charged[line.op]}."


def _wrong(books: Books, one: Statement) -> Iterator[str]:
    name, life = one.account.id, one.lifetime
    unwritten = life["expired"]
    if books.lowest[name] < 0:
        yield f"{name} was overdrawn: its grants held {books.lowest[name]}."
    if one.overage > one.account.terms.overage_limit:
        yield f"{name} drew {one.overage} beyond its grants, of {one.account.terms.overage_limit} that it may."
    if one.granted != one.consumed + one.reserved + one.remaining:
        yield f"{name} does not add up: {one}."
    if life["granted"] != one.remaining + life["held"] + life["spent"] + unwritten + life["revoked"]:
        yield f"{name} does not add up over its life: {dict(life)} and {one.remaining} remain."
    if one.reserved:
        yield f"{name} still holds {one.reserved}."
