"""What a call used, from the columns of a table; units are those of ``units.py``."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from meter.economics.cost.units import Resource, column
from meter.economics.exact import EconomicsError, decimal_text

_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call used, or calls on average."""

    quantities: Mapping[Resource, Fraction]
    """In the resources' own units; what was not measured is not there."""
    assumed_duration: bool = False
    """Whether memory was held for as long as the processor worked, since no duration was measured."""


def usage_of(columns: Mapping[str, Fraction]) -> Usage:
    """Add up what columns with units in their names say.

    Args:
        columns: numbers by the names of their columns; others, such as ``volume``, are passed over.

    Raises:
        EconomicsError: one is negative, or named like a resource without a known unit; or memory has no duration.
    """
    quantities: dict[Resource, Fraction] = {}
    held: Fraction | None = None
    for name, number in columns.items():
        counted = column(name)
        if counted is None:
            continue
        if number < 0:
            raise EconomicsError(f"{name} is {decimal_text(number)}; usage is never negative: correct it.")
        if counted.held:
            held = (held or _ZERO) + number * counted.scale
        else:
            amount, before = number * counted.scale, quantities.get(counted.resource)
            quantities[counted.resource] = amount if before is None else before + amount
    if held is None:
        return Usage(quantities=quantities)
    return _with_memory(quantities, held)


def _with_memory(quantities: dict[Resource, Fraction], held: Fraction) -> Usage:
    """Add memory that was held while the call lasted."""
    assumed = Resource.DURATION not in quantities
    seconds = quantities.get(Resource.CPU if assumed else Resource.DURATION)
    if seconds is None:
        raise EconomicsError(
            f"memory of {decimal_text(held)} GB has no duration; add duration_ms, or measure memory_gb_seconds."
        )
    quantities[Resource.MEMORY] = quantities.get(Resource.MEMORY, _ZERO) + held * seconds
    return Usage(quantities=quantities, assumed_duration=assumed)
