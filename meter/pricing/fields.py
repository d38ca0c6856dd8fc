"""Query parameters and headers, read so that no app can find in them what the price did not see.

Frameworks disagree on case, on ``limit[]``, on ``;``, on ``_`` and on which of several values counts. So a field has
two names: the one that was sent, and the loose one, under which some framework may find it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import unquote_to_bytes

PARAMETERS_MAX = 256
"""Query parameters that are read; a query with more of them has no price."""

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Field:
    """A query parameter or a header."""

    name: str
    """Empty where only some framework would see this field at all."""
    loose: str
    value: str


def query_fields(query: bytes) -> tuple[Field, ...]:
    """The parameters of a raw query string, also those that appear when ``;`` separates them."""
    return tuple(_parameters(query))


def header_fields(headers: Sequence[tuple[bytes, bytes]]) -> tuple[Field, ...]:
    """All headers, also the members of those that are lists."""
    return tuple(_headers(headers))


def crowded(query: bytes) -> bool:
    """Whether a query string has more parameters than are read."""
    return query.count(b"&") + query.count(b";") >= PARAMETERS_MAX


def loose_parameter(name: str) -> str:
    """The name under which some framework may find a parameter: ``limit`` for ``Limit[]``."""
    bare = name.partition("[")[0].partition("\0")[0].strip()
    return bare.casefold().replace(".", "_").replace(" ", "_")


def loose_header(name: str) -> str:
    """The name under which some gateway may find a header: ``X_Width`` is ``x-width``."""
    return name.lower().replace("_", "-")


def largest(fields: Sequence[Field], name: str, loose: str) -> Fraction | None:
    """The largest number that a field has by any of its names; None where it is missing or no plain number."""
    if not any(field.name == name for field in fields):
        return None
    values = [field.value for field in fields if field.loose == loose]
    if not all(_NUMBER.fullmatch(value) for value in values):
        return None
    return max(Fraction(value) for value in values)


def _parameters(query: bytes) -> Iterator[Field]:
    for part in query.split(b"&"):
        yield _parameter(part)
        if b";" in part:
            for piece in part.split(b";"):
                field = _parameter(piece)
                yield Field("", field.loose, field.value)


def _parameter(part: bytes) -> Field:
    name, _, value = part.partition(b"=")
    text = _decoded(name)
    return Field(text, loose_parameter(text), _decoded(value))


def _decoded(part: bytes) -> str:
    return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8", "replace")


def _headers(headers: Sequence[tuple[bytes, bytes]]) -> Iterator[Field]:
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip(" \t")
        yield Field(name, loose_header(name), value)
        if "," in value:
            yield from (Field("", loose_header(name), member.strip(" \t")) for member in value.split(","))
