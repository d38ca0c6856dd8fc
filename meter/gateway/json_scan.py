"""Whether a body is a JSON object, and where the members of an object stand in its text.

``root`` checks, ``scan`` looks: its expressions know tokens and take the text for valid, so nothing may be scanned
that ``root`` did not accept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAME = msgspec.json.Decoder(str)

_DEPTH = 8
"""Nested containers that one expression takes in one step; deeper ones are walked bracket by bracket."""


def _nested(depth: int) -> bytes:
    inner = rb'[^][{}"]++|' + STRING
    if depth > 1:
        inner += b"|" + _nested(depth - 1)
    return rb"[\[{](?:" + inner + rb")*+[\]}]"


SPACE = rb"[ \t\n\r]*+"
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
CONTAINER = _nested(_DEPTH)

_NAMED = re.compile(SPACE + b"(" + STRING + b")" + SPACE + b":" + SPACE)
_VALUE = re.compile(rb"[^][{}\",: \t\n\r]++|" + STRING + b"|" + CONTAINER)
_BRACKET = re.compile(rb'(?:[^][{}"]++|' + STRING + b"|" + CONTAINER + rb")*+([\[\]{}])")
_COMMA = re.compile(SPACE + b",")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of an object: positions in the text that holds it."""

    name: str
    value: int
    """The first byte of its value."""
    start: int
    """With ``end``, what goes when it is cut out: the member and one of its commas."""
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What was found in one object."""

    members: tuple[Member, ...]
    """Those with the names that were looked for, in their order."""
    others: bool
    """It has members with other names too."""
    close: int
    """Where its closing brace is."""


def root(body: bytes) -> Mapping[str, msgspec.Raw] | None:
    """Read the root's members if the body is a JSON object as RFC 8259 wants it, in UTF-8; None if it is not.

    Any number, duplicate names and escapes of lone surrogates are valid. None too where it is nested deeper than
    the interpreter's recursion limit (about 990 levels), which RFC 8259, 9 leaves to a reader.
    """
    if not body.isascii() and not _is_utf8(body):
        return None
    members = _decoded(body)
    if members is None and (b"\\ud" in body or b"\\uD" in body):
        return _decoded(_without_surrogates(body))
    return members


def scan(body: bytes, start: int, names: frozenset[str]) -> Scan:
    """Find the members with these names in the object that opens at ``start``: one pass, no recursion."""
    members: list[Member] = []
    others, comma, position = False, 0, start + 1
    while named := _NAMED.match(body, position):
        end = _value_end(body, named.end())
        after = _after_comma(body, end)
        name = _text(named[1])
        if name not in names:
            others = True
        elif others:
            members.append(Member(name=name, value=named.end(), start=comma, end=end))
        else:
            members.append(Member(name=name, value=named.end(), start=named.start(1), end=after))
        comma, position = after - 1, after
    return Scan(members=tuple(members), others=others, close=body.index(b"}", position))


def _is_utf8(body: bytes) -> bool:
    try:
        str(body, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(body: bytes) -> Mapping[str, msgspec.Raw] | None:
    try:
        return _OBJECT.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def _without_surrogates(body: bytes) -> bytes:
    """Write U+0000 for every escaped surrogate: msgspec refuses lone ones, and no name that we look for has either.

    Behind an escaped backslash it is no escape, but no less valid text than before.
    """
    return _SURROGATE.sub(rb"\\u0000", body)


def _text(name: bytes) -> str:
    if b"\\" not in name:
        return str(name[1:-1], "utf-8")
    return _NAME.decode(_without_surrogates(name))


def _value_end(body: bytes, start: int) -> int:
    value = _VALUE.match(body, start)
    if value is not None:
        return value.end()
    depth, position = 0, start
    for bracket in _BRACKET.finditer(body, start):
        depth += 1 if bracket[1] in b"[{" else -1
        position = bracket.end()
        if not depth:
            break
    return position


def _after_comma(body: bytes, end: int) -> int:
    """Step over the comma that follows a value; stay where there is none."""
    comma = _COMMA.match(body, end)
    return end if comma is None else comma.end()
