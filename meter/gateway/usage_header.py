"""What an upstream reports of one call in its answer's head.

``Credits-Usage: tokens=812, seconds=3.5`` says what the call used, ``Credits-Price: 12`` what it is worth. Believed
from the upstream alone; nobody else's passes. What is not understood is left out, with a reason for the log.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from meter.credits import AmountError, Credits, parse
from meter.gateway.headers import Headers

ITEMS_MAX = 32
_ITEM = re.compile(rb"[ \t]*([A-Za-z][A-Za-z0-9_.-]{0,63})[ \t]*=[ \t]*([0-9]{1,15}(?:\.[0-9]{1,9})?)[ \t]*")


@dataclass(slots=True)
class Reported:
    """What an upstream reported."""

    units: dict[str, Fraction] = field(default_factory=dict)
    """By the name of the meter; a name that comes twice counts once for each."""
    price: Credits | None = None
    ignored: list[str] = field(default_factory=list)
    """Why something was left out, a sentence each."""


def read(headers: Headers) -> Reported:
    """Read the headers of an answer, whose names are in lower case."""
    reported = Reported()
    for name, value in headers:
        if name == b"credits-usage":
            _read_usage(value, reported)
        elif name == b"credits-price":
            _read_price(value, reported)
    return reported


def _read_usage(value: bytes, reported: Reported) -> None:
    for item in _items(value):
        found = _ITEM.fullmatch(item)
        if found is None:
            reported.ignored.append(f"{item[:80]!r} is not a name and a plain number, such as tokens=812.")
        elif len(reported.units) < ITEMS_MAX:
            name = found[1].decode()
            reported.units[name] = reported.units.get(name, Fraction(0)) + Fraction(found[2].decode())


def _items(value: bytes) -> Iterator[bytes]:
    """The items of a list; empty ones are nothing (RFC 9110, 5.6.1)."""
    return (item for item in value.split(b",")[: 2 * ITEMS_MAX] if item.strip(b" \t"))


def _read_price(value: bytes, reported: Reported) -> None:
    try:
        reported.price = parse(value.decode("latin-1").strip())
    except AmountError as error:
        reported.ignored.append(str(error))
