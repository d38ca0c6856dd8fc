"""The way of an operation from its price to its target: who pays what in which month, and what that costs.

Volumes are taken as they are: what a higher price does to them is not guessed here. Costs and losses are money, exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil

from meter.credits import MICRO, ZERO, Credits, Rounding, from_micro, text
from meter.economics.exact import EconomicsError, decimal_text
from meter.economics.glide.cohorts import Cohort, Schedule
from meter.economics.glide.rebate import rebate_path
from meter.economics.table.units import required_credits
from meter.policy.versions import ORIGINAL

KEPT_MAX = timedelta(days=3653)
"""Nothing is kept for more than ten years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a call costs to serve, and a credit is worth, in money."""

    cost: Fraction
    price: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Grandfathered volume: so many credits' worth of calls a month that an account goes on paying as before."""

    credits: Credits
    """At the old price: ``credits / old`` calls a month of each account."""
    end: datetime
    """The first moment at which nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One row of the way."""

    begins: datetime
    length: Fraction
    """In months: 1, and of the notice whatever it takes."""
    paid: tuple[Credits, ...]
    """What a call costs, by cohort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the way costs, in money, until everybody pays the target."""

    loss: Fraction
    """Σ volume × (cost − paid × price): below zero, the way earns."""
    below_cost: Fraction
    """The same over the months and cohorts that pay less than a call costs."""
    rebate: Fraction
    """Σ volume × (target − paid) × price: what switching everybody at once would have brought in more."""
    kept: Fraction
    """What the grandfathered volume costs beyond that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glide:
    """An operation on its way from one price to another."""

    operation: str
    title: str
    old: Credits
    new: Credits
    share: Fraction
    """By how much of what was paid the month before that may rise each month."""
    present: Rounding
    """How the operation's prices are rounded now."""
    rounding: Rounding
    """How they are to be rounded, so that the way can be paid."""
    schedule: Schedule
    cohorts: tuple[Cohort, ...]
    pinned: str = ORIGINAL
    """The version that holds the old price."""
    worth: Worth | None = None
    kept: Kept | None = None

    path: tuple[Credits, ...] = field(init=False)
    """What one account pays: the old price first, then one price a month."""

    def __post_init__(self) -> None:
        """Refuse what is no way up.

        Raises:
            EconomicsError: the target is not above the price, the rise is none, or nothing is kept for any time.
            AmountError: a price is above the limit of amounts.
        """
        if self.new <= self.old:
            raise EconomicsError(
                f"The target of {text(self.new)} credits is not above the {text(self.old)} that {self.operation} "
                "costs; a lower price needs no way: it is there at once."
            )
        if self.old < self.rounding.minimum:
            raise EconomicsError(
                f"{self.operation} costs {text(self.old)} credits and is charged {text(self.rounding.minimum)}, the "
                "minimum of its rounding; correct one of them first."
            )
        if self.kept is not None:
            _check_kept(self.kept, self.schedule)
        object.__setattr__(self, "path", rebate_path(self.old, self.new, self.share, self.rounding))

    @property
    def arrives(self) -> datetime:
        """When everybody pays the target."""
        return self.months()[-1].begins

    @property
    def changed(self) -> bool:
        """Whether prices are rounded otherwise than before."""
        return self.rounding != self.present

    def pays(self, cohort: int, month: int) -> Credits:
        """What a call costs a cohort in a month of the way, the first being 0."""
        return self.path[min(max(0, month - cohort + 1), len(self.path) - 1)]

    def months(self) -> tuple[Month, ...]:
        """The notice, where there is one, and the months up to the one in which everybody pays the target."""
        return tuple(self._months())

    def sums(self) -> Sums | None:
        """What the way costs; None where nobody said what a call costs and a credit is worth."""
        if self.worth is None:
            return None
        worth, on_the_way = self.worth, self.months()[:-1]
        losses = [
            month.length * cohort.volume * (worth.cost - Fraction(paid, MICRO) * worth.price)
            for month in on_the_way
            for cohort, paid in zip(self.cohorts, month.paid, strict=True)
        ]
        rebates = (
            month.length * cohort.volume * Fraction(self.new - paid, MICRO) * worth.price
            for month in on_the_way
            for cohort, paid in zip(self.cohorts, month.paid, strict=True)
        )
        return Sums(
            loss=sum(losses, Fraction(0)),
            below_cost=sum((one for one in losses if one > 0), Fraction(0)),
            rebate=sum(rebates, Fraction(0)),
            kept=Fraction(sum(granted for _, granted in self.grants()), MICRO) * worth.price,
        )

    def grants(self) -> Iterator[tuple[datetime, Credits]]:
        """What keeps the grandfathered volume at its old price, all accounts together, month by month."""
        month = 0
        while self.kept is not None and self.schedule.begins(month) < self.kept.end:
            granted = (self.grant(cohort, name, month) for cohort in self.cohorts for name in cohort.accounts)
            yield self.schedule.begins(month), from_micro(sum(granted))
            month += 1

    def grant(self, cohort: Cohort, account: str, month: int) -> Credits:
        """What an account is to be granted for a month, so that its kept calls cost it no more than before."""
        if self.kept is None:
            return ZERO
        calls = min(cohort.accounts[account], Fraction(self.kept.credits, self.old))
        return from_micro(ceil(calls * (self.pays(cohort.number, month) - self.old)))

    def _months(self) -> Iterator[Month]:
        if self.schedule.notice:
            yield Month(
                begins=self.schedule.start,
                length=self.schedule.notice_months,
                paid=(self.path[0],) * len(self.cohorts),
            )
        for month in range(len(self.path) + len(self.cohorts) - 2):
            paid = tuple(self.pays(cohort.number, month) for cohort in self.cohorts)
            yield Month(begins=self.schedule.begins(month), length=Fraction(1), paid=paid)


def target_credits(cost: Fraction, price: Fraction, margin: Fraction) -> Credits:
    """The fewest whole credits, in micro-credits, at which a call that costs so much leaves the margin.

    Raises:
        EconomicsError: the cost is not above zero, the price neither, or the margin not in [0, 1).
    """
    if cost <= 0:
        raise EconomicsError(f"A cost of {decimal_text(cost)} a call needs no higher price; write what a call costs.")
    needed = required_credits([cost], price, margin)[0]
    return Credits(-(-needed // 1) * MICRO)


def percent(share: Fraction) -> str:
    """A share as people say it: ``20 %``, ``12.5 %``."""
    return f"{decimal_text(share * 100)} %"


def _check_kept(kept: Kept, schedule: Schedule) -> None:
    if kept.end <= schedule.first:
        raise EconomicsError(
            f"The end on {kept.end:%Y-%m-%d} is not after {schedule.first:%Y-%m-%d}, when the first account begins to "
            "pay more; let it end later, or keep nothing."
        )
    if kept.end > schedule.first + KEPT_MAX:
        raise EconomicsError(f"The end on {kept.end:%Y-%m-%d} is more than ten years away; let it end earlier.")
