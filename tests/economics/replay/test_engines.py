"""Two engines, one outcome: to the micro-credit, by account, operation and period, and to the second at zero."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from meter.credits import LIMIT, Credits
from meter.economics.replay import stateful, vectorised
from meter.economics.replay.columns import columns_of
from meter.economics.replay.rule import Tariff
from meter.economics.traffic import Call
from meter.policy.compile import Source, compile_policy
from meter.policy.mistakes import PolicyError
from meter.policy.model import PeriodUnit
from meter.policy.plans import Anchor
from meter.policy.versions import Pin
from meter.pricing.terms import Terms

FACTORS = st.sampled_from(["0.7", "1.5", "0.333333", "1", "0.001", "2.000001"])
CLOCKS = st.sampled_from(["00:00", "00:30", "02:00", "02:30", "03:00", "09:00", "22:00", "23:59"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
MODES = st.sampled_from(["half_up", "half_even", "floor", "ceil"])
AMOUNTS = st.sampled_from(["1", "5", "0.5", "10", "2500", "0.000001", "33.333333"])
BERLIN_TURNS = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp())
"""Clocks are set back; in New York they are a week later."""
UNTIL = datetime(2026, 10, 25, 12, tzinfo=UTC)


@st.composite
def policies(draw):
    step = draw(st.sampled_from(["1", "0.1", "0.000001", "5"]))
    ceiling = draw(st.sampled_from(["at_most: 50", "at_most: 5000", "at_most: 5000, above: overrun"]))
    lines = [
        "version: 1",
        f"rounding: {{mode: {draw(MODES)}, step: {step}}}",
        "operations:",
        f"  store: {{title: Store, credits: {draw(AMOUNTS)}}}",
        f"  analyse: {{title: Analyse, credits: {draw(AMOUNTS)}}}",
        "  health: {free: true}",
        "  chat:",
        "    title: Chat",
        f"    credits: {{base: {draw(AMOUNTS)}, per: {{tokens: {draw(FACTORS)}, query.limit: 0.01}}, {ceiling}}}",
        "    meters: {tokens: {json: /usage/total_tokens}}",
        "adjustments:",
    ]
    for number in range(draw(st.integers(1, 3))):
        days = draw(st.sampled_from(["", ", weekdays: [mon, sun]", ", weekdays: [sat]"]))
        begin, end = draw(st.lists(CLOCKS, min_size=2, max_size=2, unique=True))
        lines.append(
            f'  - {{name: window-{number}, time: {{from: "{begin}", to: "{end}", '
            f"zone: {draw(ZONES)}{days}}}, multiply: {draw(FACTORS)}}}"
        )
    lines += [
        f"  - {{name: surge, load: {{above: 0.9, until: 0.8, dwell: 30s}}, multiply: {draw(FACTORS)}}}",
        "  - {name: commitment, commitment: {100000: 0.8, 1000000: 0.6}}",
    ]
    if draw(st.booleans()):
        lines += [
            "prices:",
            "  - {version: dear}",
            "  - {version: cheap, effective_at: 2026-10-24T00:00:00Z, operations: {store: 3, analyse: 7}}",
            "  - {version: new, effective_at: 2026-10-26T00:00:00Z, operations: {store: 50}}",
            "transition: 0.1",
        ]
    lines += [
        "plans:",
        f"  pro: {{included: {draw(AMOUNTS)}, period: {draw(st.sampled_from(['day', 'week', 'month', 'none']))}}}",
        f"  big: {{included: 100, period: month, discount: {draw(st.sampled_from(['0.9', '0.5']))}, commitment: 2}}",
    ]
    try:
        return compile_policy([Source(file="api.yaml", text="\n".join(lines))])
    except PolicyError:
        return reject()


TERMS = st.builds(
    Terms,
    plan=st.sampled_from(["pro", "gone"]),
    included=st.sampled_from([Credits(0), Credits(7_000_000)]),
    period=st.sampled_from([PeriodUnit.DAY, PeriodUnit.MONTH, PeriodUnit.NONE]),
    zone=ZONES,
    anchor=st.sampled_from(Anchor),
    signed_up=st.sampled_from([None, date(2026, 1, 31)]),
    discount=st.sampled_from([None, Decimal("0.25")]),
    pin=st.sampled_from([None, Pin(version="dear", until=UNTIL), Pin(version="cheap", until=UNTIL)]),
)
UNITS = st.fractions(0, 2000, max_denominator=7)
CALLS = st.builds(
    Call,
    at=st.one_of(
        st.integers(BERLIN_TURNS - 3 * 86_400, BERLIN_TURNS + 9 * 86_400),
        st.integers(BERLIN_TURNS, BERLIN_TURNS + 90),
        st.integers(BERLIN_TURNS, BERLIN_TURNS + 150 * 86_400),
    ),
    account=st.sampled_from(["acme", "globex", "initech"]),
    operation=st.sampled_from(["store", "analyse", "chat", "health", "gone"]),
    credits=st.sampled_from([Credits(0), Credits(1), Credits(500_000), Credits(7_000_000), Credits(LIMIT)]),
    plan=st.sampled_from([None, "pro", "big", "gone"]),
    commitment=st.sampled_from([Credits(0), Credits(10**11), Credits(10**12)]),
    load=st.sampled_from([frozenset(), frozenset({"surge"}), frozenset({"other"})]),
    usage=st.dictionaries(st.sampled_from(["tokens", "query.limit", "response_bytes"]), UNITS),
    charged=st.sampled_from([Fraction(1), Fraction(0), Fraction(1, 3)]),
    terms=st.none() | TERMS,
)


@settings(max_examples=30, deadline=None)
@given(policy=policies(), calls=st.lists(CALLS, min_size=1, max_size=40))
def test_both_engines_say_the_same_of_any_traffic_under_any_policy(policy, calls):
    columns = columns_of(calls)

    for tariff in (Tariff(policy=policy), Tariff(policy=policy, as_charged=True)):
        slow = stateful.replayed(columns.calls(), tariff)
        fast = vectorised.replayed(columns, tariff)
        assert slow == fast


def equal(policy, calls):
    """What both engines say."""
    columns = columns_of(calls)
    slow = stateful.replayed(columns.calls(), Tariff(policy=policy))
    assert slow == vectorised.replayed(columns, Tariff(policy=policy))
    return slow


def made(text):
    return compile_policy([Source(file="api.yaml", text=text)])


def test_an_account_whose_pin_is_over_walks_to_the_new_price_month_by_month():
    policy = made(
        """\
version: 1
rounding: {step: 0.1}
operations: {store: {title: Store, credits: 10}}
prices:
  - {version: dear}
  - {version: new, effective_at: 2026-10-24T00:00:00Z, operations: {store: 20}}
transition: 0.1
"""
    )
    terms = Terms(plan="pro", included=Credits(0), period=PeriodUnit.MONTH, pin=Pin(version="dear", until=UNTIL))
    moments = [UNTIL.replace(hour=11), UNTIL, UNTIL.replace(month=12), UNTIL.replace(year=2027)]
    calls = [
        Call(at=int(moment.timestamp()), account="acme", operation="store", credits=Credits(0), terms=terms)
        for moment in moments
    ]

    assert sorted(equal(policy, calls).prices) == [10_000_000, 11_000_000, 13_000_000, 20_000_000]


def test_sums_beyond_64_bits_are_exact_and_so_is_the_moment_at_zero():
    most, included = 9_000_000_000, LIMIT // 1_000_000
    policy = made(
        f"version: 1\noperations: {{store: {{title: Store, credits: {most}}}}}\n"
        f"plans: {{pro: {{included: {included}, period: month}}}}\n"
    )
    calls = [Call(at=at, account="acme", operation="store", credits=Credits(0), plan="pro") for at in range(1100)]
    said = equal(policy, calls)

    assert said.whole.micro == 1100 * most * 1_000_000 > 2**63
    assert [spell.zero_at for spell in said.spells.values()] == [1]


def test_a_plan_that_is_spent_to_its_last_credit_is_at_zero():
    policy = made(
        "version: 1\noperations: {store: {title: Store, credits: 5}}\nplans: {pro: {included: 10, period: day}}\n"
    )
    calls = [
        Call(at=at, account="acme", operation="store", credits=Credits(0), plan="pro")
        for at in (1, 2, 3, 86_400, 86_401)
    ]

    assert [(spell.start, spell.zero_at, spell.beyond) for spell in equal(policy, calls).spells.values()] == [
        (0, 2, 5_000_000),
        (86_400, 86_401, 0),
    ]
