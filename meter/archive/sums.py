"""What entries add up to: each account's balance as the fold of what was done to it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from meter.archive.files import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What the entries of one account add up to, in micro-credits."""

    opening: int
    """What its grants held before the first of these entries; 0 where they begin with the account."""
    balance: int
    """The opening and every change since: what its grants hold after the last entry."""
    entries: int
    """Those that say what they did to the grants."""
    gap: str | None = None
    """The stream id of the first entry that does not continue the one before; None where none is missing."""


class _Change(msgspec.Struct):
    """What every entry says of itself; amounts are decimal strings of micro-credits."""

    account: str
    delta: str
    after: str | None = None
    """Missing where the entry was written without a look at the account's grants, and changed none."""


_decoder = msgspec.json.Decoder(_Change)


def sums(entries: Iterable[Stored]) -> dict[str, Sum]:
    """Each account's balance as its entries, in the order of their stream, add up to it."""
    books: dict[str, Sum] = {}
    for stored in entries:
        change = _decoder.decode(stored.entry)
        if change.after is None:
            continue
        delta, after = int(change.delta), int(change.after)
        before = books.get(change.account) or Sum(opening=after - delta, balance=after - delta, entries=0)
        books[change.account] = _added(before, delta, after, stored.id)
    return books


def _added(before: Sum, delta: int, after: int, stream_id: str) -> Sum:
    balance = before.balance + delta
    gap = before.gap or (stream_id if balance != after else None)
    return replace(before, balance=balance, entries=before.entries + 1, gap=gap)
