"""How a plan becomes an account's terms, and what of them is the account's own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from meter.credits import ZERO, Credits
from meter.policy.model import Plan
from meter.policy.plans import Anchor
from meter.pricing.calendar import day_of
from meter.pricing.terms import Terms

DECIMALS = 9
"""Of a factor in a policy."""

Plans = Callable[[str], Plan | None]
"""Gives the plan of a name as it is in force now; None where there is none."""


def terms_of(
    plan: Plan,
    *,
    commitment: Credits | None = None,
    zone: str = "UTC",
    now: int | None = None,
    signed_up: date | None = None,
) -> Terms:
    """Copy the facts of a plan that pricing and the ledger need.

    Args:
        plan: what an account subscribes to.
        commitment: the account's own, in place of the plan's.
        zone: whose days the account's are.
        now: the second at which it signs up...
        signed_up: ...or the day.
    """
    if signed_up is None and now is not None:
        signed_up = day_of(now, zone)
    own = Terms(
        plan=plan.name,
        included=plan.included,
        period=plan.period,
        signed_up=signed_up,
        zone=zone,
        commitment=ZERO if commitment is None else commitment,
        committed=commitment is not None,
    )
    return taken_up(own, plan)


def taken_up(terms: Terms, plan: Plan) -> Terms:
    """The terms of an account that is on a plan from now on, with what is its own of those that it had."""
    return replace(
        terms,
        plan=plan.name,
        included=plan.included,
        period=plan.period,
        every=plan.every,
        drip=plan.drip is not None,
        anchor=plan.anchor or Anchor.CALENDAR,
        commitment=terms.commitment if terms.committed else plan.commitment,
        overage_limit=plan.overage.limit if plan.overage else ZERO,
        trial=plan.trial,
        rollover=plan.rollover,
        discount=None if plan.discount is None else _decimal(plan.discount),
        operations=plan.operations,
        minute_limit=plan.velocity.minute if plan.velocity else None,
        day_limit=plan.velocity.day if plan.velocity else None,
        concurrent=plan.concurrent,
        burn=" ".join(plan.burn) if plan.burn else None,
        pin=terms.pin or plan.pin,
        following=None,
    )


def with_own(terms: Terms, *, commitment: Credits | None = None, zone: str | None = None) -> Terms:
    """The same terms, with a commitment or a zone of the account's own, now and in what follows."""
    after = terms if commitment is None else replace(terms, commitment=commitment, committed=True)
    after = after if zone is None else replace(after, zone=zone)
    if after.following is None:
        return after
    return replace(after, following=with_own(after.following, commitment=commitment, zone=zone))


def following(terms: Terms, plans: Plans | None = None) -> Terms:
    """The terms of an account from its next period on: as it is to change, and as its plan is by then."""
    after = terms.following or terms
    plan = plans(after.plan) if plans else None
    return after if plan is None else taken_up(after, plan)


def at_period_end(terms: Terms, after: Terms) -> Terms:
    """Terms that hold until their period ends, and others that follow; nothing follows where they are the same."""
    stay = replace(terms, following=None)
    return stay if after == stay else replace(stay, following=after)


def _decimal(exact: Fraction) -> Decimal:
    """A fraction that was written with at most nine decimals."""
    return Decimal(int(exact * 10**DECIMALS)).scaleb(-DECIMALS).normalize()
