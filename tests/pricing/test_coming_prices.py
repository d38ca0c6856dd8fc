"""What an account will pay next, and from when on, compared with what it is charged then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from meter.credits import ZERO, parse, text
from meter.policy.compile import Source, compile_policy
from meter.policy.model import PeriodUnit
from meter.policy.versions import Pin
from meter.pricing.coming_prices import coming_price, coming_prices
from meter.pricing.conditions import Conditions
from meter.pricing.quote import price
from meter.pricing.terms import Terms
from tests.pricing.make import BUSY
from tests.pricing.test_versions import POLICY, minutes, pins, priced_operations

RULES = compile_policy(
    [
        Source(
            file="a.yaml",
            text="""\
version: 1
operations:
  image: {credits: 100}
  video: {credits: 1000}
  chat: {credits: {base: 1, per: {tokens: 0.002}, at_most: 50}, meters: {tokens: {reported: true}}}
  users: {credits: {base: 1, per: {query.limit: 0.01}}}
  same: {credits: 5}
  health: {free: true}
adjustments:
  - {name: night, time: {from: "00:00", to: "07:00"}, multiply: 0.7}
  - {name: surge, load: {above: 0.9}, multiply: 1.5}
  - {name: commitment, commitment: {100000: 0.8}}
prices:
  - {version: "2026-07"}
  - version: "2027-01"
    effective_at: 2027-01-01T00:00:00Z
    operations: {image: 120, chat: {base: 1, per: {tokens: 0.003}, at_most: 50}}
  - version: "2027-07"
    effective_at: 2027-07-01T00:00:00Z
    operations: {image: 150, video: 900, users: {base: 2, per: {query.limit: 0.01}}}
transition: 0.1
""",
        )
    ]
)
NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
NEW_YEAR, JULY = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)


def terms(version=None, until=NEW_YEAR, commitment="0"):
    pin = None if version is None else Pin(version=version, until=until)
    return Terms(plan="pro", included=ZERO, period=PeriodUnit.NONE, commitment=parse(commitment), pin=pin)


def told(account, moment=NOW):
    found = coming_prices(RULES, account, moment)
    return [
        (one.operation, f"{one.at:%Y-%m-%d}", one.prices, None if one.credits is None else text(one.credits))
        for one in found
    ]


def test_the_next_price_of_each_operation_is_told_with_its_day_and_version():
    assert told(terms()) == [
        ("chat", "2027-01-01", "2027-01", "50"),
        ("image", "2027-01-01", "2027-01", "120"),
        ("users", "2027-07-01", "2027-07", None),
        ("video", "2027-07-01", "2027-07", "900"),
    ]


def test_what_a_version_says_of_a_price_by_use_is_told():
    chat = coming_prices(RULES, terms(), NOW)[0]

    assert [(rate.meter, rate.micro_per_unit) for rate in chat.price.rates] == [("tokens", Fraction(3000))]


def test_adjustments_by_time_and_load_are_left_out_and_a_commitment_is_not():
    image = RULES.operations["image"]
    busy = Conditions(moment=NOW, load=BUSY, commitment=parse("100000"))

    assert coming_price(image, busy) == next(
        one for one in coming_prices(RULES, terms(commitment="100000"), NOW) if one.operation == "image"
    )
    assert text(coming_price(image, busy).credits) == "96"


def test_an_account_that_is_pinned_is_told_what_it_pays_after_its_pin():
    found = told(terms("2026-07", until=datetime(2027, 3, 1, tzinfo=UTC)))

    assert ("image", "2027-03-01", "2027-01", "110") in found


def test_an_account_that_walks_is_told_its_next_step():
    account = terms("2026-07", until=NEW_YEAR)

    assert ("image", "2027-02-01", "2027-01", "120") in told(account, NEW_YEAR)
    assert ("image", "2027-07-01", "2027-07", "130") in told(account, datetime(2027, 3, 1, tzinfo=UTC))
    assert ("image", "2027-08-01", "2027-07", "140") in told(account, JULY)


def test_a_step_that_rounding_hides_is_not_told():
    same = replace(RULES.operations["same"], versions=RULES.operations["image"].versions)
    small = replace(
        same,
        versions=tuple(
            replace(version, price=replace(version.price, base=parse(cost)))
            for version, cost in zip(same.versions, ("1", "2", "2"), strict=True)
        ),
        adjustments=(),
    )
    conditions = Conditions(moment=NEW_YEAR, pin=Pin(version="2026-07", until=NEW_YEAR))

    assert text(price(small, conditions, POLICY).credits) == "1"
    assert f"{coming_price(small, conditions).at:%Y-%m-%d}" == "2027-05-01"


def test_after_the_last_version_nothing_is_coming():
    assert told(terms(), JULY) == []


def test_a_call_whose_use_is_known_is_told_what_that_will_cost():
    users = RULES.operations["users"]
    coming = coming_price(users, Conditions(moment=NOW), {"query.limit": Fraction(500)})

    assert text(coming.credits) == "7"


@settings(deadline=None)
@given(priced_operations(), minutes, pins, st.integers(0, 60 * 24 * 400))
def test_until_the_next_price_a_call_costs_what_it_costs_now(asked, moment, pin, later):
    conditions = Conditions(moment=moment, pin=pin)
    now, coming = price(asked, conditions, POLICY), coming_price(asked, conditions)
    passed = replace(conditions, moment=moment + timedelta(minutes=later))

    if coming is None or passed.moment < coming.at:
        assert price(asked, passed, POLICY).credits == now.credits
    if coming is not None:
        then = price(asked, replace(conditions, moment=coming.at), POLICY)
        assert (then.credits, then.prices) == (coming.credits, coming.prices)
        assert coming.at > moment
