"""YAML 1.2 text becomes a tree in which every key and value knows its line and column.

Numbers stay the text that was written, so that no amount ever passes through a binary float. What makes YAML
surprising (anchors, aliases, tags, merge keys, duplicates, directives) is refused; size, depth and the number of
nodes are bounded, so reading always ends.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from meter.policy.mistakes import Mistake, shown
from meter.policy.model import Place

FILE_BYTES_MAX = 256 * 1024
DEPTH_MAX = 32
NODES_MAX = 20_000
SCALAR_CHARACTERS_MAX = 2_000

_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A text or number as it was written, a truth value, or nothing."""

    value: str | bool | None
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A YAML sequence."""

    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key's value."""

    place: Place
    """Of the key."""
    value: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A YAML mapping, in the order of the file; the first of two equal keys is kept."""

    entries: Mapping[str, Entry]
    place: Place


Node = Scalar | Listing | Table

Plain = str | bool | list["Plain"] | dict[str, "Plain"] | None
"""A tree without its places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a text holds. ``tree`` None: it could not be read to its end."""

    tree: Node | None
    mistakes: tuple[Mistake, ...]


def read(text: str, file: str) -> Reading:
    """Read one YAML document; whatever the text, this returns, and says what is wrong as mistakes."""
    if len(text.encode("utf-8", "surrogatepass")) > FILE_BYTES_MAX:
        return Reading(tree=None, mistakes=(too_long(file),))
    reader = _Reader(file)
    try:
        return Reading(tree=reader.document(text), mistakes=tuple(reader.mistakes))
    except _StoppedError as stop:
        return Reading(tree=None, mistakes=(*reader.mistakes, stop.mistake))
    except (YAMLError, ValueError, ArithmeticError) as error:
        # The last two escape from ruamel.yaml at escapes and directives with numbers out of any range.
        return Reading(tree=None, mistakes=(*reader.mistakes, _syntax(error, text, file)))


def plain(node: Node) -> Plain:
    """The tree as plain Python values."""
    match node:
        case Scalar():
            return node.value
        case Listing():
            return [plain(item) for item in node.items]
        case Table():
            return {key: plain(entry.value) for key, entry in node.entries.items()}


def too_long(file: str) -> Mistake:
    """The mistake of a file above the size limit."""
    return Mistake(
        place=beginning(file),
        problem=f"the file is longer than {FILE_BYTES_MAX // 1024} KiB",
        fix="split it into several files of one folder.",
    )


def beginning(file: str) -> Place:
    """The place of what is wrong with a file as a whole."""
    return Place(file=file, line=1, column=1)


class _StoppedError(Exception):
    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake
        super().__init__(str(mistake))


class _Reader:
    """Builds one tree from the events of the YAML parser, which itself keeps no tree and follows no alias."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []
        self.nodes = 0

    def document(self, text: str) -> Node | None:
        events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        tree: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self._check_header(event, first=tree is None)
            elif isinstance(event, NodeEvent):
                tree = self._node(event, events, depth=1)
        return tree

    def _check_header(self, event: DocumentStartEvent, *, first: bool) -> None:
        if not first:
            raise _StoppedError(self._mistake(event, "a second document begins here", "write one document a file."))
        if event.version or event.tags:
            self._report(event, "there is a % directive above this", "leave it out: a policy is always YAML 1.2.")

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        self._bound(event, depth)
        self._refuse_extras(event)
        match event:
            case MappingStartEvent():
                return Table(entries=self._entries(events, depth), place=self._place(event))
            case SequenceStartEvent():
                return Listing(items=tuple(self._items(events, depth)), place=self._place(event))
            case ScalarEvent():
                return Scalar(value=self._value(event), place=self._place(event))
            case _:
                return Scalar(value=None, place=self._place(event))

    def _items(self, events: Iterator[Event], depth: int) -> Iterator[Node]:
        while not isinstance(event := next(events), SequenceEndEvent):
            yield self._node(event, events, depth + 1)

    def _entries(self, events: Iterator[Event], depth: int) -> Mapping[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key = self._key(event)
            value = self._node(next(events), events, depth + 1)
            if key in entries:
                first = entries[key].place
                self._report(event, f"the key {shown(key)} is here twice", f"keep one; the first is at {first}.")
                continue
            entries[key] = Entry(place=self._place(event), value=value)
        return entries

    def _key(self, event: Event) -> str:
        if not isinstance(event, ScalarEvent):
            raise _StoppedError(self._mistake(event, "a key here is not a single word", "write a plain word as key."))
        self._bound(event, depth=1)
        self._refuse_extras(event)
        if event.value == "<<" and event.style is None:
            self._report(event, "'<<' is a merge key", "write the keys out: policies don't merge mappings.")
        return self._text(event)

    def _value(self, event: ScalarEvent) -> str | bool | None:
        text = self._text(event)
        if event.style is not None:
            return text
        if text in _NOTHING:
            return None
        if _NO_NUMBER.fullmatch(text):
            self._report(event, f"{shown(text)} is not a number that can be charged", "write a plain number.")
        return _TRUTH.get(text, text)

    def _text(self, event: ScalarEvent) -> str:
        text = str(event.value)
        if len(text) > SCALAR_CHARACTERS_MAX:
            self._report(
                event,
                f"{shown(text)} has {len(text)} characters",
                f"write at most {SCALAR_CHARACTERS_MAX} characters in one value.",
            )
            return text[:SCALAR_CHARACTERS_MAX]
        if _SURROGATE.search(text):
            self._report(event, f"{shown(text)} holds half a character", "write the whole character.")
        return text

    def _bound(self, event: Event, depth: int) -> None:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            problem = f"the file holds more than {NODES_MAX} values"
            raise _StoppedError(self._mistake(event, problem, "split it into several files of one folder."))
        if depth > DEPTH_MAX:
            problem = f"this is nested more than {DEPTH_MAX} levels deep"
            raise _StoppedError(self._mistake(event, problem, "write it flatter: a policy needs six levels."))

    def _refuse_extras(self, event: Event) -> None:
        if isinstance(event, AliasEvent):
            self._report(
                event, f"{shown(f'*{event.anchor}')} is an alias", "write the value out: policies have no aliases."
            )
        elif isinstance(event, NodeEvent) and event.anchor:
            self._report(event, f"{shown(f'&{event.anchor}')} is an anchor", "leave it out: policies have no aliases.")
        if isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent) and event.tag:
            self._report(event, f"{shown(event.tag)} is a tag", "leave it out: a value is what it looks like.")

    def _place(self, event: Event) -> Place:
        return _place(self.file, event.start_mark)

    def _mistake(self, event: Event, problem: str, fix: str) -> Mistake:
        return Mistake(place=self._place(event), problem=problem, fix=fix)

    def _report(self, event: Event, problem: str, fix: str) -> None:
        self.mistakes.append(self._mistake(event, problem, fix))


def _place(file: str, mark: StringMark) -> Place:
    return Place(file=file, line=mark.line + 1, column=mark.column + 1)


def _syntax(error: Exception, text: str, file: str) -> Mistake:
    match error:
        case ReaderError(position=position):
            before = text[:position]
            place = Place(file=file, line=before.count("\n") + 1, column=position - before.rfind("\n"))
            problem = f"the character U+{ord(text[position]):04X} is here"
            return Mistake(place=place, problem=problem, fix="leave it out, or write its escape in double quotes.")
        case MarkedYAMLError(problem_mark=StringMark() as mark, problem=problem):
            fix = "check the indentation (spaces alone), the colons and the quotes here."
            return Mistake(place=_place(file, mark), problem=f"this is not YAML: {problem}", fix=fix)
        case _:
            problem = f"this is not YAML: {str(error)[:200]}"
            return Mistake(place=beginning(file), problem=problem, fix="check its escapes and directives.")
