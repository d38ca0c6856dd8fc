"""JSON pointers (RFC 6901), made ready once for all the texts that they are looked for in.

Several pointers make one tree. Where it has no branch, a reader need not look, and an expression of the branch steps
over all that is on no pointer's way.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from meter.gateway.json_scan import CONTAINER, SPACE, STRING

BARE = rb'[^][{}",: \t\n\r]'
"""What a number, ``true``, ``false`` or ``null`` is made of, and whatever else is neither string nor bracket."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
r"""What a text writes in no other way than as it is, or with ``\u``."""
_ESCAPED_MAX = 6
r"""Bytes that a JSON text may write for one UTF-16 unit of a name: ``\u0041``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A value that pointers lead to, or through."""

    pointer: str | None
    """The pointer that ends here."""
    below: tuple[str, ...]
    """All pointers that end here or further down."""
    children: Mapping[str, "Branch"]
    """By a member's name or an element's index."""
    name_bytes_max: int
    """A longer name of a member is none of ours, however it is escaped."""
    index_max: int
    """The last element that is of interest; -1 where none is."""
    others: re.Pattern[bytes]
    """Whole members, with their commas, that no pointer asks for; none, where the next one may be asked for."""


@lru_cache(maxsize=256)
def tree(pointers: tuple[str, ...]) -> Branch:
    """Make the tree of some pointers.

    Raises:
        ValueError: one of them is no pointer to something inside a text.
    """
    return _branch({pointer: _names(pointer) for pointer in pointers}, 0)


@lru_cache(maxsize=256)
def signs(pointers: tuple[str, ...]) -> tuple[bytes, ...]:
    r"""Say what a text has in it that leads some pointer anywhere: one of these, or a ``\u``."""
    return tuple(_sign(pointer) for pointer in pointers)


def _sign(pointer: str) -> bytes:
    """The last name that is no index, as a text has it; where that can be written in many ways, its quote alone."""
    for name in reversed(_names(pointer)):
        if not _INDEX.fullmatch(name):
            return b'"%b"' % name.encode() if _PLAIN.fullmatch(name) else b'"'
    return b""


def _names(pointer: str) -> tuple[str, ...]:
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is not a JSON pointer to a part of a text; write one such as /usage/total.")
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in pointer[1:].split("/"))


def _branch(paths: Mapping[str, tuple[str, ...]], depth: int) -> Branch:
    ends = [pointer for pointer, names in paths.items() if len(names) == depth]
    further: dict[str, dict[str, tuple[str, ...]]] = {}
    for pointer, names in paths.items():
        if len(names) > depth:
            further.setdefault(names[depth], {})[pointer] = names
    return Branch(
        pointer=ends[0] if ends else None,
        below=tuple(paths),
        children={name: _branch(inner, depth + 1) for name, inner in further.items()},
        name_bytes_max=_ESCAPED_MAX * max((_units(name) for name in further), default=0),
        index_max=max((int(name) for name in further if _INDEX.fullmatch(name)), default=-1),
        others=_others(further),
    )


def _units(name: str) -> int:
    return len(name.encode("utf-16-le", "surrogatepass")) // 2


def _others(names: Iterable[str]) -> re.Pattern[bytes]:
    """Match members whose names are written plainly and are none of these; an escaped name is looked at."""
    ours = b"|".join(re.escape(name.encode("utf-8", "surrogatepass")) for name in names)
    name = b'"(?!(?:' + ours + rb')")[^"\\]*+"' + SPACE + b":" + SPACE
    value = b"(?:" + BARE + b"++|" + STRING + b"|" + CONTAINER + b")"
    return re.compile(b"(?:" + SPACE + name + value + SPACE + b",)*+")
