"""Economics that are declared in YAML beside a policy: prices, costs, aims, and figures that people publish."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo

from meter.credits import AmountError, parse
from meter.economics.exact import EconomicsError, decimal_text, parse_share
from meter.economics.exact import parse as number
from meter.economics.lint.subject import Buffer, Cost, Dashboard, Economics, Offer, Part
from meter.economics.table.ladders import ladder
from meter.policy.mistakes import instead, shown
from meter.policy.model import Place
from meter.policy.moments import zone
from meter.policy.reading import Entry, Listing, Node, Scalar, Table, read

T = TypeVar("T")

KEYS = (
    "price_per_credit",
    "target_margin",
    "margin_floor",
    "blended_cost",
    "ladder",
    "zone",
    "load_max",
    "commitments",
    "costs",
    "bundles",
    "offers",
    "dashboard",
)


def declared(text: str, file: str) -> Economics:
    """Read what a file declares.

    Raises:
        EconomicsError: anything in it is wrong; with file, line and column.
    """
    reading = read(text, file)
    for mistake in reading.mistakes:
        raise EconomicsError(str(mistake))
    if not isinstance(reading.tree, Table):
        raise EconomicsError(
            f"{file}:1:1: there is nothing declared here; write price_per_credit: 0.001, costs: {{…}}."
        )
    top = _known(reading.tree, KEYS)
    return Economics(
        price_per_credit=_one(top, "price_per_credit", positive),
        target_margin=_one(top, "target_margin", margin),
        margin_floor=_one(top, "margin_floor", margin),
        blended_cost=_one(top, "blended_cost", amount),
        ladder=_one(top, "ladder", ladder),
        zone=_one(top, "zone", _zone),
        load_max=_one(top, "load_max", positive),
        commitments=tuple(_by(item, parse) for item in _items(top.get("commitments"))),
        costs={name: _cost(name, entry) for name, entry in _entries(top.get("costs"))},
        bundles=tuple(_buffer(name, entry) for name, entry in _entries(top.get("bundles"))),
        offers=tuple(_offer(name, entry) for name, entry in _entries(top.get("offers"))),
        dashboard=_dashboard(top["dashboard"]) if "dashboard" in top else None,
        places={**_inner_places(top), **{name: entry.place for name, entry in top.items()}},
    )


def amount(written: str) -> Fraction:
    """Read a number that is at least 0.

    Raises:
        EconomicsError: it is none.
    """
    value = number(written)
    if value < 0:
        raise EconomicsError(f"{decimal_text(value)} is negative; write a number from 0 on.")
    return value


def positive(written: str) -> Fraction:
    """Read a number above 0.

    Raises:
        EconomicsError: it is none.
    """
    value = number(written)
    if value <= 0:
        raise EconomicsError(f"{decimal_text(value)} is not above 0; write such as 0.001.")
    return value


def margin(written: str) -> Fraction:
    """Read a share of a price, below 1: ``0.7`` or ``70%``.

    Raises:
        EconomicsError: it is none.
    """
    value = parse_share(written)
    if not 0 <= value < 1:
        raise EconomicsError(f"{shown(written)} is no margin; write a share from 0 to less than 1, such as 0.7 or 70%.")
    return value


def _cost(name: str, entry: Entry) -> Cost:
    if isinstance(entry.value, Scalar):
        return Cost(operation=name, cost=_by(entry.value, amount), place=entry.place)
    said = _known(entry.value, ("cost", "value", "margin"))
    return Cost(
        operation=name,
        cost=_needed(amount, entry, said, "cost"),
        value=_one(said, "value", positive),
        margin=_one(said, "margin", number),
        place=entry.place,
    )


def _buffer(name: str, entry: Entry) -> Buffer:
    said = _known(entry.value, ("buffer",))
    return Buffer(plan=name, share=_needed(amount, entry, said, "buffer"), place=entry.place)


def _offer(name: str, entry: Entry) -> Offer:
    said = _known(entry.value, ("credits", "price"))
    bought = _needed(positive, entry, said, "credits")
    return Offer(name=name, credits=bought, price=_needed(amount, entry, said, "price"), place=entry.place)


def _dashboard(entry: Entry) -> Dashboard:
    said = _known(entry.value, ("used", "day", "days", "projected", "breakdown"))
    day, days = _needed(positive, entry, said, "day"), _needed(positive, entry, said, "days")
    if day > days:
        _wrong(
            said["day"].value, f"day {decimal_text(day)} is not in a period of {decimal_text(days)} days; correct it."
        )
    return Dashboard(
        used=_needed(amount, entry, said, "used"),
        day=day,
        days=days,
        projected=_needed(amount, entry, said, "projected"),
        breakdown=tuple(_part(name, part) for name, part in _entries(said.get("breakdown"))),
        place=entry.place,
    )


def _part(name: str, entry: Entry) -> Part:
    said = _known(entry.value, ("credits", "percent"))
    shown_percent = _needed(amount, entry, said, "percent")
    return Part(name=name, credits=_needed(amount, entry, said, "credits"), percent=shown_percent)


def _zone(written: str) -> ZoneInfo:
    try:
        return zone(written)
    except ValueError as error:
        raise EconomicsError(f"{shown(written)} is no time zone; write one such as Europe/Berlin.") from error


def _inner_places(top: Mapping[str, Entry]) -> dict[str, Place]:
    """Where a dashboard's own figures stand."""
    entry = top.get("dashboard")
    if entry is None or not isinstance(entry.value, Table):
        return {}
    return {name: inner.place for name, inner in entry.value.entries.items()}


def _known(node: Node, keys: tuple[str, ...]) -> Mapping[str, Entry]:
    """A mapping's entries, none of which has another key than these."""
    if not isinstance(node, Table):
        _wrong(node, f"this is no mapping; write {keys[0]}: and its value.")
    for key, entry in node.entries.items():
        if key not in keys:
            raise EconomicsError(f"{entry.place}: {shown(key)} is not a key here; {instead(key, keys)}")
    return node.entries


def _entries(entry: Entry | None) -> Iterator[tuple[str, Entry]]:
    if entry is None:
        return
    if not isinstance(entry.value, Table):
        _wrong(entry.value, "this is no mapping; write a name and its value.")
    yield from entry.value.entries.items()


def _items(entry: Entry | None) -> Iterator[Node]:
    if entry is None:
        return
    if not isinstance(entry.value, Listing):
        _wrong(entry.value, "this is no list; write [100000].")
    yield from entry.value.items


def _one(entries: Mapping[str, Entry], key: str, reader: Callable[[str], T]) -> T | None:
    return _by(entries[key].value, reader) if key in entries else None


def _needed(reader: Callable[[str], T], entry: Entry, entries: Mapping[str, Entry], key: str) -> T:
    if key not in entries:
        raise EconomicsError(f"{entry.place}: {key} is missing; write it.")
    return _by(entries[key].value, reader)


def _by(node: Node, reader: Callable[[str], T]) -> T:
    written = _text(node)
    try:
        return reader(written)
    except (EconomicsError, AmountError) as error:
        _wrong(node, str(error))


def _text(node: Node) -> str:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        _wrong(node, "this is no number or word; write one value.")
    return node.value


def _wrong(node: Node, sentence: str) -> NoReturn:
    raise EconomicsError(f"{node.place}: {sentence}")
