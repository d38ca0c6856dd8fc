"""The lines of a file of accounts, CSV or JSON lines: each is read whole, or is bad, with the value that makes it so.

A line of CSV is put into the JSON that it means, so that one reader checks both.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from meter.credits import AmountError
from meter.gateway.desk.asked import BadRequest
from meter.gateway.operator.asked import grant_asked, terms_asked
from meter.gateway.operator.portable import AccountLine
from meter.ledger.names import BadName
from meter.ledger.promise import Grant, Status
from meter.policy.model import Policy
from meter.pricing.terms import Terms

LINE_BYTES_MAX = 64 * 1024
SHOWN_MAX = 80

OF_ACCOUNTS = ("account", "plan", "commitment", "zone", "status")
OF_GRANTS = ("grant", "credits", "kind", "priority", "expires_at", "scope", "cost_basis", "note")
COLUMNS = (*OF_ACCOUNTS, *OF_GRANTS)

_NUMBERS = frozenset({"commitment", "credits", "priority", "cost_basis"})
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?", re.ASCII)
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_STEP = re.compile(r"(\w+)|\[(\d+)\]")


class BadFile(Exception):
    """The file is no file of accounts; the message is a sentence with the value and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An account that is to be there, with its grants."""

    number: int
    account: str
    terms: Terms
    status: Status
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A line of which nothing is applied."""

    number: int
    value: str
    """What of it is wrong, as it was written."""
    reason: str


class Reader:
    """Reads the lines of one file."""

    def __init__(self, file: Path, policy: Policy, *, now: int) -> None:
        """Take a file, whose accounts sign up at a second."""
        self._file = file
        self._policy = policy
        self._now = now
        self._decoder = msgspec.json.Decoder(AccountLine)
        self.bytes_read = 0

    def __iter__(self) -> Iterator[Line | Bad]:
        """Read on.

        Raises:
            BadFile: its first line names columns that there are not.
            OSError: it can't be read.
        """
        with self._file.open("rb") as opened:
            lines = self._csv(opened) if self._file.suffix.lower() == ".csv" else self._json(opened)
            for number, written in lines:
                self.bytes_read = opened.tell()
                yield self._line(number, written) if isinstance(written, bytes) else written

    def _json(self, opened: BinaryIO) -> Iterator[tuple[int, bytes | Bad]]:
        for number, written in enumerate(opened, 1):
            if written.strip():
                yield number, written

    def _csv(self, opened: BinaryIO) -> Iterator[tuple[int, bytes | Bad]]:
        texts = (line.decode("utf-8-sig" if not at else "utf-8", "surrogateescape") for at, line in enumerate(opened))
        rows = csv.reader(texts, strict=True)
        columns = _columns(next(rows, []))
        while True:
            number = rows.line_num + 1
            try:
                cells = next(rows, None)
            except csv.Error as error:
                yield number, Bad(number=number, value="", reason=f"this is no line of CSV: {error}.")
                continue
            if cells is None:
                return
            if cells:
                yield number, _json_of(number, columns, cells)

    def _line(self, number: int, written: bytes) -> Line | Bad:
        """Read one line, all of it."""
        if len(written) > LINE_BYTES_MAX:
            return Bad(number=number, value=_cut(written), reason=f"it is longer than {LINE_BYTES_MAX} bytes.")
        try:
            return self._checked(number, self._decoder.decode(written))
        except msgspec.ValidationError as error:
            value, reason = _told(written, str(error))
            return Bad(number=number, value=value, reason=reason)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return Bad(number=number, value=_cut(written), reason=f"this is no line of JSON: {error}.")
        except (BadRequest, BadName, AmountError) as error:
            return Bad(number=number, value="", reason=str(error))

    def _checked(self, number: int, asked: AccountLine) -> Line | Bad:
        grants = tuple(map(grant_asked, asked.grants))
        names = [grant.id for grant in grants]
        for name in names:
            if names.count(name) > 1:
                return Bad(number=number, value=name, reason="it is the id of two grants of this line.")
        terms = terms_asked(self._policy, asked, now=self._now)
        return Line(number=number, account=asked.account, terms=terms, status=asked.status, grants=grants)


def _columns(header: list[str]) -> list[str]:
    known = ", ".join(COLUMNS)
    for name in header:
        if name not in COLUMNS or header.count(name) > 1:
            raise BadFile(f"The first line names the column {name[:SHOWN_MAX]!r}; each may be one of {known}, once.")
    if not {"account", "plan"} <= set(header):
        raise BadFile(f"The first line must name the columns account and plan; it may name {known}.")
    return header


def _json_of(number: int, columns: list[str], cells: list[str]) -> bytes | Bad:
    """Put a line of CSV into the JSON that it means; an empty cell says nothing."""
    if len(cells) != len(columns):
        reason = f"it has {len(cells)} cells, and the first line names {len(columns)}."
        return Bad(number=number, value=",".join(cells)[:SHOWN_MAX], reason=reason)
    said = {name: _value(name, cell) for name, cell in zip(columns, cells, strict=True) if cell}
    grant = {"id" if name == "grant" else name: said.pop(name) for name in OF_GRANTS if name in said}
    try:
        return msgspec.json.encode({**said, "grants": [grant]} if grant else said)
    except UnicodeError:
        return Bad(number=number, value=ascii(",".join(cells))[:SHOWN_MAX], reason="it is not written in UTF-8.")


def _value(name: str, cell: str) -> object:
    if name in _NUMBERS and _NUMBER.fullmatch(cell):
        return msgspec.Raw(cell.encode())
    return cell.split() if name == "scope" else cell


def _told(written: bytes, error: str) -> tuple[str, str]:
    """What of a line is wrong, and why: the value stands where the error says."""
    place = _PLACE.search(error)
    try:
        value: object = msgspec.json.decode(written)
    except (msgspec.DecodeError, RecursionError):
        return _cut(written), f"this is no line of JSON: {error}."
    for name, index in _STEP.findall(place[1] if place else ""):
        value = _inside(value, name, int(index or 0))
    where = f"{place[1]}: " if place and place[1] else ""
    return _cut(msgspec.json.encode(value)), where + _PLACE.sub("", error) + "."


def _inside(value: object, name: str, index: int) -> object:
    if isinstance(value, Mapping):
        return value.get(name)
    return value[index] if isinstance(value, list) and index < len(value) else value


def _cut(written: bytes) -> str:
    shown = written.strip().decode(errors="replace")
    return shown if len(shown) <= SHOWN_MAX else shown[:SHOWN_MAX] + "…"
