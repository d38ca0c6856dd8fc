"""What a policy says of plans, as the rest of meter reads it."""

from fractions import Fraction

import pytest

from meter.policy.compile import Source, compile_policy
from meter.policy.model import PeriodUnit, Plan
from meter.policy.plans import Anchor, Duration, Rollover, Trial, allows
from meter.pricing.plan_terms import at_period_end, following, taken_up, terms_of

CREDIT = 1_000_000


def plan(written: str) -> Plan:
    text = f"version: 1\nunmatched: free\nplans:\n  pro: {{included: 100, {written}}}\n"
    return compile_policy([Source(file="a.yaml", text=text)]).plans["pro"]


@pytest.mark.parametrize(
    ("written", "months", "days"),
    [("P10D", 0, 10), ("P2W", 0, 14), ("P1M", 1, 0), ("P1Y2M3D", 14, 3)],
)
def test_a_period_can_have_a_length_of_its_own(written, months, days):
    made = plan(f"period: {written}")

    assert (made.period, made.every) == (PeriodUnit.CUSTOM, Duration(months=months, days=days))
    assert made.anchor is Anchor.SIGNUP


def test_a_plan_says_what_becomes_of_its_credits():
    made = plan(
        "period: year, drip: month, trial: {credits: 10, days: 14}, rollover: {share: 0.5, cap: 20, periods: 2}, "
        "discount: 0.9, operations: [image.*, chat], overage: hard_stop"
    )

    assert made.drip is PeriodUnit.MONTH
    assert made.trial == Trial(credits=10 * CREDIT, days=14)
    assert made.rollover == Rollover(millionths=500_000, cap=20 * CREDIT, periods=2)
    assert (made.discount, made.operations, made.overage) == (Fraction("0.9"), ("chat", "image.*"), None)


def test_a_plan_caps_minutes_days_and_calls_at_once():
    terms = terms_of(plan("velocity: {minute: 5, day: 100}, concurrent: 3"))
    after = taken_up(terms, plan("velocity: {day: 50}"))

    assert (terms.minute_limit, terms.day_limit, terms.concurrent) == (5 * CREDIT, 100 * CREDIT, 3)
    assert (after.minute_limit, after.day_limit, after.concurrent) == (None, 50 * CREDIT, None)


@pytest.mark.parametrize(
    ("written", "burn"),
    [
        ("burn: [expiry, priority]", "expiry priority scope cost created"),
        ("burn: cost", "cost scope priority expiry created"),
        ("period: month", None),
    ],
)
def test_a_plan_declares_by_which_facts_grants_are_burnt(written, burn):
    assert terms_of(plan(written)).burn == burn


@pytest.mark.parametrize(
    ("operation", "allowed"), [("image.cut", True), ("chat", True), ("chats", False), ("images", False)]
)
def test_a_plan_allows_operations_by_name_and_by_how_they_begin(operation, allowed):
    assert allows(("chat", "image.*"), operation) is allowed
    assert allows(None, operation)


def test_an_account_keeps_what_is_its_own_when_it_takes_a_plan_up():
    terms = terms_of(plan("commitment: 5"), commitment=7, zone="Asia/Tokyo", now=1_795_000_000)
    after = taken_up(terms, plan("commitment: 9, discount: 0.5"))

    assert (after.commitment, after.zone, after.signed_up) == (7, "Asia/Tokyo", terms.signed_up)
    assert following(at_period_end(terms, after)) == after
    assert following(at_period_end(terms, terms)) == terms


def test_an_account_takes_up_what_its_plan_says_by_then():
    terms = terms_of(plan("commitment: 5"))

    assert following(terms, {"pro": plan("commitment: 9")}.get).commitment == 9 * CREDIT
    assert following(terms, {}.get) == terms
