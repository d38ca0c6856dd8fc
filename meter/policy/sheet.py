"""One file on its way to a policy: its tree, what of it is valid, and its mistakes by place.

An operation, route, adjustment or plan that is wrong is left out and the rest goes on, so that every mistake of a
file is found in one go, whatever kind it is of.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from meter.policy.document import Document, json_schema
from meter.policy.mistakes import Mistake, instead, shown
from meter.policy.model import Place
from meter.policy.reading import Entry, Listing, Node, Plain, Scalar, Table, beginning, plain, read

T = TypeVar("T")

Path = tuple[str | int, ...]
"""Keys and positions that lead from the top of a document to one of its values."""

_ITEMS = frozenset({"operations", "routes", "adjustments", "plans", "prices"})
"""What is left out item by item where one is wrong."""

Schema = dict[str, Any]

_SCHEMA = json_schema()


@dataclass(slots=True, kw_only=True)
class Sheet:
    """What one file says; ``report`` adds a mistake at the place that a path leads to."""

    tree: Table
    document: Document = field(default_factory=lambda: Document(version="1"))
    mistakes: list[Mistake] = field(default_factory=list)
    unread: frozenset[Place] = frozenset()
    """What could not be read: its mistake is known, and what follows from it is not another one."""
    left_out: frozenset[Path] = frozenset()
    """The wrong items, which ``document`` doesn't have."""

    def report(self, path: Path, problem: str, fix: str, *, key: bool = False, about_price: bool = False) -> None:
        """Add a mistake at the value that a path leads to, or at its key."""
        self.add(self.place(path, key=key), problem, fix, about_price=about_price)

    def add(self, place: Place, problem: str, fix: str, *, about_price: bool = False) -> None:
        """Add a mistake at a place of this file."""
        if place not in self.unread:
            self.mistakes.append(Mistake(place=place, problem=problem, fix=fix, about_price=about_price))

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where a value stands, or its key; where it is absent, the nearest that is there."""
        node: Node = self.tree
        place = node.place
        for step in path:
            if (found := _inside(node, step)) is not None:
                place = found.place if key else found.value.place
                node = found.value
        return place

    def says(self, section: str) -> bool:
        """Whether the file has a top-level key."""
        return section in self.tree.entries

    def names(self, section: str) -> Iterator[tuple[str, Place]]:
        """The names that a section declares, right or wrong, each with its place."""
        entry = self.tree.entries.get(section)
        match entry.value if entry else None:
            case Table(entries=entries):
                yield from ((name, entry.place) for name, entry in entries.items())
            case Listing(items=items):
                key = "version" if section == "prices" else "name"
                yield from (named for item in items if (named := _name(item, key)))

    def items(self, section: str, parts: Iterable[T]) -> Iterator[tuple[Path, T]]:
        """The valid items of a list, each with its path in the file."""
        paths: Iterator[Path] = ((section, position) for position in count())
        return zip((path for path in paths if path not in self.left_out), parts, strict=False)


def sheet(text: str, file: str) -> tuple[Sheet | None, tuple[Mistake, ...]]:
    """Read and check one file by itself.

    Returns:
        The sheet with its mistakes; or None and the mistakes, where the text can't be read to its end.
    """
    reading = read(text, file)
    if not isinstance(reading.tree, Table):
        return None, reading.mistakes or (_no_document(reading.tree, file),)
    unread = frozenset(mistake.place for mistake in reading.mistakes)
    made = Sheet(tree=reading.tree, mistakes=list(reading.mistakes), unread=unread)
    _check(made)
    return made, ()


def _no_document(tree: Node | None, file: str) -> Mistake:
    problem = "the file is empty" if tree is None else "the file is not a mapping"
    return Mistake(place=beginning(file), problem=problem, fix="begin it with `version: 1`.")


def _check(made: Sheet) -> None:
    """Set the sheet's document to what of the file is valid, and report the rest."""
    written = {key: plain(entry.value) for key, entry in made.tree.entries.items()}
    try:
        made.document = Document.model_validate(written)
    except ValidationError as error:
        found = error.errors(include_url=False)
        for detail in found:
            _report(made, detail)
        made.left_out = frozenset(detail["loc"][: 2 if detail["loc"][0] in _ITEMS else 1] for detail in found)
        made.document = Document.model_validate({"version": "1", **_without(written, made.left_out)})


def _without(written: dict[str, Plain], left_out: frozenset[Path]) -> dict[str, Plain]:
    """What is written but for some of its values and of its items; a wrong version counts as the right one."""
    kept: dict[str, Plain] = {}
    for key, value in written.items():
        if (key,) in left_out:
            continue
        match value:
            case dict():
                kept[key] = {name: item for name, item in value.items() if (key, name) not in left_out}
            case list():
                kept[key] = [item for position, item in enumerate(value) if (key, position) not in left_out]
            case _:
                kept[key] = value
    return kept


def _report(made: Sheet, detail: ErrorDetails) -> None:
    path, kind, written = detail["loc"], detail["type"], detail["input"]
    match kind:
        case "meter":
            made.report(path, detail["ctx"]["problem"], detail["ctx"]["fix"], key=path[-1:] == ("[key]",))
        case "extra_forbidden":
            made.report(
                path, f"{shown(path[-1])} is not a key here", instead(str(path[-1]), _keys(path[:-1])), key=True
            )
        case "missing":
            made.report(path[:-1], f"{path[-1]} is missing", f"write it: {path[-1]}: {_example(path)}.")
        case "enum" | "literal_error":
            key = path[-1] == "[key]"
            known = [word.strip("'") for word in _words(str(detail["ctx"]["expected"]))]
            made.report(path, f"{_said(written)} is not a word for this", instead(str(written), known), key=key)
        case _:
            made.report(path, f"{_said(written)} is not what belongs here", _WANTED.get(kind, f"{detail['msg']}."))


_WANTED = {
    "bool_type": "write true or false.",
    "string_type": "write a text.",
    "list_type": "write a list, each item after a dash.",
    "dict_type": "write a mapping, `key: value`.",
    "model_type": "write a mapping, `key: value`.",
    "model_attributes_type": "write a mapping, `key: value`.",
}


def _words(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


def _said(written: object) -> str:
    match written:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return str(written).lower()
        case _:
            return shown(written)


def _inside(node: Node, step: str | int) -> Entry | None:
    match node, step:
        case Table(entries=entries), str():
            return entries.get(step)
        case Listing(items=items), int():
            return Entry(place=items[step].place, value=items[step])
        case _:
            return None


def _name(item: Node, key: str) -> tuple[str, Place] | None:
    match _inside(item, key):
        case Entry(value=Scalar(value=str(name), place=place)):
            return name, place
        case _:
            return None


def _keys(path: Path) -> list[str]:
    """The keys that may stand in the mapping that a path leads to."""
    return list(_part(path).get("properties", {}))


def _example(path: Path) -> str:
    example = _part(path).get("examples", ["…"])[0]
    return str(example)


def _part(path: Path) -> Schema:
    """What the schema says of the value that a path leads to."""
    node = _followed(_SCHEMA)
    for step in path:
        if str(step).startswith("<"):
            continue
        node = _followed(_step(node, step))
    return node


def _step(node: Schema, step: str | int) -> object:
    if isinstance(step, int):
        return node.get("items")
    return node.get("properties", {}).get(step) or node.get("additionalProperties")


def _followed(node: object) -> Schema:
    """The definition that a schema refers to; of a choice, the mapping."""
    match node:
        case {"oneOf": [*choices]}:
            return next((_followed(choice) for choice in choices if "$ref" in choice), {})
        case {"$ref": str(reference)}:
            return _followed(_SCHEMA["$defs"][reference.rpartition("/")[2]])
        case dict():
            return node
        case _:
            return {}
