"""Groups hold every call once, sums are exact, and nothing is divided by nothing."""

from fractions import Fraction
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.credits import Credits
from meter.economics.exact import EconomicsError
from meter.economics.margins.groups import BY, grouped, total
from meter.economics.margins.verdicts import Verdict, judged
from meter.economics.traffic import Call

MILL = Fraction(1, 1000)
FLOOR = Fraction(1, 2)


def call(operation="chat", credits_micro=10_000_000, **facts):
    return Call(at=0, account="acme/web", operation=operation, credits=Credits(credits_micro), **facts)


def paid(call, cost, worth=MILL):
    return call, ((call.credits, worth),) if call.credits else (), Fraction(cost)


shares = st.fractions(0, 10, max_denominator=1000)
calls = st.builds(
    lambda operation, account, at, micro, plan, cost, worth: paid(
        Call(at=at, account=account, operation=operation, credits=Credits(micro), plan=plan), cost, worth
    ),
    st.sampled_from("abc"),
    st.sampled_from(["acme", "acme/web", "umbrella"]),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.sampled_from([None, "pro"]),
    shares,
    shares,
)


@settings(max_examples=40)
@given(st.lists(calls, max_size=30), st.lists(st.sampled_from(sorted(BY)), min_size=1, unique=True))
def test_however_calls_are_grouped_the_groups_add_up_to_all_of_them_exactly(found, by):
    whole = total(grouped(found, by).groups)

    assert whole.calls == len(found)
    assert whole.cost == sum((cost for _, _, cost in found), Fraction(0))
    assert whole.revenue == sum((m * w for _, parts, _ in found for m, w in parts), Fraction(0)) / 10**6
    assert whole.micro == sum(one.credits for one, _, _ in found)


def test_a_free_call_that_costs_money_comes_first_and_its_margin_is_minus_infinity():
    found = grouped([paid(call("dear", 10_000_000), "0.05"), paid(call("free", 0), "0.0002")], ["operation"])

    first, second = judged(found, FLOOR)

    assert (first.group.key, first.ratio, first.verdict) == (("free",), -inf, Verdict.CONFIRMED)
    assert second.ratio == -4


def test_of_several_free_operations_the_one_that_cost_most_comes_first_and_a_free_one_that_costs_nothing_last():
    found = [paid(call("a", 0), "1"), paid(call("b", 0), "2"), paid(call("c", 0), "0"), paid(call("d"), "0.001")]

    ranked = judged(grouped(found, ["operation"]), FLOOR)

    assert [one.group.key[0] for one in ranked] == ["b", "a", "d", "c"]
    assert (ranked[-1].ratio, ranked[-1].verdict) == (None, Verdict.FINE)


def test_what_was_given_away_or_failed_is_no_free_price():
    given_away = paid(call("promo"), "1", Fraction(0))
    failed = paid(call("failed", 0, charged=Fraction(0)), "1")

    found = judged(grouped([given_away, failed], ["operation"]), FLOOR)

    assert [one.verdict for one in found] == [Verdict.SUSPECT, Verdict.SUSPECT]


def test_failed_calls_count_with_their_cost():
    calls = [paid(call(), "0.002"), paid(call(credits_micro=0, charged=Fraction(0)), "0.003")]

    (group,) = grouped(calls, ["operation"]).groups

    assert group.margin == FLOOR


def test_calls_are_grouped_by_several_things_at_once():
    at_night = Call(
        at=7260, account="acme/web", operation="chat", credits=Credits(1), plan="pro", usage={"tokens": 812}
    )

    (group,) = grouped([paid(at_night, 0)], ["operation", "plan", "customer", "hour", "size"]).groups

    assert group.key == ("chat", "pro", "acme", "02:00", "100-999")


@pytest.mark.parametrize(
    ("units", "bucket"),
    [("0", "<1"), ("0.99", "<1"), ("1", "1-9"), ("9.5", "1-9"), ("10", "10-99"), ("1000000", "1000000-9999999")],
)
def test_sizes_are_powers_of_ten(units, bucket):
    (group,) = grouped([paid(call(usage={"a": Fraction(units), "b": Fraction(3)}), 0)], ["size:a"]).groups

    assert group.key == (bucket,)


def test_a_call_without_plan_and_size_is_in_a_group_of_its_own():
    (group,) = grouped([paid(call(), 0)], ["plan", "size", "size:tokens"]).groups

    assert group.key == ("-", "-", "-")


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        pytest.param("route", "'route' is nothing to group by", id="no such name"),
        pytest.param("size", "has the sizes a, b; say which one, as size:a", id="several sizes"),
    ],
)
def test_what_calls_cannot_be_grouped_by_is_refused(by, sentence):
    with pytest.raises(EconomicsError, match=sentence):
        grouped([paid(call(usage={"b": Fraction(1), "a": Fraction(1)}), 0)], [by])
