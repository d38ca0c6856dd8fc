"""The lots that credits come from, out of exported ledger files: what each was given for, and what it cost."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import msgspec

from meter.archive.files import ArchiveBroken, Part, entries
from meter.credits import MICRO
from meter.economics.margins.worth import Lot, LotKind, LotName
from meter.pricing.terms import Terms
from meter.sheets.entries import is_ledger, ledgers
from meter.sheets.rows import SheetError

BEGINS = frozenset({"open", "renew"})
"""Kinds of entries that give what a plan includes, without facts of their own."""

_NOTHING = msgspec.Raw()


class _Facts(msgspec.Struct, frozen=True):
    kind: LotKind = LotKind.INCLUDED


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a lot is made of; what a member means is said by the script that writes it."""

    kind: str
    account: str
    grant: str = ""
    cost: int = 0
    facts: _Facts = _Facts()
    terms: msgspec.Raw = _NOTHING


_entry = msgspec.json.Decoder(_Entry, strict=False)
_terms = msgspec.json.Decoder(Terms)


def lots(paths: Iterable[Path]) -> dict[LotName, Lot]:
    """The lots of exported ledger files and folders of them; other files have none.

    Raises:
        SheetError: a file can't be read, or holds an entry that is none.
    """
    found: dict[LotName, Lot] = {}
    try:
        for files in ledgers(path for path in paths if is_ledger(path)):
            terms: dict[str, Terms] = {}
            for part in files:
                found.update(_lots(part, terms))
    except ArchiveBroken as error:
        raise SheetError(str(error)) from error
    return found


def _lots(part: Part, terms: dict[str, Terms]) -> Iterator[tuple[LotName, Lot]]:
    for line, stored in enumerate(entries(part), start=1):
        try:
            entry = _entry.decode(stored.entry)
            if bytes(entry.terms):
                terms[entry.account] = _terms.decode(entry.terms)
        except ValueError as error:
            raise SheetError(
                f"{part.path}:{line}: {stored.entry[:60]!r} is no entry ({error}); restore the file."
            ) from error
        if entry.kind == "grant" or (entry.kind in BEGINS and entry.grant):
            yield (entry.account, entry.grant), _lot(entry, terms.get(entry.account))


def _lot(entry: _Entry, terms: Terms | None) -> Lot:
    return Lot(
        kind=entry.facts.kind,
        basis=Fraction(entry.cost, MICRO),
        plan=terms.plan if terms else None,
        included=terms.included if terms else None,
    )
