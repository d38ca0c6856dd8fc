"""A caller who asks what its call will cost next: ``Credits-Preview: next``, answered by a header of ours."""

from collections.abc import Iterable

from meter.credits import text
from meter.pricing.coming_prices import ComingPrice
from meter.pricing.words import moment_text

PREVIEW = b"credits-preview"
NEXT = b"next"


def wants_next(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request asks for its next price; any other word asks for nothing that we know."""
    return any(name == PREVIEW and value.strip().lower() == NEXT for name, value in headers)


def next_price(coming: ComingPrice) -> bytes:
    """Write the next price as a header's value: a dictionary (RFC 9651, 3.2), its amount in exact credits."""
    amount = "" if coming.credits is None else f"credits={text(coming.credits)}, "
    return f'{amount}at="{moment_text(coming.at)}", prices="{coming.prices}"'.encode()
