"""Economics that are declared in YAML beside a policy: prices, costs, aims, and figures that people publish."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo

from meter.credits import AmountError, parse
from meter.economics.exact import EconomicsError, decimal_text
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
        ladder=_one(top, "ladder", lambda node: _by(node, ladder)),
        zone=_one(top, "zone", _zone),
        load_max=_one(top, "load_max", positive),
        commitments=tuple(_by(item, parse) for item in _items(top.get("commitments"))),
        costs={name: _cost(name, entry) for name, entry in _entries(top.get("costs"))},
        bundles=tuple(_buffer(name, entry) for name, entry in _entries(top.get("bundles"))),
        offers=tuple(_offer(name, entry) for name, entry in _entries(top.get("offers"))),
        dashboard=_dashboard(top["dashboard"]) if "dashboard" in top else None,
        places={**_inner_places(top), **{name: entry.place for name, entry in top.items()}},
    )


def amount(node: Node) -> Fraction:
    """A number that is at least 0."""
    value = _by(node, number)
    return value if value >= 0 else _wrong(node, f"{decimal_text(value)} is negative; write a number from 0 on.")


def positive(node: Node) -> Fraction:
    """A number above 0."""
    value = _by(node, number)
    return value if value > 0 else _wrong(node, f"{decimal_text(value)} is not above 0; write such as 0.001.")


def margin(node: Node) -> Fraction:
    """A share of a price, below 1."""
    value = _by(node, number)
    if not 0 <= value < 1:
        _wrong(node, f"{decimal_text(value)} is no margin; write a share from 0 to less than 1, such as 0.7.")
    return value


def _cost(name: str, entry: Entry) -> Cost:
    if isinstance(entry.value, Scalar):
        return Cost(operation=name, cost=amount(entry.value), place=entry.place)
    said = _known(entry.value, ("cost", "value", "margin"))
    return Cost(
        operation=name,
        cost=amount(_needed(entry, said, "cost")),
        value=_one(said, "value", positive),
        margin=_one(said, "margin", lambda node: _by(node, number)),
        place=entry.place,
    )


def _buffer(name: str, entry: Entry) -> Buffer:
    said = _known(entry.value, ("buffer",))
    return Buffer(plan=name, share=amount(_needed(entry, said, "buffer")), place=entry.place)


def _offer(name: str, entry: Entry) -> Offer:
    said = _known(entry.value, ("credits", "price"))
    bought = positive(_needed(entry, said, "credits"))
    return Offer(name=name, credits=bought, price=amount(_needed(entry, said, "price")), place=entry.place)


def _dashboard(entry: Entry) -> Dashboard:
    said = _known(entry.value, ("used", "day", "days", "projected", "breakdown"))
    day, days = positive(_needed(entry, said, "day")), positive(_needed(entry, said, "days"))
    if day > days:
        _wrong(
            said["day"].value, f"day {decimal_text(day)} is not in a period of {decimal_text(days)} days; correct it."
        )
    return Dashboard(
        used=amount(_needed(entry, said, "used")),
        day=day,
        days=days,
        projected=amount(_needed(entry, said, "projected")),
        breakdown=tuple(_part(name, part) for name, part in _entries(said.get("breakdown"))),
        place=entry.place,
    )


def _part(name: str, entry: Entry) -> Part:
    said = _known(entry.value, ("credits", "percent"))
    shown_percent = amount(_needed(entry, said, "percent"))
    return Part(name=name, credits=amount(_needed(entry, said, "credits")), percent=shown_percent)


def _zone(node: Node) -> ZoneInfo:
    try:
        return zone(_text(node))
    except ValueError:
        _wrong(node, f"{shown(_text(node))} is no time zone; write one such as Europe/Berlin.")


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


def _one(entries: Mapping[str, Entry], key: str, reader: Callable[[Node], T]) -> T | None:
    return reader(entries[key].value) if key in entries else None


def _needed(entry: Entry, entries: Mapping[str, Entry], key: str) -> Node:
    if key not in entries:
        raise EconomicsError(f"{entry.place}: {key} is missing; write it.")
    return entries[key].value


def _by(node: Node, reader: Callable[[str], T]) -> T:
    try:
        return reader(_text(node))
    except (EconomicsError, AmountError) as error:
        _wrong(node, str(error))


def _text(node: Node) -> str:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        _wrong(node, "this is no number or word; write one value.")
    return node.value


def _wrong(node: Node, sentence: str) -> NoReturn:
    raise EconomicsError(f"{node.place}: {sentence}")
