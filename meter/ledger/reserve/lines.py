"""What a journal says, a line each. A line is on disk before that happens which it speaks of.

``began`` comes before a lease is taken; ``debit`` before a call is let through; ``close`` before a call is posted;
``ended`` before a lease is returned. So whoever reads the journal of a dead process can finish its work, and does
nothing twice.
"""

from collections.abc import Iterable

import msgspec


class Began(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="began", forbid_unknown_fields=True):
    """Calls of an account may be served from this, from now on."""

    fund: str
    """A lease's operation id, or the name of a count of calls that are charged late."""
    account: str
    owner: str
    """Who takes the lease, in hex; empty where there is none, and calls are charged late."""
    most: int
    """Micro-credits that it is for, at most."""


class Debit(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="debit", forbid_unknown_fields=True):
    """A call is let through."""

    fund: str
    op: str
    operation: str
    price: int
    """What it costs at most, in micro-credits."""
    amount: int
    """What it costs if its worker dies before it says more..."""
    quote: str
    """...and how that came about: the quote's record."""


class Close(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="close", forbid_unknown_fields=True):
    """A call has ended."""

    op: str
    seq: int
    """Its place among those that are posted; 0 for one that costs nothing, which is not."""
    amount: int
    quote: str
    """Empty where it is that of the debit."""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ended", forbid_unknown_fields=True):
    """All that was served from it is posted."""

    fund: str


Line = Began | Debit | Close | Ended

_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class NoLine(ValueError):
    """What is written is no line of a journal."""


def text(lines: Iterable[Line]) -> bytes:
    """Write lines as they stand in a file."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def read(line: bytes) -> Line:
    """Read a line.

    Raises:
        NoLine: it is none.
    """
    try:
        return _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise NoLine(f"{line[:80]!r} is no line of a journal: {error}.") from error
