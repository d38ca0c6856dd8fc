"""What an upstream says of a call in its headers: how much was used, and what it costs.

Believed from an upstream alone: whoever calls this has the headers of its answer, before they are stripped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from meter.credits import AmountError, Credits, parse
from meter.gateway.headers import Headers
from meter.gateway.units import units
from meter.policy.values import meter_name

USAGE = b"credits-usage"
PRICE = b"credits-price"

BYTES_MAX = 4096
"""Of all usage that is said."""
METERS_MAX = 32

_BLANK = b" \t"
_SHOWN_BYTES_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an upstream said."""

    usage: Mapping[str, Fraction] = field(default_factory=dict)
    """Units by the name of a meter; of a name that stands twice, the last (RFC 9651, 3.2)."""
    price: Credits | None = None
    """What stands in place of the policy's price; None where nothing does."""
    faults: tuple[str, ...] = ()
    """A sentence for each thing said that was not understood."""


NOTHING = Said()


def said(headers: Headers) -> Said:
    """Read what an upstream says of a call.

    Args:
        headers: of its answer, from ``lowered``.
    """
    usages = [value for name, value in headers if name == USAGE]
    prices = [value for name, value in headers if name == PRICE]
    if not usages and not prices:
        return NOTHING
    faults: list[str] = []
    return Said(usage=_usage(b",".join(usages), faults), price=_price(prices, faults), faults=tuple(faults))


def _usage(written: bytes, faults: list[str]) -> dict[str, Fraction]:
    if len(written) > BYTES_MAX:
        faults.append(f"Credits-Usage has {len(written)} bytes and at most {BYTES_MAX} are read.")
        return {}
    usage: dict[str, Fraction] = {}
    for item in filter(None, (item.strip(_BLANK) for item in written.split(b","))):
        name, _, number = item.decode("latin-1").partition("=")
        read = units(number.encode("latin-1"))
        if read is None or not meter_name(name):
            faults.append(f"Credits-Usage says {_shown(item)}, which is no meter and number such as tokens=812.")
        elif len(usage) >= METERS_MAX and name not in usage:
            faults.append(f"Credits-Usage names more than {METERS_MAX} meters; {_shown(item)} is not read.")
        else:
            usage[name] = read
    return usage


def _price(written: list[bytes], faults: list[str]) -> Credits | None:
    if not written:
        return None
    if len(written) > 1:
        faults.append(f"Credits-Price stands {len(written)} times; it is not read.")
        return None
    try:
        return parse(written[0].strip(_BLANK).decode("latin-1"))
    except AmountError as error:
        faults.append(f"Credits-Price: {error}")
        return None


def _shown(item: bytes) -> str:
    return repr(item[:_SHOWN_BYTES_MAX].decode("latin-1"))
