"""How much of its plan's credits an account gets in a period, and what a change of plan in the midst of one moves.

Shares are exact and rounded down to a micro-credit.
"""

from dataclasses import dataclass, replace

from meter.credits import ZERO, Credits
from meter.policy.model import PeriodUnit
from meter.pricing.calendar import number_containing, period_containing, period_numbered
from meter.pricing.terms import Period, Terms

MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The period that follows one which is over, and what begins with it."""

    period: Period
    terms: Terms
    included: Credits
    rolls_until: int | None
    """When what rolls over into it ends; None for never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proration:
    """What a change of terms moves at once, as things stood when it was reckoned."""

    revision: int
    start: int
    """Of the period that runs."""
    end: int | None
    """When the period that runs is over by the new terms."""
    give: Credits
    take: Credits
    """So much of what is left of the included credits; what of it is spent is not given."""


def renewal(before: Terms, terms: Terms, old: Period, now: int) -> Renewal:
    """What follows a period that is over, one step on the way to ``now``.

    A period that nobody saw leaves nothing behind but what rolled over: those are gone through one by one, and
    earlier ones are passed over.

    Args:
        before: the account's terms in the old period; what rolls over does so by them.
        terms: its terms from then on.
        old: the period that is over.
        now: the Unix second; not before its end.
    """
    assert old.end is not None
    period = _following(terms, old.end)
    first, current = number_containing(terms, period.start), number_containing(terms, now)
    rolls_until = period.end
    if first is not None and current is not None:
        if before.rollover:
            rolls_until = period_numbered(terms, first + before.rollover.periods - 1).end
        seen = current - (terms.rollover.periods if terms.rollover else 0)
        period = period_numbered(terms, seen) if seen > first else period
    return Renewal(period=period, terms=terms, included=included_in(terms, period), rolls_until=rolls_until)


def included_in(terms: Terms, period: Period) -> Credits:
    """What an account gets when a period begins.

    One that begins later than the calendar says, since it follows one of another calendar, brings its share.
    """
    number = number_containing(terms, period.start)
    if number is None:
        return terms.included
    whole = period_numbered(terms, number)
    return _part(_whole(terms, number), _rest(whole, period.start))


def prorated(old: Terms, new: Terms, *, revision: int, period: Period, now: int) -> Proration:
    """What a change from old to new terms moves at once.

    The account gets the share of the new included credits that the rest of their period is, and gives back the
    same share of the old ones; what it can't give back, since it is spent, it does not get. The period that runs ends
    as the new terms' calendar says.
    """
    give, take, end = _share_from(new, now), _share_from(old, now), _end(old, new, period, now)
    if give == take and end == period.end:
        give, take = ZERO, ZERO
    return Proration(revision=revision, start=period.start, end=end, give=give, take=take)


def unmoved(*, revision: int, period: Period) -> Proration:
    """What a change of terms moves that moves nothing: it only asks for things to stand as they did."""
    return Proration(revision=revision, start=period.start, end=period.end, give=ZERO, take=ZERO)


def same_calendar(one: Terms, other: Terms) -> bool:
    """Whether the periods of two terms begin and end together."""
    return _calendar(one) == _calendar(other)


def _calendar(terms: Terms) -> tuple[object, ...]:
    unit = PeriodUnit.MONTH if terms.drip else terms.period
    return unit, terms.every, terms.anchor, terms.signed_up, terms.zone


def _end(old: Terms, new: Terms, period: Period, now: int) -> int | None:
    return period.end if same_calendar(old, new) else period_containing(new, now).end


def _share_from(terms: Terms, now: int) -> Credits:
    """The share of what is included that the rest of its period is."""
    number = number_containing(terms, now)
    if number is None:
        return terms.included
    return _part(_whole(terms, number), _rest(period_numbered(terms, number), now))


def _following(terms: Terms, end: int) -> Period:
    """The period that begins where another one ended; a short one, where the calendar's began before."""
    return replace(period_containing(terms, end), start=end)


def _whole(terms: Terms, number: int) -> Credits:
    """What a whole period of that number brings; the twelve months of a year bring exactly what it includes."""
    if not terms.drip:
        return terms.included
    month = number % MONTHS
    return Credits(terms.included * (month + 1) // MONTHS - terms.included * month // MONTHS)


def _rest(whole: Period, start: int) -> tuple[int, int]:
    assert whole.end is not None
    return whole.end - max(start, whole.start), whole.end - whole.start


def _part(amount: Credits, share: tuple[int, int]) -> Credits:
    part, whole = share
    return Credits(amount * part // whole) if whole else ZERO
