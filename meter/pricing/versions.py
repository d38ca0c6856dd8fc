"""Which version of its prices an operation is paid by, and how an account walks from an old price to the one in force.

At any minute one version applies: the one that the account is pinned to, else the last whose moment has passed. When a
pin is over, and the policy declares a ``transition``, the account pays no more than its caps allow: each price that it
has left, and that share of its pinned price for each month begun since; or, where the transition compounds, so much of
it as a price grows by that rises by the share each month. So what it pays never rises by more than the share in a
month, never passes what is in force, and arrives there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

from meter.policy.model import Operation, Policy, Price, Rate
from meter.policy.versions import Pin, PriceVersion
from meter.pricing.calendar import months_begun
from meter.pricing.conditions import Conditions
from meter.pricing.words import moment_text, number

COMPOUNDING_MONTHS_MAX = 1200
"""A hundred years: in more a cap that compounds rises no further."""
GROWTH_PARTS = 10**12
"""Growth has twelve decimals, so that no record grows with the months."""
TRANSITION = "transition"
"""The name of the rebate among a price's factors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """What an account that was pinned pays at most: a price that it has left, and so much of its pinned one."""

    price: Price
    rise: Fraction
    pinned: Price
    since: datetime
    """When it left that price: from then on, each month begun lifts the cap."""


def priced(operation: Operation, conditions: Conditions) -> Operation:
    """The operation at the price by which it is paid."""
    version = version_of(operation, conditions)
    return operation if version is None else replace(operation, price=version.price)


def version_name(operation: Operation, conditions: Conditions) -> str | None:
    """The name of the version by which an operation is paid; None where it has one price alone."""
    version = version_of(operation, conditions)
    return None if version is None else version.name


def version_of(operation: Operation, conditions: Conditions) -> PriceVersion | None:
    """The version by which an operation is paid; None where it has one price alone."""
    if not operation.versions:
        return None
    pin = conditions.pin
    if pin is not None and conditions.moment < pin.until and (pinned := _pinned(operation, pin)):
        return pinned
    return in_force(operation.versions, conditions.moment)


def version_names(policy: Policy) -> tuple[str, ...]:
    """The versions of a policy's prices, the first first; none where it has one price for everything."""
    versioned = (operation.versions for operation in policy.operations.values() if operation.versions)
    return tuple(version.name for version in next(versioned, ()))


def in_force(versions: Sequence[PriceVersion], moment: datetime) -> PriceVersion:
    """The last version whose moment has passed; the first always has."""
    passed = [one for one in versions if one.effective_at is None or one.effective_at <= moment]
    return passed[-1]


def is_pinned(operation: Operation, conditions: Conditions) -> bool:
    """Whether an account pays by the version that it is pinned to."""
    pin = conditions.pin
    return pin is not None and conditions.moment < pin.until and is_known(operation, pin)


def is_known(operation: Operation, pin: Pin) -> bool:
    """Whether the policy has the version of a pin."""
    return _pinned(operation, pin) is not None


def rates(operation: Operation, conditions: Conditions) -> tuple[Rate, ...]:
    """What its price depends on: the rates by which it is paid, and those that cap that."""
    paid = priced(operation, conditions).price
    prices = [paid, *(price for cap in caps(operation, conditions) for price in (cap.price, cap.pinned))]
    return tuple({rate.meter: rate for price in reversed(prices) for rate in price.rates}.values())


def caps(operation: Operation, conditions: Conditions) -> tuple[Cap, ...]:
    """What the account pays at most, each by itself; none where it never was pinned, or still is."""
    pin, share = conditions.pin, operation.transition
    if pin is None or share is None or conditions.moment < pin.until:
        return ()
    pinned = _pinned(operation, pin)
    if pinned is None:
        return ()
    return tuple(
        Cap(
            price=left.price,
            rise=_rise(operation, share, months_begun(since, conditions.moment)),
            pinned=pinned.price,
            since=since,
        )
        for left, since in _left(operation.versions, pinned, pin.until, conditions.moment)
    )


def _rise(operation: Operation, share: Fraction, months: int) -> Fraction:
    """By how much of its pinned price a cap was lifted in so many months."""
    return compounded(share, months) if operation.compounds else share * months


def compounded(share: Fraction, months: int) -> Fraction:
    """By how much of itself a price has grown that rises by the share each month, rounded down to twelve decimals."""
    grown = (1 + share) ** min(months, COMPOUNDING_MONTHS_MAX) - 1
    return Fraction((grown * GROWTH_PARTS).__floor__(), GROWTH_PARTS)


def why(operation: Operation, conditions: Conditions) -> str:
    """The reason of a rebate, for people."""
    pin, share = conditions.pin, operation.transition
    assert pin is not None
    assert share is not None
    of = "the month before" if operation.compounds else "that price"
    return (
        f"pinned to prices {pin.version} until {moment_text(pin.until)}; "
        f"since then at most {number(share)} of {of} more each month"
    )


def _pinned(operation: Operation, pin: Pin) -> PriceVersion | None:
    return next((one for one in operation.versions if one.name == pin.version), None)


def _left(
    versions: Sequence[PriceVersion], pinned: PriceVersion, until: datetime, moment: datetime
) -> Iterator[tuple[PriceVersion, datetime]]:
    """The versions that an account has left, each with when: first its pin, then what was in force since."""
    yield pinned, until
    for before, after in pairwise(versions):
        if after.effective_at is not None and until < after.effective_at <= moment:
            yield before, after.effective_at
