"""Parts of a whole as percents that add up to 100, however they are rounded."""

from collections.abc import Sequence
from fractions import Fraction

from meter.economics.exact import EconomicsError

DIGITS_MAX = 18
WHOLE = 100


def percent_largest_remainder(parts: Sequence[int | Fraction], digits: int = 0) -> tuple[Fraction, ...]:
    """Round each part's percent down, and give what is missing to 100 to those that lost most.

    Hamilton's method of apportionment. Among parts that lost the same, the earlier one comes first; a part of nothing
    stays at nothing, and parts that are nothing together are all 0.

    Args:
        parts: amounts of one kind, none below zero.
        digits: decimals of the percents.

    Raises:
        EconomicsError: a part is negative, or there are no such digits.
    """
    _refuse(parts, digits)
    total = Fraction(sum(parts))
    if not total:
        return tuple(Fraction(0) for _ in parts)
    steps = WHOLE * 10**digits
    shares = [part * steps / total for part in parts]
    lost_most = sorted(range(len(parts)), key=lambda place: int(shares[place]) - shares[place])
    lifted = set(lost_most[: steps - sum(map(int, shares))])
    return tuple(Fraction(int(share) + (place in lifted), 10**digits) for place, share in enumerate(shares))


def _refuse(parts: Sequence[int | Fraction], digits: int) -> None:
    if not 0 <= digits <= DIGITS_MAX:
        raise EconomicsError(f"{digits} digits of a percent can't be shown; ask for 0 to {DIGITS_MAX}.")
    for part in parts:
        if part < 0:
            raise EconomicsError(f"{part} can't be a part of a whole; leave out what is negative.")
