"""Where in policy files those things stand that the policy keeps no place of: adjustments, tiers, ``unmatched``."""

from collections.abc import Iterator, Mapping

from meter.policy.model import Place
from meter.policy.reading import Entry, Listing, Node, Scalar, Table, read

ADJUSTMENTS = "adjustments"
PRICES = "operations"
UNMATCHED = "unmatched"


def outline(text: str, file: str) -> Mapping[tuple[str, ...], Place]:
    """The places of one policy file.

    Returns:
        ``("adjustments", name)``, ``("adjustments", name, key, …)``, ``("operations", name, "credits")`` and
        ``("unmatched",)``, each with its place.
    """
    tree = read(text, file).tree
    return dict(_places(tree)) if isinstance(tree, Table) else {}


def _places(tree: Table) -> Iterator[tuple[tuple[str, ...], Place]]:
    if UNMATCHED in tree.entries:
        yield (UNMATCHED,), tree.entries[UNMATCHED].place
    yield from _prices(tree.entries.get(PRICES))
    match tree.entries.get(ADJUSTMENTS):
        case Entry(value=Listing(items=items)):
            for item in items:
                yield from _adjustment(item)


def _prices(entry: Entry | None) -> Iterator[tuple[tuple[str, ...], Place]]:
    if entry is None or not isinstance(entry.value, Table):
        return
    for name, operation in entry.value.entries.items():
        if isinstance(operation.value, Table) and "credits" in operation.value.entries:
            yield (PRICES, name, "credits"), operation.value.entries["credits"].value.place


def _adjustment(item: Node) -> Iterator[tuple[tuple[str, ...], Place]]:
    if not isinstance(item, Table) or "name" not in item.entries:
        return
    named = item.entries["name"].value
    if isinstance(named, Scalar):
        yield from _inside((ADJUSTMENTS, str(named.value)), item)


def _inside(path: tuple[str, ...], node: Node) -> Iterator[tuple[tuple[str, ...], Place]]:
    yield path, node.place
    if isinstance(node, Table):
        for key, entry in node.entries.items():
            yield (*path, key), entry.place
            if isinstance(entry.value, Table):
                yield from (
                    (inner, place) for inner, place in _inside((*path, key), entry.value) if inner != (*path, key)
                )
