"""Which version of the prices an account pays by, and how it walks from an old price to the one in force."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meter.credits import MICRO, Credits, Rounding, parse, rounded, text
from meter.policy.ends import End
from meter.policy.model import Above
from meter.policy.versions import ORIGINAL, Pin, PriceVersion
from meter.pricing.calendar import month_after
from meter.pricing.conditions import Conditions
from meter.pricing.final import Running, Said, final
from meter.pricing.quote import Pricer, price
from meter.pricing.record import re_rate, retold
from meter.pricing.versions import in_force, priced
from tests.pricing.make import NIGHT, operation, rated

POLICY = "0123456789abcdef"
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
JULY = datetime(2027, 7, 1, tzinfo=UTC)
EXACT = Rounding(step=Credits(1), minimum=Credits(1))
"""Prices in whole micro-credits."""


def versions(*written):
    """Versions as ``(name, effective_at, price)``, the first without a moment."""
    return tuple(PriceVersion(name=name, effective_at=at, price=one) for name, at, one in written)


def fixed(credits_text):
    return rated(credits_text, {})


def image(*later, transition="0.1", original="100", **facts):
    """An operation whose original price is followed by ``(name, effective_at, credits)``."""
    dated = ((name, at, fixed(cost)) for name, at, cost in later)
    return operation(
        "image",
        original,
        versions=versions((ORIGINAL, None, fixed(original)), *dated),
        transition=None if transition is None else Fraction(transition),
        **facts,
    )


RAISED = image(("2027-01", NEW_YEAR, "120"), ("2027-07", JULY, "150"))


def at(moment, pin=None):
    return Conditions(moment=moment, pin=pin)


def cost(asked, conditions, usage=None):
    return text(price(asked, conditions, POLICY, usage).credits)


def pinned(version, until):
    return Pin(version=version, until=until)


@pytest.mark.parametrize(
    ("moment", "name", "costs"),
    [
        pytest.param(NEW_YEAR - timedelta(seconds=1), ORIGINAL, "100", id="the second before is at the old price"),
        pytest.param(NEW_YEAR, "2027-01", "120", id="the first second is at the new one"),
        pytest.param(JULY - timedelta(minutes=1), "2027-01", "120", id="up to the next"),
        pytest.param(JULY, "2027-07", "150", id="which takes over"),
        pytest.param(datetime(2099, 1, 1, tzinfo=UTC), "2027-07", "150", id="the last one stays"),
    ],
)
def test_in_force_is_the_last_version_whose_moment_has_passed(moment, name, costs):
    quote = price(RAISED, at(moment), POLICY)

    assert (quote.prices, text(quote.credits)) == (name, costs)


def test_a_price_changes_without_a_reload():
    pricer = Pricer(POLICY)
    moments = (NEW_YEAR - timedelta(minutes=1), NEW_YEAR)

    assert [text(pricer.price(RAISED, at(moment)).credits) for moment in moments] == ["100", "120"]


def test_two_accounts_pay_by_different_versions_in_one_minute():
    pricer, moment = Pricer(POLICY), JULY + timedelta(days=1)
    pins = (
        None,
        pinned(ORIGINAL, datetime(2028, 1, 1, tzinfo=UTC)),
        pinned("2027-01", datetime(2028, 1, 1, tzinfo=UTC)),
    )

    assert [text(pricer.price(RAISED, at(moment, pin)).credits) for pin in pins] == ["150", "100", "120"]


@pytest.mark.parametrize(
    ("moment", "costs"),
    [
        pytest.param(JULY - timedelta(minutes=1), "100", id="the last minute of the pin"),
        pytest.param(JULY, "110", id="then a tenth of the old price more"),
        pytest.param(datetime(2027, 8, 1, tzinfo=UTC) - timedelta(minutes=1), "110", id="for a month"),
        pytest.param(datetime(2027, 8, 1, tzinfo=UTC), "120", id="then another tenth"),
        pytest.param(datetime(2027, 11, 1, tzinfo=UTC), "150", id="until the price in force is reached"),
        pytest.param(datetime(2027, 12, 1, tzinfo=UTC), "150", id="which is never passed"),
    ],
)
def test_an_account_walks_from_its_old_price_to_the_one_in_force(moment, costs):
    assert cost(RAISED, at(moment, pinned(ORIGINAL, JULY))) == costs


COMPOUNDING = image(("2027-01", NEW_YEAR, "500"), transition="0.2", rounding=EXACT, compounds=True)


def test_a_walk_that_compounds_rises_by_the_share_of_the_month_before():
    moments = (month_after(NEW_YEAR, months) for months in range(-1, 10))
    paid = [cost(COMPOUNDING, at(moment, pinned(ORIGINAL, NEW_YEAR))) for moment in moments]

    grown = [Fraction(100) * Fraction(6, 5) ** months for months in range(9)]
    assert paid[:9] == [text(rounded(one * MICRO, EXACT)) for one in grown]
    assert paid[9:] == ["500", "500"]


def test_the_first_rise_that_compounds_is_at_the_end_of_the_pin():
    pin = pinned(ORIGINAL, JULY)

    assert [cost(COMPOUNDING, at(moment, pin)) for moment in (JULY - timedelta(minutes=1), JULY)] == ["100", "120"]


def test_a_compounding_walk_of_centuries_has_a_short_record():
    slow = image(("2027-01", NEW_YEAR, "9000000"), transition="0.001", rounding=EXACT, compounds=True)
    quote = price(slow, at(datetime(2999, 1, 1, tzinfo=UTC), pinned(ORIGINAL, NEW_YEAR)), POLICY)

    assert len(quote.record) < 1024
    assert re_rate(quote.record) == quote.credits


def test_an_account_that_was_never_pinned_pays_what_is_in_force():
    assert cost(RAISED, at(JULY)) == "150"


def test_without_a_transition_the_end_of_a_pin_is_the_new_price():
    raised = image(("2027-01", NEW_YEAR, "120"), transition=None)

    assert cost(raised, at(NEW_YEAR, pinned(ORIGINAL, NEW_YEAR))) == "120"


def test_a_lower_price_is_there_at_once():
    lowered = image(("2027-01", NEW_YEAR, "60"))

    assert cost(lowered, at(NEW_YEAR, pinned(ORIGINAL, NEW_YEAR))) == "60"


def test_a_step_is_exact_in_micro_credits():
    raised = image(("2027-01", NEW_YEAR, "2"), original="1", transition="0.333333333", rounding=EXACT)

    assert cost(raised, at(NEW_YEAR, pinned(ORIGINAL, NEW_YEAR))) == "1.333333"


def test_a_version_that_comes_while_an_account_walks_does_not_let_it_jump():
    raised = image(("2027-01", NEW_YEAR, "105"), ("2027-07", JULY, "200"))
    pin = pinned(ORIGINAL, NEW_YEAR)
    moments = (NEW_YEAR, JULY - timedelta(minutes=1), JULY, month_after(JULY, 1), month_after(JULY, 9))

    assert [cost(raised, at(moment, pin)) for moment in moments] == ["105", "105", "115", "125", "200"]


def test_a_pin_to_a_version_that_the_policy_does_not_have_holds_nothing():
    quote = price(RAISED, at(NEW_YEAR, pinned("2020", JULY)), POLICY)

    assert quote.prices == "2027-01"
    assert "The account is pinned to prices 2020, which the policy does not have." in quote.trace


def test_a_trace_names_the_version_and_the_rebate_with_its_reason():
    quote = price(replace(RAISED, adjustments=(NIGHT,)), at(JULY + timedelta(hours=3), pinned(ORIGINAL, JULY)), POLICY)

    assert quote.trace == (
        "image costs 150 credits.",
        "Prices 2027-07 are in force since 2027-07-01T00:00:00Z.",
        (
            "transition (pinned to prices original until 2027-07-01T00:00:00Z; since then at most 0.1 of that price "
            "more each month) multiplies by 11/15: 110 credits."
        ),
        "off-peak (02:00 to 07:00 UTC) multiplies by 0.7: 77 credits.",
        "The price is 77 credits.",
    )


def test_a_trace_says_that_a_pin_holds():
    quote = price(RAISED, at(NEW_YEAR, pinned(ORIGINAL, JULY)), POLICY)

    assert quote.trace[:2] == (
        "image costs 100 credits.",
        "The account is pinned to prices original until 2027-07-01T00:00:00Z.",
    )


def test_a_record_names_the_version_and_prices_again_without_the_policy():
    quote = price(RAISED, at(JULY, pinned(ORIGINAL, JULY)), POLICY)
    record = json.loads(quote.record)

    assert (record["prices"], record["pin"]) == ("2027-07", [ORIGINAL, "2027-07-01T00:00:00Z"])
    assert re_rate(quote.record) == parse("110")
    assert retold(quote.record)[0] == (
        "By policy 0123456789abcdef and its prices 2027-07, for a call at 2027-07-01T00:00:00Z:"
    )


def test_an_operation_without_versions_has_none_in_its_record():
    quote = price(operation("a", "1"), at(NEW_YEAR, pinned(ORIGINAL, JULY)), POLICY)

    assert (quote.prices, "prices" in quote.record, "pin" in quote.record) == (None, False, False)


def chat(**facts):
    """From a cheap flat price to a price by tokens."""
    old, new = fixed("10"), rated("0", {"tokens": "0.1"}, "50")
    return operation(
        "chat",
        old,
        versions=versions((ORIGINAL, None, old), ("2027-01", NEW_YEAR, new)),
        transition=Fraction("0.2"),
        rounding=EXACT,
        **facts,
    )


def ended(asked, conditions, readings, **said):
    return final(asked, conditions, POLICY, readings, Said(**said), end=End.SUCCESS, share=Fraction(1))


@pytest.mark.parametrize(
    ("tokens", "costs"),
    [
        pytest.param("30", "3", id="the new price is the lower one"),
        pytest.param("110", "11", id="below what the walk allows"),
        pytest.param("200", "12", id="the walk allows a fifth more than the old price"),
        pytest.param("9000", "12", id="also at the ceiling"),
    ],
)
def test_a_price_by_use_walks_call_by_call(tokens, costs):
    conditions = at(NEW_YEAR, pinned(ORIGINAL, NEW_YEAR))
    called = ended(chat(), conditions, {"tokens": Fraction(tokens)})

    assert text(called.credits) == costs
    assert re_rate(called.record) == called.credits


def test_an_old_price_by_use_is_what_the_same_use_would_have_cost():
    old, new = rated("0", {"tokens": "0.1"}, "50"), fixed("100")
    flat = operation(
        "chat",
        new,
        versions=versions((ORIGINAL, None, old), ("2027-01", NEW_YEAR, new)),
        transition=Fraction("0.2"),
        rounding=EXACT,
    )
    conditions = at(NEW_YEAR, pinned(ORIGINAL, NEW_YEAR))

    assert flat.holds
    assert cost(flat, conditions) == "60"
    assert text(ended(flat, conditions, {"tokens": Fraction(100)}).credits) == "12"


def test_what_runs_over_its_ceiling_is_capped_by_the_walk_all_the_same():
    new = replace(rated("0", {"tokens": "1"}, "20"), above=Above.OVERRUN)
    asked = operation(
        "chat",
        new,
        versions=versions((ORIGINAL, None, fixed("10")), ("2027-01", NEW_YEAR, new)),
        transition=Fraction("0.2"),
    )
    conditions = at(NEW_YEAR, pinned(ORIGINAL, NEW_YEAR))

    assert text(ended(asked, conditions, {"tokens": Fraction(1000)}).credits) == "12"
    assert text(ended(asked, at(NEW_YEAR), {"tokens": Fraction(1000)}).credits) == "1000"


def test_a_price_that_the_upstream_says_is_no_step_from_an_old_one():
    conditions = at(NEW_YEAR, pinned(ORIGINAL, NEW_YEAR))

    assert text(ended(chat(), conditions, {}, list_price=parse("30")).credits) == "30"


WEEK = timedelta(days=7)
minutes = st.integers(0, 60 * 24 * 1500).map(lambda count: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=count))
amounts = st.integers(1, 10**9).map(Credits)
prices = st.builds(
    lambda base, tokens, at_most: (
        replace(rated("0", {"tokens": "1"}, "1"), base=base, at_most=Credits(base + at_most))
        if tokens
        else fixed(text(base))
    ),
    amounts,
    st.booleans(),
    amounts,
)


@st.composite
def priced_operations(draw, rising=False):
    """Operations with one to five versions, at most; of prices that fall too, unless they are to rise."""
    costs = draw(st.lists(amounts.map(lambda micro: fixed(text(micro))) if rising else prices, min_size=1, max_size=5))
    costs = sorted(costs, key=lambda one: one.base) if rising else costs
    moments = sorted(draw(st.sets(minutes, min_size=len(costs) - 1, max_size=len(costs) - 1)))
    named = [(f"v{place}", at, one) for place, (at, one) in enumerate(zip([None, *moments], costs, strict=True))]
    share = draw(st.none() | st.fractions("0.001", 3, max_denominator=1000))
    share = share or Fraction(1, 10) if rising else share
    compounds = share is not None and draw(st.booleans())
    return operation("a", costs[0], versions=versions(*named), transition=share, compounds=compounds, rounding=EXACT)


pins = st.none() | st.builds(pinned, st.integers(0, 5).map(lambda number: f"v{number}"), minutes)
tokens = st.fractions(0, 10**6, max_denominator=1000)


@settings(deadline=None)
@given(priced_operations(), minutes, pins, tokens)
def test_at_any_moment_one_price_applies_and_prices_again_the_same(asked, moment, pin, units):
    conditions = at(moment, pin)
    quote = price(asked, conditions, POLICY)
    called = ended(asked, conditions, {"tokens": units})

    assert quote.prices in {version.name for version in asked.versions}
    assert (re_rate(quote.record), re_rate(called.record)) == (quote.credits, called.credits)
    assert price(asked, conditions, POLICY) == Pricer(POLICY).price(asked, conditions) == quote


@settings(deadline=None)
@given(priced_operations(), minutes, pins, tokens)
def test_a_call_never_costs_more_than_in_force_nor_than_its_quote(asked, moment, pin, units):
    conditions = at(moment, pin)
    called = ended(asked, conditions, {"tokens": units}).credits

    assert called <= price(asked, conditions, POLICY).credits
    if pin is None or moment >= pin.until:
        assert called <= ended(asked, at(moment), {"tokens": units}).credits


@settings(deadline=None)
@given(priced_operations(), minutes, pins, tokens)
def test_what_a_running_call_costs_by_now_is_what_it_will_be_charged(asked, moment, pin, units):
    conditions = at(moment, pin)
    running = Running(priced(asked, conditions), conditions).micro({"tokens": units})
    charged = ended(asked, conditions, {"tokens": units}).credits

    assert charged <= max(1, running + 1)
    if not units:
        assert charged == max(1, (running + Fraction(1, 2)).__floor__())


@settings(deadline=None)
@given(priced_operations(rising=True), st.data())
def test_while_prices_rise_a_walk_rises_by_at_most_the_share_a_month(asked, data):
    pin = data.draw(st.builds(pinned, st.sampled_from([one.name for one in asked.versions]), minutes))
    old = next(one.price.base for one in asked.versions if one.name == pin.version)
    before = max(data.draw(minutes), pin.until - timedelta(minutes=1))
    after = data.draw(st.integers(0, 60 * 24 * 28).map(lambda count: before + timedelta(minutes=count)))
    paid, then = (price(asked, at(moment, pin), POLICY).credits for moment in (before, after))
    step = (paid if asked.compounds else old) * asked.transition

    if after >= pin.until:
        assert then <= price(asked, at(after), POLICY).credits
    if in_force(asked.versions, pin.until).price.base >= old:
        assert paid <= then <= paid + step + 1


@settings(deadline=None)
@given(priced_operations(rising=True), st.data())
def test_a_walk_arrives_at_the_price_in_force(asked, data):
    pin = data.draw(st.builds(pinned, st.sampled_from([one.name for one in asked.versions]), minutes))
    old, last = next(one.price.base for one in asked.versions if one.name == pin.version), asked.versions[-1]
    lowest = min(old, in_force(asked.versions, pin.until).price.base)
    months = math.ceil((last.price.base - lowest) / (old * asked.transition))
    assume(months < 12 * 7000)
    moment = month_after(max(pin.until, last.effective_at or pin.until), max(0, months))

    assert price(asked, at(moment, pin), POLICY).credits == last.price.base


def test_what_is_remembered_of_an_operation_is_its_price_of_that_minute_for_that_pin():
    pricer, pin = Pricer(POLICY), pinned(ORIGINAL, JULY)
    asked = [at(NEW_YEAR), at(NEW_YEAR, pin), at(JULY), at(JULY, pin), at(NEW_YEAR - timedelta(minutes=1))]

    assert [text(pricer.operation(RAISED, one).price.base) for one in asked] == ["120", "100", "150", "150", "100"]


GOLDEN = [
    # month after the end of the pin: what is paid by day; at night, at 0.7, in micro-credits, rounded half up once
    (1, "7.35", "5.145"),
    (2, "7.7", "5.39"),
    (3, "8.05", "5.635"),
    (4, "8.4", "5.88"),
    (5, "8.75", "6.125"),
    (6, "9.1", "6.37"),
    (7, "9.45", "6.615"),
    (8, "9.8", "6.86"),
    (9, "10", "7"),
    (10, "10", "7"),
]


@pytest.mark.parametrize(("month", "by_day", "at_night"), GOLDEN)
@pytest.mark.parametrize("day", [1, 15, 31])
def test_a_walk_from_7_to_10_by_a_twentieth_a_month(month, by_day, at_night, day):
    until = datetime(2027, 1, day, 12, tzinfo=UTC)
    raised = image(("2027", NEW_YEAR, "10"), original="7", transition="0.05", rounding=EXACT, adjustments=(NIGHT,))
    begins, ends = month_after(until, month - 1), month_after(until, month)
    night = begins.replace(hour=3) + timedelta(days=1)
    pin = pinned(ORIGINAL, until)

    assert [cost(raised, at(moment, pin)) for moment in (begins, ends - timedelta(minutes=1))] == [by_day, by_day]
    assert cost(raised, at(night, pin)) == at_night
