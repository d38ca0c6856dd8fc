"""What one call has used so far, by the names that its operation's meters have in the policy."""

from collections.abc import Mapping
from fractions import Fraction

from meter.policy.model import MeterKind, Operation, Rate

Readings = Mapping[str, Fraction | None]

Number = int | Fraction
"""A quantity, exactly."""


class Usage:
    """The readings of one call's meters; a meter that nobody has read yet is not among them."""

    __slots__ = ("_rates", "readings")

    def __init__(self, operation: Operation, known: Readings) -> None:
        """Begin with what is known before the call."""
        self._rates = operation.rates
        self.readings: dict[str, Fraction | None] = dict(known)

    def wants(self, kind: MeterKind) -> bool:
        """Whether any meter reads this kind of quantity."""
        return any(rate.kind is kind for rate in self._rates)

    def copy(self) -> dict[str, Fraction | None]:
        """The readings as they are now, to go back to."""
        return self.readings.copy()

    def go_back(self, readings: dict[str, Fraction | None]) -> None:
        """Forget what was read since."""
        self.readings = readings

    @property
    def pointers(self) -> tuple[str, ...]:
        """The JSON pointers into the answer that are read."""
        return tuple(rate.source for rate in self._rates if rate.kind is MeterKind.JSON)

    def read(self, kind: MeterKind, units: Number, source: str = "") -> None:
        """Set what the meters of a kind read by now, in all."""
        for rate in self._of(kind, source):
            self.readings[rate.meter] = Fraction(units)

    def add(self, name: str, units: Number) -> None:
        """Add to what was reported by a name; a name that no meter has costs nothing."""
        for rate in self._of(MeterKind.REPORTED, name):
            self.readings[rate.meter] = (self.readings.get(rate.meter) or 0) + Fraction(units)

    def _of(self, kind: MeterKind, source: str) -> list[Rate]:
        return [rate for rate in self._rates if rate.kind is kind and rate.source == source]
