"""What JSON pointers find in a text that streams past, of which nothing but a name or a number is ever kept.

The reader looks for brackets, strings and the order of things, not for every rule of RFC 8259: in a valid text it
finds what a parser finds for which the last of duplicate names counts; in another, what stands before the fault
that it notices. Whoever adds a short cut sees to it that it takes no text that the steps would take otherwise.
"""

import re
from collections.abc import Callable
from fractions import Fraction

import msgspec

from meter.gateway.json_scan import CONTAINER, SPACE, STRING
from meter.gateway.pointers import BARE, Branch, tree
from meter.gateway.units import CHARACTERS_MAX, units

_SPACE = re.compile(SPACE)
_BARE = re.compile(BARE + b"*+")
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_IN_CONTAINER = re.compile(rb'(?:[^][{}"]++|' + STRING + b"|" + CONTAINER + b")*+")
_NAME = msgspec.json.Decoder(str)

_QUOTE, _COLON, _COMMA = b'":,'
_OPENING, _CLOSING = b"[{", b"]}"
_OBJECT = -1
"""The index of what stands in an object."""

_Step = Callable[["PointerReader", bytes, int], int]
"""Reads on in a chunk, from a place in it, and says how far it came; it leaves the next step in its reader."""


class PointerReader:
    """One JSON text, as it passes."""

    __slots__ = (
        "_branch", "_depth", "_escaped", "_index", "_outer", "_step", "_target", "_then", "_written", "found", "valid",
    )  # fmt: skip

    def __init__(self, pointers: tuple[str, ...]) -> None:
        """Look for some pointers.

        Raises:
            ValueError: one of them is no pointer to something inside a text.
        """
        self.found: dict[str, Fraction | None] = dict.fromkeys(pointers)
        """The number that stands at each pointer; None while there is none, or something else stands there."""
        self.valid = True
        """Whether no fault was noticed in what has passed; a text that is cut short has none."""
        self._step: _Step = PointerReader._value
        self._then: _Step = PointerReader._after
        self._target: Branch | None = tree(pointers)
        self._branch: Branch | None = None
        self._index = _OBJECT
        self._outer: list[tuple[Branch | None, int]] = []
        self._depth = 0
        self._written = bytearray()
        self._escaped = False

    def feed(self, chunk: bytes) -> None:
        """Read on."""
        at, end = 0, len(chunk)
        while at < end and self.valid:
            at = self._step(self, chunk, at)

    def _value(self, chunk: bytes, at: int) -> int:
        """Expect a value, or the end of an array."""
        at = _past(_SPACE, chunk, at)
        first = chunk[at : at + 1]
        if first == b"]" and self._index != _OBJECT:
            return self._close(at)
        if not first or first in b",:]}":
            return self._fault(chunk) if first else at
        if self._target is not None:
            self.found.update(dict.fromkeys(self._target.below))
        if first in _OPENING:
            return self._open(self._target, at + 1, _OBJECT if first == b"{" else 0)
        self._written.clear()
        return self._go(PointerReader._string, at + 1) if first == b'"' else self._go(PointerReader._bare, at)

    def _open(self, target: Branch | None, at: int, index: int) -> int:
        """Enter a container that a pointer leads into; step over any other."""
        if target is None or not target.children:
            return self._skip(at)
        self._outer.append((self._branch, self._index))
        self._branch, self._index = target, index
        self._target = target.children.get(str(index))
        return self._go(PointerReader._name if index == _OBJECT else PointerReader._value, at)

    def _name(self, chunk: bytes, at: int) -> int:
        """Expect a member, or the end of an object."""
        assert self._branch is not None, "names stand in an object that was entered"
        at = _past(_SPACE, chunk, _past(self._branch.others, chunk, at))
        if at == len(chunk):
            return at
        if chunk[at] == _QUOTE:
            self._written.clear()
            return self._go(PointerReader._in_name, at + 1)
        return self._close(at) if chunk[at] in b"}" else self._fault(chunk)

    def _in_name(self, chunk: bytes, at: int) -> int:
        """Keep a member's name, as far as it can be one that is looked for."""
        assert self._branch is not None, "names stand in an object that was entered"
        end = self._string_end(chunk, at)
        room = self._branch.name_bytes_max + 1 - len(self._written)
        self._written += chunk[at : min(end, at + room)]
        if end == len(chunk):
            return end
        self._target = _child(self._branch, bytes(self._written))
        return self._go(PointerReader._colon, end + 1)

    def _colon(self, chunk: bytes, at: int) -> int:
        at = _past(_SPACE, chunk, at)
        if at == len(chunk):
            return at
        return self._go(PointerReader._value, at + 1) if chunk[at] == _COLON else self._fault(chunk)

    def _bare(self, chunk: bytes, at: int) -> int:
        """Read a number, or another word without quotes."""
        end = _past(_BARE, chunk, at)
        if self._target is not None and self._target.pointer is not None:
            self._written += chunk[at : min(end, at + CHARACTERS_MAX + 1 - len(self._written))]
            if end < len(chunk):
                self.found[self._target.pointer] = units(bytes(self._written))
        return end if end == len(chunk) else self._go(PointerReader._after, end)

    def _string(self, chunk: bytes, at: int) -> int:
        """Step over a string."""
        end = self._string_end(chunk, at)
        return end if end == len(chunk) else self._go(self._then, end + 1)

    def _container(self, chunk: bytes, at: int) -> int:
        """Step over what is in a container, as far as the next bracket that has no partner here."""
        at = _past(_IN_CONTAINER, chunk, at)
        if at == len(chunk):
            return at
        if chunk[at] == _QUOTE:
            return self._go(PointerReader._string, at + 1)
        self._depth += 1 if chunk[at] in _OPENING else -1
        return at + 1 if self._depth else self._leave(at + 1)

    def _after(self, chunk: bytes, at: int) -> int:
        """Expect the next value of a container, or its end; nothing more after the root."""
        at = _past(_SPACE, chunk, at)
        if at == len(chunk):
            return at
        if self._branch is None:
            return self._fault(chunk)
        if chunk[at] in _CLOSING:
            return self._close(at) if (chunk[at] == _CLOSING[1]) == (self._index == _OBJECT) else self._fault(chunk)
        if chunk[at] != _COMMA:
            return self._fault(chunk)
        return self._go(PointerReader._name, at + 1) if self._index == _OBJECT else self._next(self._branch, at + 1)

    def _next(self, branch: Branch, at: int) -> int:
        """Go on to an array's next element; step over all the others after the last of interest."""
        self._index += 1
        self._target = branch.children.get(str(self._index))
        if self._index <= branch.index_max:
            return self._go(PointerReader._value, at)
        self._branch, self._index = self._outer.pop()
        return self._skip(at)

    def _close(self, at: int) -> int:
        self._branch, self._index = self._outer.pop()
        return self._go(PointerReader._after, at + 1)

    def _skip(self, at: int) -> int:
        self._depth = 1
        self._then = PointerReader._container
        return self._go(PointerReader._container, at)

    def _leave(self, at: int) -> int:
        self._then = PointerReader._after
        return self._go(PointerReader._after, at)

    def _fault(self, chunk: bytes) -> int:
        """Notice that this is no JSON text: nothing more is read."""
        self.valid = False
        return len(chunk)

    def _go(self, step: _Step, at: int) -> int:
        self._step = step
        return at

    def _string_end(self, chunk: bytes, at: int) -> int:
        """Where the closing quote is; the chunk's end where it is in a later one."""
        at = _past(_IN_STRING, chunk, at + 1 if self._escaped else at)
        self._escaped = chunk[at : at + 1] == b"\\"
        return len(chunk) if self._escaped else at


def _past(pattern: re.Pattern[bytes], chunk: bytes, at: int) -> int:
    found = pattern.match(chunk, at)
    assert found is not None, "these expressions match nothing too"
    return found.end()


def _child(branch: Branch, name: bytes) -> Branch | None:
    """Where a name leads, as it stands between its quotes; half a surrogate pair is in none that leads anywhere."""
    try:
        return branch.children.get(_NAME.decode(b'"' + name + b'"') if b"\\" in name else name.decode())
    except ValueError:
        return None
