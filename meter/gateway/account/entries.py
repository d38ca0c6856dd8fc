"""An account's entries, the newest first: a page at a time, and never more than so many entries looked at.

All accounts of a shard share one stream, so what is looked at may be others': a page can hold fewer entries than were
asked for, or none, and still have a next one.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from meter.credits import Credits, text
from meter.gateway.account_view import JsonObject, moment_text, number
from meter.ledger.audit.entry import Entry, Kind, read
from meter.ledger.shards import PAGE_MAX, Looked

LOOKED_AT_MAX = 5_000
"""How many entries of the shard are looked at for one page."""
AT_ONCE = 250
"""How many of them in one step: the store does nothing else for about half a millisecond."""

COLUMNS = ("id", "at", "kind", "operation", "op", "grant", "credits", "change", "balance")

_HIDDEN = frozenset({Kind.CHECKPOINT})
"""Kinds that change nothing and tell an account nothing."""


class Entries(Protocol):
    """What looking back needs of the ledger; it may raise ``LedgerUnavailable`` and nothing else."""

    async def entries_of(self, account: str, before: str = "", *, look_at: int = PAGE_MAX, count: int) -> Looked:
        """Look for an account's entries among so many of its shard, the newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some entries of an account."""

    entries: Sequence[tuple[str, Entry]]
    following: str | None
    """The cursor of the next page; None where there is none."""


async def page(ledger: Entries, account: str, before: str, *, count: int, look_at: int = LOOKED_AT_MAX) -> Page:
    """Read the entries before a cursor; an empty one begins with the newest."""
    found: list[tuple[str, Entry]] = []
    for _ in range(0, look_at, AT_ONCE):
        looked = await ledger.entries_of(account, before, look_at=AT_ONCE, count=count - len(found))
        before = looked.last
        found += [(place, entry) for place, entry in map(_read, looked.entries) if entry and entry.account == account]
        if len(found) == count or not before:
            break
    return Page(entries=[one for one in found if one[1].kind not in _HIDDEN], following=before or None)


def entry_object(place: str, entry: Entry) -> JsonObject:
    """Shape an entry; what its kind does not have is null."""
    return {
        "id": place,
        "at": moment_text(entry.at),
        "kind": entry.kind,
        "operation": entry.operation or None,
        "op": entry.op or None,
        "grant": entry.grant or None,
        "credits": number(Credits(entry.amount)),
        "change": msgspec.Raw(signed(entry.delta).encode()),
        "balance": None if entry.after is None else number(Credits(entry.after)),
    }


def csv_text(found: Page) -> bytes:
    """Write a page as CSV (RFC 4180), its columns named in the first line; what is null is empty."""
    lines = io.StringIO()
    writer = csv.DictWriter(lines, COLUMNS)
    writer.writeheader()
    writer.writerows(_row(entry_object(place, entry)) for place, entry in found.entries)
    return lines.getvalue().encode()


def signed(micro: int) -> str:
    """Write a change of a balance as a JSON number."""
    return ("-" if micro < 0 else "") + text(Credits(abs(micro)))


def _row(shown: JsonObject) -> Mapping[str, object]:
    return {name: bytes(one).decode() if isinstance(one, msgspec.Raw) else one for name, one in shown.items()}


def _read(one: tuple[str, str]) -> tuple[str, Entry | None]:
    place, written = one
    return place, read(written)
