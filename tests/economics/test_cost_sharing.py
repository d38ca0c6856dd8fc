"""What is allocated is what was billed, to the last step, whatever the rule."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.economics.cost.calls import Measured, costs
from meter.economics.cost.sharing import Rule, normalise_node_rates, rule_of, shared_out, whole_steps
from meter.economics.cost.units import Resource
from meter.economics.exact import EconomicsError

CENT = Fraction(1, 100)

money = st.fractions(min_value=0, max_value=1000, max_denominator=10**6)


def call(operation="a", cost="1", *, calls=1, billed=None, used=None, size=None, third_party="0"):
    return Measured(
        operation=operation,
        cost=Fraction(cost),
        calls=Fraction(calls),
        billed=Fraction(calls if billed is None else billed),
        used={resource: Fraction(amount) for resource, amount in (used or {}).items()},
        size=None if size is None else Fraction(size),
        third_party=Fraction(third_party),
    )


def test_three_thirds_of_a_dollar_are_a_dollar():
    parts = shared_out(Fraction(1), [Fraction(1)] * 3)

    assert whole_steps(parts, CENT) == (Fraction(34, 100), Fraction(33, 100), Fraction(33, 100))


def test_what_is_whole_already_gets_no_step_of_others():
    assert whole_steps([Fraction(0), Fraction(1, 200), Fraction(1, 200)], CENT) == (0, CENT, 0)


@given(parts=st.lists(money, min_size=1, max_size=6), total=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_parts_in_steps_are_the_total_and_each_within_a_step(parts, total):
    weights = [part + 1 for part in parts]
    exact = shared_out(total * CENT, weights)
    rounded = whole_steps(exact, CENT)

    assert sum(rounded) == total * CENT
    assert all(abs(one - part) < CENT and one % CENT == 0 for one, part in zip(rounded, exact, strict=True))


@given(
    calls=st.lists(st.tuples(st.sampled_from("abc"), money, st.integers(1, 5), st.booleans()), min_size=1, max_size=8),
    bill=st.integers(0, 10**6),
    rule=st.sampled_from([Rule.DIRECT, Rule.CPU, Rule.CALLS]),
)
@settings(max_examples=50, deadline=None)
def test_allocated_is_billed_and_the_billed_calls_carry_all_of_it(calls, bill, rule):
    measured = [
        call(name, cost + 1, calls=count, billed=count * paid, used={Resource.CPU: cost + 1})
        for name, cost, count, paid in calls
    ]
    found = costs(measured, bill=bill * CENT, rule=rule, step=CENT)

    assert sum(one.allocated for one in found.operations) == bill * CENT
    assert all(one.allocated >= 0 for one in found.operations)
    carried = sum((one.per_billed_call or 0) * one.billed for one in found.operations)
    assert found.nobodys or carried == bill * CENT


def test_each_rule_weighs_what_it_says():
    heavy = call("heavy", "9", used={Resource.CPU: "1", Resource.OUT: "0"})
    light = call("light", "1", calls=3, used={Resource.CPU: "1", Resource.OUT: "2"})

    def shares(rule):
        found = costs([heavy, light], bill=Fraction(24), rule=rule)
        return {one.name: one.allocated - one.direct for one in found.operations}

    assert shares(Rule.DIRECT) == {"heavy": 9, "light": 3}
    assert shares(Rule.CALLS) == {"heavy": 3, "light": 9}
    assert shares(Rule.CPU) == {"heavy": 3, "light": 9}
    assert shares(Rule.BYTES) == {"heavy": 0, "light": 12}


def test_a_bill_below_the_direct_cost_is_shared_in_proportion_and_is_seen():
    found = costs([call("a", "8"), call("b", "2")], bill=Fraction(5), rule=Rule.CALLS)

    assert found.overhead == -5
    assert [one.allocated for one in found.operations] == [4, 1]


def test_calls_that_paid_nothing_are_carried_by_those_that_paid():
    found = costs([call(cost="2"), call(cost="1", billed=0)])

    assert (found.operations[0].unbilled, found.operations[0].per_billed_call) == (1, 3)


def test_an_operation_that_nobody_paid_for_is_carried_by_the_others():
    found = costs([call("paid", "3"), call("also", "1"), call("health", "8", billed=0)])
    health, paid, also = found.operations

    assert health.per_billed_call is None
    assert (paid.per_billed_call, also.per_billed_call) == (9, 3)


def test_where_nobody_paid_nothing_is_carried_and_it_is_seen():
    assert costs([call(billed=0)]).nobodys


@pytest.mark.parametrize(
    ("bill", "rule", "sentence"),
    [
        ("-1", Rule.DIRECT, "The bill is -1; it is never negative: leave credit notes out."),
        ("5", Rule.GPU, "4 is to be shared out by gpu, of which nothing was measured; choose another."),
        ("5.005", Rule.DIRECT, "5.005 is no whole number of 0.01; correct the bill, or the step of the rate card."),
    ],
)
def test_a_bill_that_cannot_be_shared_out_is_refused(bill, rule, sentence):
    with pytest.raises(EconomicsError) as refused:
        costs([call()], bill=Fraction(bill), rule=rule, step=CENT)

    assert str(refused.value) == sentence


def test_without_a_call_there_is_nothing_to_cost():
    with pytest.raises(EconomicsError, match=r"^There is no call to cost; measure one\.$"):
        costs([call(calls=0)])


def test_an_unknown_rule_is_refused_with_the_closest():
    with pytest.raises(EconomicsError, match=r"^'call' is no rule to share by; did you mean 'calls'\?$"):
        rule_of("call")


def test_a_node_costs_what_its_resources_do_together():
    base = {"gpu": Fraction(3), "cpu": Fraction(1), "disk": Fraction(0)}

    assert normalise_node_rates(Fraction(2), base) == {"gpu": Fraction(3, 2), "cpu": Fraction(1, 2), "disk": 0}
    assert normalise_node_rates(Fraction(0), base) == {"gpu": 0, "cpu": 0, "disk": 0}


@pytest.mark.parametrize(
    ("total", "base", "sentence"),
    [
        (2, {"cpu": 0}, "A node of 2 has no base rate above 0 to divide it by; give one of its resources one."),
        (2, {}, "A node of 2 has no base rate above 0 to divide it by; give one of its resources one."),
        (-2, {"cpu": 1}, "total is -2; no node is paid for that way: correct it."),
        (2, {"cpu": -1}, "cpu is -1; no node is paid for that way: correct it."),
    ],
)
def test_a_node_that_cannot_be_is_refused(total, base, sentence):
    with pytest.raises(EconomicsError) as refused:
        normalise_node_rates(Fraction(total), {name: Fraction(rate) for name, rate in base.items()})

    assert str(refused.value) == sentence
