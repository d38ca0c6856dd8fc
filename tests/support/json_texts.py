"""JSON texts for properties: every spelling that the standard allows, and ways to cut bytes into pieces."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypothesis import strategies as st


class Pairs(list):
    """An object as JSON wrote it: its members in order, duplicates too."""


class Number(str):
    """A number as it was written."""

    __slots__ = ()


WRITTEN = [
    "0",
    "1",
    "812",
    "3.5",
    "-1",
    "-0",
    "1e3",
    "12E-2",
    "0.1",
    "1" * 33,
    "0." + "1" * 30,
    "0." + "1" * 31,
    "1e99",
    "999999999999999.9",
    "1e15",
]
SCALARS = st.none() | st.booleans() | st.text(max_size=4) | st.sampled_from(WRITTEN).map(Number)


def values(names: Sequence[str]) -> st.SearchStrategy[object]:
    """Values whose objects have these names, again and again."""

    def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        members = st.lists(st.tuples(st.sampled_from(names), inner), max_size=4)
        return st.lists(inner, max_size=3) | members.map(Pairs)

    return st.recursive(SCALARS, containers, max_leaves=16)


@st.composite
def texts(draw: st.DrawFn, names: Sequence[str]) -> bytes:
    """A valid text, with escapes and white space wherever they may stand."""
    spaces = st.sampled_from(["", "", " ", "\n\t"])

    def written(value: object) -> str:
        if isinstance(value, Number):
            shown = str(value)
        elif isinstance(value, Pairs):
            inner = ",".join(f"{draw(spaces)}{name(key)}{draw(spaces)}:{written(one)}" for key, one in value)
            shown = "{" + inner + draw(spaces) + "}"
        elif isinstance(value, list):
            shown = "[" + ",".join(map(written, value)) + draw(spaces) + "]"
        else:
            shown = json.dumps(value, ensure_ascii=draw(st.booleans()))
        return draw(spaces) + shown + draw(spaces)

    def name(key: str) -> str:
        units = key.encode("utf-16-be", "surrogatepass")
        escaped = "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
        return f'"{escaped}"' if draw(st.booleans()) else json.dumps(key, ensure_ascii=draw(st.booleans()))

    return written(draw(values(names))).encode("utf-8", "surrogatepass")


def broken(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """What is no text any more, but for luck: one that was cut, or has a few bytes too many."""
    bytes_of_json = st.lists(st.sampled_from(b'[]{}",:\\ \n1ae'), max_size=3).map(bytes)

    def damaged(text: bytes) -> st.SearchStrategy[bytes]:
        places = st.integers(0, len(text))
        return st.tuples(places, places, bytes_of_json).map(lambda one: text[: one[0]] + one[2] + text[one[1] :])

    return whole.flatmap(damaged)


def cut(whole: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut bytes at some places, in any order; those beyond the end cut nothing."""
    inside = sorted({place for place in places if 0 < place < len(whole)})
    return [whole[start:end] for start, end in pairwise([0, *inside, len(whole)])]


def cuttings(of: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    """Bytes in pieces."""

    def pieces(whole: bytes) -> st.SearchStrategy[list[bytes]]:
        every = st.just(range(len(whole)))
        return (every | st.lists(st.integers(0, len(whole)), max_size=6)).map(lambda places: cut(whole, places))

    return of.flatmap(pieces)


def prefixes(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """What has passed after each piece."""
    passed = b""
    for piece in pieces:
        passed += piece
        yield passed
