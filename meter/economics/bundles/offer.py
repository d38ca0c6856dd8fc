"""A plan as those who choose between plans see it."""

from dataclasses import dataclass
from fractions import Fraction

ONE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """So many credits for so much money a period, and what holds beyond them."""

    name: str
    price: Fraction
    """Money a period; 0 of a free plan."""
    credits: Fraction
    """How many are included."""
    overage: Fraction | None = None
    """Money for a credit beyond; None where there is none to be had."""
    standing: Fraction = ONE
    """By what all its prices are multiplied: its discount, and the factor of its commitment."""
    passing: Fraction = ONE
    """By what they are multiplied besides at the best hour, for who commits to all that is included."""

    @property
    def work(self) -> Fraction:
        """The credits' worth of work, at the table's prices, that its credits buy."""
        return self.credits / self.standing

    def cost(self, per_credit: Fraction) -> Fraction:
        """Money that one of its credits costs when it is spent, of what a credit of the table costs."""
        return per_credit / self.standing
