"""The units in which usage is measured and rates are given, by the names of their columns.

GB is 10⁹ bytes and GiB is 2³⁰ (IEC 80000-13); a provider that says GB and means GiB has a unit, too. Whoever adds a
resource adds its units here, and nothing else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from fractions import Fraction

from meter.economics.exact import EconomicsError
from meter.policy.mistakes import instead, shown


class Resource(StrEnum):
    """What a call uses up, in the unit that it is reckoned in."""

    CPU = "cpu_seconds"
    GPU = "gpu_seconds"
    DURATION = "duration_seconds"
    MEMORY = "memory_gb_seconds"
    STORAGE = "storage_gb"
    STORED = "storage_gb_months"
    OUT = "gb_out"
    IN = "gb_in"
    THIRD_PARTY = "third_party"
    """Money that somebody else takes for the call; its rate is a factor, such as a tax."""
    FIXED = "fixed"
    """Money a call, whatever it uses; what a row says stands in place of the card's."""


UNRATED = frozenset({Resource.DURATION, Resource.IN})
"""What most providers do not bill: measured without a rate, it costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a column counts."""

    resource: Resource
    scale: Fraction = Fraction(1)
    """How many of the resource's own unit one of these is."""
    held: bool = False
    """Whether it is a size that is held while the call lasts, and counts times its duration."""


_TIMES = {"seconds": Fraction(1), "ms": Fraction(1, 1000), "minutes": Fraction(60), "hours": Fraction(3600)}
_SIZES = {
    "gb": Fraction(1),
    "mb": Fraction(1, 10**3),
    "kb": Fraction(1, 10**6),
    "bytes": Fraction(1, 10**9),
    "tb": Fraction(10**3),
    "gib": Fraction(2**30, 10**9),
    "mib": Fraction(2**20, 10**9),
    "kib": Fraction(2**10, 10**9),
    "tib": Fraction(2**40, 10**9),
}
_TIMED = {"cpu": Resource.CPU, "gpu": Resource.GPU, "duration": Resource.DURATION}


def _units() -> Iterator[tuple[str, Unit]]:
    for time, seconds in _TIMES.items():
        for name, resource in _TIMED.items():
            yield f"{name}_{time}", Unit(resource=resource, scale=seconds)
        for size, gb in _SIZES.items():
            yield f"memory_{size}_{time}", Unit(resource=Resource.MEMORY, scale=gb * seconds)
    for size, gb in _SIZES.items():
        yield f"memory_{size}", Unit(resource=Resource.MEMORY, scale=gb, held=True)
        yield f"storage_{size}", Unit(resource=Resource.STORAGE, scale=gb)
        yield f"storage_{size}_months", Unit(resource=Resource.STORED, scale=gb)
        yield f"{size}_out", Unit(resource=Resource.OUT, scale=gb)
        yield f"bandwidth_{size}", Unit(resource=Resource.OUT, scale=gb)
        yield f"{size}_in", Unit(resource=Resource.IN, scale=gb)
    yield "third_party", Unit(resource=Resource.THIRD_PARTY)
    yield "fixed", Unit(resource=Resource.FIXED)


UNITS: Mapping[str, Unit] = dict(_units())
"""By the name of a column, or of a rate."""

_FAMILIES = ("cpu", "gpu", "duration", "memory", "storage", "bandwidth", "third", "bytes_", "fixed")
_KINDS = ("_out", "_in")
_LETTERS_MAX = 40
"""Of a wrong name, how many are compared."""


def unit(name: str) -> Unit:
    """What a unit's name counts.

    Raises:
        EconomicsError: there is no such unit.
    """
    if name not in UNITS:
        close = get_close_matches(name[:_LETTERS_MAX], _best_first(), n=1)
        raise EconomicsError(f"{shown(name)} is no unit; {instead(name, close or _best_first())}")
    return UNITS[name]


def column(name: str) -> Unit | None:
    """What a table's column counts; None where it is about something else, such as its title.

    Raises:
        EconomicsError: it is named like a resource and has no unit that is known, as ``cpu`` or ``memory_megs``.
    """
    if name in UNITS:
        return UNITS[name]
    return unit(name) if name.lower().startswith(_FAMILIES) or name.lower().endswith(_KINDS) else None


def _best_first() -> list[str]:
    """All names, those of the resources first."""
    return list(dict.fromkeys((*Resource, *UNITS)))
