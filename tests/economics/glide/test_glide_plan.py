"""The way of an operation, held against the gateway's own pricing: what is announced is what is charged."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest

from meter.credits import MICRO, Credits, Rounding, RoundingMode, parse, text
from meter.economics.exact import EconomicsError
from meter.economics.glide.cohorts import Schedule, cohort_of, cohorts_of
from meter.economics.glide.letters import letter
from meter.economics.glide.paths import months_to
from meter.economics.glide.plan import Glide, Kept, Worth, target_credits
from meter.economics.glide.policy import differences, pin_commands, policy_text, rounding_text
from meter.economics.glide.rebate import exact_path, fitting, rebate_path
from meter.policy.compile import Source, compile_policy
from meter.policy.versions import Pin
from meter.pricing.conditions import Conditions
from meter.pricing.quote import price

FIFTH = Fraction(1, 5)
FINEST = Rounding(step=Credits(1), minimum=Credits(1))
VOLUMES = {"acme": Fraction(1000), "globex": Fraction(400), "initech": Fraction(50), "umbrella": Fraction(7)}


def credits_of(*written):
    return tuple(parse(one) for one in written)


def made(old, new, share=FIFTH, *, cohorts=3, start=date(2027, 1, 1), notice=30, present=None, volumes=None, **more):
    """A way, rounded as it has to be."""
    present = present or Rounding()
    schedule = Schedule.of(start, notice, cohorts)
    return Glide(
        operation="image.analyse",
        title="AI analysis",
        old=parse(old),
        new=parse(new),
        share=Fraction(share),
        present=present,
        rounding=fitting(parse(old), parse(new), Fraction(share), present),
        schedule=schedule,
        cohorts=cohorts_of(VOLUMES if volumes is None else volumes, cohorts),
        **more,
    )


def carried_out(glide, *, rounding=None):
    """The operation under the policy that glide writes, beside the file that declares it."""
    rule = rounding or rounding_text(glide).removeprefix("rounding: ")
    declared = f"title: A, credits: {text(glide.old)}, rounding: {rule}"
    api = f"version: 1\noperations:\n  {glide.operation}: {{{declared}}}\n"
    sources = [Source(file="api.yaml", text=api), Source(file="glide.yaml", text=policy_text(glide))]
    return compile_policy(sources).operations[glide.operation]


@pytest.mark.parametrize(
    ("old", "new", "share", "said"),
    [
        pytest.param("10", "16", FIFTH, ("10", "12", "14.4", "16"), id="each month a fifth more than the month before"),
        pytest.param("4", "5", FIFTH, ("4", "4.8", "5"), id="whole credits are stuck, the rebate is not"),
        pytest.param("10", "10.5", FIFTH, ("10", "10.5"), id="nearer than one step"),
        pytest.param("1", "2", "1", ("1", "2"), id="doubled at once"),
        pytest.param("7", "8.6", "0.1", ("7", "7.7", "8.47", "8.6"), id="the last step is a short one"),
    ],
)
def test_a_rebate_path_rises_by_the_share_each_month(old, new, share, said):
    assert made(old, new, share).path == credits_of(*said)


@pytest.mark.parametrize(
    ("old", "new", "share", "step"),
    [
        ("10", "12", "0.2", "1"),
        ("4", "5", "0.2", "0.1"),
        ("10", "16", "0.2", "0.1"),
        ("10", "11", "0.033", "0.00001"),
        ("10", "50", "0.2", "0.000001"),
        ("0.000001", "0.000007", "0.3", "0.000001"),
    ],
)
def test_a_walk_that_the_present_rounding_cannot_pay_gets_a_finer_one(old, new, share, step):
    found = fitting(parse(old), parse(new), Fraction(share), Rounding())

    assert found.step == parse(step)


def within(path, share):
    """Whether no price is above the one before by more than the share of it, and two micro-credits of rounding."""
    return all(after <= before * (1 + share) + 2 for before, after in pairwise(path))


def test_rounding_to_whole_credits_would_break_the_bound():
    """4.8 rounds to 5, which is 25 % more: so a naive walk breaks its promise, and the finer one keeps it."""
    assert not within(rebate_path(parse("4"), parse("5"), FIFTH, Rounding()), FIFTH)
    assert within(made("4", "5").path, FIFTH)


@pytest.mark.parametrize("old", ["0.000001", "0.000007", "0.3", "3", "10", "999.999999"])
@pytest.mark.parametrize("share", ["0.00123457", "0.07", "1/3", "1"])
def test_no_month_is_above_the_share_whatever_has_to_be_rounded(old, share):
    cheap, dear = parse(old), Credits(parse(old) * 5 // 3 + 1)
    rounding = fitting(cheap, dear, Fraction(share), FINEST)

    path = rebate_path(cheap, dear, Fraction(share), rounding)

    assert path[-1] == dear
    # Below a micro-credit nothing can be paid: a step that is rounded down is caught up by the next one.
    assert all(paid <= exact for paid, exact in zip(path, exact_path(cheap, dear, Fraction(share)), strict=True))


@pytest.mark.parametrize(
    ("old", "new", "share", "start", "notice"),
    [
        pytest.param("10", "50", "0.2", date(2027, 1, 1), 30, id="the article's, to break even"),
        pytest.param("10", "167", "0.2", date(2027, 1, 31), 0, id="to 70 %, from a last day on"),
        pytest.param("10", "80", "0.1", date(2028, 2, 29), 30, id="over a leap day"),
        pytest.param("4", "5", "0.2", date(2027, 1, 1), 31, id="stuck in whole credits"),
        pytest.param("10", "11", "0.033", date(2027, 12, 15), 14, id="three decimals"),
        pytest.param("0.000007", "0.00002", "0.3", date(2027, 1, 1), 30, id="below a micro-credit"),
    ],
)
def test_what_is_announced_is_what_the_gateway_charges(old, new, share, start, notice):
    glide = made(old, new, share, start=start, notice=notice, present=None if parse(old) > MICRO else FINEST)
    operation = carried_out(glide)

    assert differences(glide, operation) == ()
    # And once more without the module's own walk through the months: days of the way, asked at noon.
    for cohort in glide.cohorts:
        pin = Pin(version="original", until=glide.schedule.begins(cohort.number))
        months = [*glide.months(), None]
        for month, after in pairwise(months):
            days = range(0, (after.begins - month.begins).days if after else 5, 13)
            for day in days:
                noon = month.begins + timedelta(days=day, hours=12)
                assert price(operation, Conditions(moment=noon, pin=pin), "").credits == month.paid[cohort.number]


def test_new_accounts_pay_the_target_from_the_first_minute():
    glide = made("10", "50")
    operation = carried_out(glide)

    def paid(moment):
        return price(operation, Conditions(moment=moment), "").credits

    assert paid(glide.schedule.start) == glide.new
    assert paid(glide.schedule.start - timedelta(minutes=1)) == glide.old


def test_a_policy_that_rounds_otherwise_is_found_out():
    glide = made("4", "5")

    found = differences(glide, carried_out(glide, rounding="{step: 1}"))

    assert {(announced, said) for _, _, announced, said in found} == {(parse("4.8"), parse("5"))}


@pytest.mark.parametrize("target", ["50", "80", "167", "267"])
def test_a_way_takes_the_months_of_a_compounding_rise(target):
    assert len(made("10", target).path) - 1 == months_to(Fraction(target) / 10, 20)


def test_an_account_is_in_the_same_cohort_wherever_one_asks():
    """SHA-256 says so, and not the order of accounts, nor Python's own hash, which changes with each start."""
    assert [cohort_of(name, 3) for name in VOLUMES] == [2, 1, 2, 0]
    assert cohorts_of(VOLUMES, 3) == cohorts_of(dict(reversed(VOLUMES.items())), 3)


def test_cohorts_are_about_as_large():
    sizes = [len(one.accounts) for one in cohorts_of({f"a{n}": Fraction(1) for n in range(3000)}, 3)]

    assert min(sizes) > 900


@pytest.mark.parametrize(
    ("start", "notice", "first"),
    [
        pytest.param(date(2027, 1, 1), 31, date(2027, 2, 1), id="a whole month"),
        pytest.param(date(2027, 1, 1), 30, date(2027, 2, 1), id="the 31st is not in every month"),
        pytest.param(date(2027, 12, 1), 28, date(2028, 1, 1), id="over the year"),
        pytest.param(date(2027, 1, 10), 14, date(2027, 1, 24), id="within a month"),
        pytest.param(date(2027, 1, 10), 0, date(2027, 1, 10), id="none"),
    ],
)
def test_a_way_begins_on_a_day_that_every_month_has(start, notice, first):
    assert Schedule.of(start, notice, 1).first.date() == first


def test_notice_is_whole_months_where_it_is_and_days_where_not():
    assert Schedule.of(date(2027, 1, 1), 31, 1).notice_months == 1
    assert Schedule.of(date(2027, 1, 10), 14, 1).notice_months == 14 * Fraction(12, 365)


def test_the_loss_is_summed_over_months_and_cohorts():
    """By hand: two accounts, 10 → 12 → 14 credits of $0.001, a call that costs $0.013; a month of notice."""
    volumes = {"acme": Fraction(1000), "globex": Fraction(100)}
    glide = made("10", "14", cohorts=3, volumes=volumes, worth=Worth(cost=Fraction("0.013"), price=Fraction("0.001")))
    paid = [month.paid for month in glide.months()]
    acme, globex = (cohort_of(name, 3) for name in volumes)

    assert (globex, acme) == (1, 2)
    assert paid == [
        credits_of("10", "10", "10"),
        credits_of("12", "10", "10"),
        credits_of("14", "12", "10"),
        credits_of("14", "14", "12"),
        credits_of("14", "14", "14"),
    ]
    sums = glide.sums()
    # acme: three months at 10 and one at 12; globex: two at 10, one at 12, one at 14, on which it earns.
    assert sums.below_cost == 1000 * Fraction("0.010") + 100 * Fraction("0.007")
    assert sums.loss == sums.below_cost - 100 * Fraction("0.001")
    assert sums.rebate == 1000 * Fraction("0.014") + 100 * Fraction("0.010")
    assert sums.kept == 0


def test_kept_volume_is_granted_as_what_it_costs_more():
    """Five calls' worth a month: 50 credits at 10. Who makes fewer calls is granted for those."""
    volumes = {"acme": Fraction(1000), "globex": Fraction(2)}
    end = datetime(2027, 4, 1, tzinfo=UTC)
    glide = made(
        "10",
        "14",
        cohorts=1,
        volumes=volumes,
        kept=Kept(credits=parse("50"), end=end),
        worth=Worth(cost=Fraction("0.013"), price=Fraction("0.001")),
    )

    assert [(begins.month, granted) for begins, granted in glide.grants()] == [
        (2, parse("14")),  # (5 + 2) calls × 2 credits
        (3, parse("28")),
    ]
    assert glide.sums().kept == Fraction("0.042")


@pytest.mark.parametrize(
    ("margin", "needed"), [("0", "50"), ("0.7", "167"), ("0.375", "80")], ids=["break even", "70 %", "the startup"]
)
def test_the_articles_call_of_five_cents_needs(margin, needed):
    assert target_credits(Fraction("0.05"), Fraction("0.001"), Fraction(margin)) == parse(needed)


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (lambda: made("10", "10"), "10 credits is not above the 10 that image.analyse costs"),
        (lambda: made("10", "9.5"), "9.5 credits is not above the 10"),
        (lambda: made("10", "50", "0"), "A rise of 0 %"),
        (lambda: made("0.5", "1"), "costs 0.5 credits and is charged 1, the minimum"),
        (lambda: Schedule.of(date(2027, 1, 1), -1, 3), "A notice of -1 days"),
        (lambda: Schedule.of(date(2027, 1, 1), 30, 0), "0 cohorts"),
        (lambda: Schedule.of(date(9999, 1, 1), 30, 1), "The year of 9999-01-01"),
        (lambda: made("10", "50", kept=Kept(credits=parse("5"), end=datetime(2027, 2, 1, tzinfo=UTC))), "not after"),
        (lambda: made("10", "50", kept=Kept(credits=parse("5"), end=datetime(2047, 2, 1, tzinfo=UTC))), "ten years"),
        (lambda: target_credits(Fraction(0), Fraction(1), Fraction(0)), "A cost of 0 a call"),
        (lambda: target_credits(Fraction(1), Fraction(0), Fraction(0)), "0 is no price of a credit"),
        (lambda: target_credits(Fraction(1), Fraction(1), Fraction(1)), "A margin of 1"),
    ],
)
def test_what_is_no_way_is_refused(refused, said):
    with pytest.raises(EconomicsError, match=said):
        refused()


def test_the_pins_hold_who_made_no_call_too_and_quote_names_for_the_shell():
    glide = made("10", "12", cohorts=2, volumes={"acme": Fraction(1), "a b;c": Fraction(1)})

    (everybody,), *cohorts = pin_commands(glide)

    assert everybody == ("meter pin original --until 2027-03-01T00:00:00Z --created-before 2027-01-01T00:00:00Z")
    assert "--account 'a b;c'" in "\n".join(line for lines in cohorts for line in lines)


def test_a_letter_says_when_how_much_and_why_and_no_cost():
    glide = made("4", "5", cohorts=2, worth=Worth(cost=Fraction("0.005"), price=Fraction("0.001")))
    written = letter(glide, glide.cohorts[1])

    assert "<!-- Cohort 2 of 2; send it by 2027-01-29. -->" in written
    assert "# AI analysis: a new price from 2027-03-01 on" in written
    assert "| 2027-03-01 | 4.8 | +20.0 % |\n| 2027-04-01 | 5 | +4.2 % |" in written
    assert "costs us more than its present price brings in" in written
    assert "0.005" not in written


def test_a_letter_about_a_long_way_says_the_rest_in_a_sentence():
    glide = made("10", "1000", kept=Kept(credits=parse("1000"), end=datetime(2028, 1, 1, tzinfo=UTC)))
    written = letter(glide, glide.cohorts[0])

    assert "After that it rises by at most 20 % each month, until 1000 credits are reached on 2029-03-01." in written
    assert "Until 2028-01-01, 100 calls a month go on costing you 10 credits each" in written


def test_rounding_down_is_asked_for_where_a_micro_credit_is_too_coarse():
    assert made("0.000007", "0.00002", "0.3", present=FINEST).rounding.mode is RoundingMode.FLOOR


def test_a_notice_that_is_no_whole_month_loses_by_its_days():
    """Two weeks at 10 of 12 credits, and then everybody is there."""
    worth = Worth(cost=Fraction("0.015"), price=Fraction("0.001"))
    volumes = {"acme": Fraction(1000)}
    sums = made("10", "12", cohorts=1, start=date(2027, 1, 10), notice=14, volumes=volumes, worth=worth).sums()

    assert sums.rebate == 14 * Fraction(12, 365) * 1000 * Fraction("0.002")
    assert sums.loss == 14 * Fraction(12, 365) * 1000 * Fraction("0.005")


def test_accounts_stand_in_the_order_of_their_ids():
    (cohort,) = cohorts_of({"b": Fraction(1), "c": Fraction(1), "a": Fraction(1)}, 1)

    assert list(cohort.accounts) == ["a", "b", "c"]


def test_a_grant_is_rounded_up_so_that_no_kept_call_costs_more_than_before():
    """A credit at 3 is a third of a call, and 0.1 more of that is 0.0333…"""
    end = datetime(2027, 3, 1, tzinfo=UTC)
    glide = made("3", "3.1", cohorts=1, volumes={"acme": Fraction(9)}, kept=Kept(credits=parse("1"), end=end))

    assert [granted for _, granted in glide.grants()] == [parse("0.033334")]
