"""Calls of the ledger, from the files that it exports: each charge once, net of what was given back.

A call is a ``charge``, a ``settle``, a ``late``, a ``post`` or a hold that expired at a price; what was observed is one
too, and cost nothing. A charge that was voided is none: nobody was served.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter
from pathlib import Path

import msgspec

from meter.archive.files import ArchiveBroken, Part, entries, parts
from meter.credits import ZERO, Credits
from meter.economics.traffic import Call
from meter.pricing.terms import Terms
from meter.sheets.rows import SheetError

ENDING = ".jsonl.gz"
PAID = frozenset({"charge", "settle", "late", "post", "expire_hold"})
BACK = frozenset({"refund", "void"})
MINUTE_SECONDS = 60
OUTCOME = "outcome "
"""How the factor begins that says how a call ended."""

_NOTHING = msgspec.Raw()


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the economics need of an entry; what a member means is said by the script that writes it."""

    kind: str
    account: str
    op: str = ""
    at: int = 0
    operation: str = ""
    amount: int = 0
    taken: str = ""
    overage: int = 0
    of: str = ""
    quote: msgspec.Raw = _NOTHING
    terms: msgspec.Raw = _NOTHING


class _Load(msgspec.Struct, frozen=True):
    on: tuple[str, ...] = ()


class _Record(msgspec.Struct, frozen=True):
    """What is needed of a quote's record."""

    operation: str
    moment: datetime
    usage: tuple[tuple[str, str | None, str], ...] = ()
    factors: tuple[tuple[str, str], ...] = ()
    load: _Load = _Load()
    commitment: int | None = None


_entry = msgspec.json.Decoder(_Entry, strict=False)
_record = msgspec.json.Decoder(_Record, strict=False)
_terms = msgspec.json.Decoder(Terms)


@dataclass(slots=True)
class _Books:
    """What is known beside the entry itself."""

    back: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Micro-credits that were given back, by account and operation id."""
    undone: set[tuple[str, str]] = field(default_factory=set)
    terms: dict[str, Terms] = field(default_factory=dict)


def is_ledger(path: Path) -> bool:
    """Whether a path is a folder of exported ledger files, or named as one of them."""
    return path.is_dir() or path.name.endswith(ENDING)


def ledger_calls(paths: Iterable[Path]) -> Iterator[Call]:
    """The calls of exported files, and of folders of them; in order of time in each file.

    The files of one folder are one ledger, however they are named: a refund, or an account's terms, is seen in
    whichever of them it is.

    Raises:
        SheetError: a file can't be read, or holds an entry that is none.
    """
    try:
        for files in ledgers(paths):
            books = _given_back(files)
            for part in files:
                yield from sorted(_calls(part, books), key=attrgetter("at"))
    except ArchiveBroken as error:
        raise SheetError(str(error)) from error


def ledgers(paths: Iterable[Path]) -> Iterator[tuple[Part, ...]]:
    """The files that paths name, folder by folder; each once, and in the order of their entries.

    Raises:
        SheetError: a path names no exported file.
        ArchiveBroken: two files overlap.
    """
    wanted: dict[Path, tuple[Path, set[str]]] = {}
    for path in paths:
        folder = path if path.is_dir() else path.parent
        _, names = wanted.setdefault(folder.resolve(), (folder, set()))
        names.update(part.path.name for part in _named(path))
    for folder, names in wanted.values():
        yield tuple(part for part in parts(folder) if part.path.name in names)


def _named(path: Path) -> tuple[Part, ...]:
    found = parts(path) if path.is_dir() else tuple(part for part in parts(path.parent) if part.path == path)
    if not found:
        what = "holds no exported ledger file" if path.is_dir() else "has no name of an exported ledger file"
        raise SheetError(f"{path}: it {what}; name what `meter ledger export` wrote: <shard>_<first>-<last>{ENDING}.")
    return found


def _given_back(files: Iterable[Part]) -> _Books:
    books = _Books()
    for part in files:
        for _, entry in _entries(part):
            if entry.kind in BACK:
                books.back[entry.account, entry.of] += entry.amount
            if entry.kind == "void":
                books.undone.add((entry.account, entry.of))
    return books


def _entries(part: Part) -> Iterator[tuple[int, _Entry]]:
    for line, stored in enumerate(entries(part), start=1):
        try:
            yield line, _entry.decode(stored.entry)
        except msgspec.DecodeError as error:
            raise SheetError(
                f"{part.path}:{line}: {stored.entry[:60]!r} is no entry ({error}); restore the file."
            ) from error


def _calls(part: Part, books: _Books) -> Iterator[Call]:
    for line, entry in _entries(part):
        try:
            if bytes(entry.terms):
                books.terms[entry.account] = _terms.decode(entry.terms)
            if _is_call(entry) and (entry.account, entry.op) not in books.undone:
                yield _call(entry, books)
        except (ValueError, ZeroDivisionError) as error:
            raise SheetError(
                f"{part.path}:{line}: entry {entry.op} of {entry.account} can't be read ({error}); restore the file."
            ) from error


def _is_call(entry: _Entry) -> bool:
    if entry.kind == "expire_hold":
        return entry.amount > 0
    return entry.kind in PAID or entry.kind == "observed"


def _call(entry: _Entry, books: _Books) -> Call:
    record = _read(bytes(entry.quote)) if bytes(entry.quote) else None
    terms = books.terms.get(entry.account)
    amount = 0 if entry.kind == "observed" else entry.amount
    # An operation id may be charged once more after its record was forgotten; what came back is never more.
    back = min(amount, books.back[entry.account, entry.op])
    books.back[entry.account, entry.op] -= back
    overage = max(0, entry.overage - back)
    return Call(
        at=_second(entry, record),
        account=entry.account,
        operation=entry.operation,
        credits=Credits(amount - back),
        plan=terms.plan if terms else None,
        commitment=_commitment(record, terms),
        load=frozenset(record.load.on) if record else frozenset(),
        usage=_usage(record),
        charged=_share(record) * (Fraction(amount - back, amount) if amount else 1),
        lots=_lots(entry.taken, amount - back - overage),
        overage=Credits(overage),
        terms=terms,
    )


@lru_cache(maxsize=4096)
def _read(quote: bytes) -> _Record:
    return _record.decode(quote)


def _second(entry: _Entry, record: _Record | None) -> int:
    """When it was called: within the minute that decided the price, as near to the entry as that goes."""
    if record is None:
        return entry.at
    moment = int(record.moment.timestamp())
    return min(max(entry.at, moment), moment + MINUTE_SECONDS - 1)


def _commitment(record: _Record | None, terms: Terms | None) -> Credits:
    if record is not None and record.commitment is not None:
        return Credits(record.commitment)
    return terms.commitment if terms else ZERO


def _usage(record: _Record | None) -> dict[str, Fraction]:
    uses = record.usage if record else ()
    return {meter: Fraction(units) for meter, units, _ in uses if units is not None}


def _share(record: _Record | None) -> Fraction:
    """What of its price its end paid, as its record says."""
    factors = record.factors if record else ()
    shares = [Fraction(multiply) for name, multiply in factors if name.startswith(OUTCOME)]
    return shares[-1] if shares else Fraction(1)


def _lots(taken: str, paid: int) -> tuple[tuple[str, Credits], ...]:
    """What each grant paid in the end: what was burnt last has gone back first."""
    found = []
    for lot in taken.split(",") if taken else ():
        grant, _, written = lot.partition("=")
        part = min(paid, int(written))
        paid -= part
        if part > 0:
            found.append((grant, Credits(part)))
    return tuple(found)
