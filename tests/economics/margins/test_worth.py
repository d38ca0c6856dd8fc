"""What credits were worth: by their lot, their plan, or a price that is given; never guessed."""

from fractions import Fraction

import pytest

from meter.credits import Credits
from meter.economics.exact import EconomicsError
from meter.economics.margins.worth import Lot, LotKind, Worth
from meter.economics.traffic import Call
from meter.ledger.promise import GrantKind
from meter.policy.compile import Source, compile_policy

POLICY = """\
version: 1
operations: {chat: {credits: 10}}
routes: [{match: POST /chat, operation: chat}]
plans:
  free: {included: 1000}
  pro: {included: 250000, price: "99", currency: USD, overage: {limit: 1000, price_per_thousand: "0.5"}}
  big: {included: 1000000, price: "300", currency: USD, overage: {limit: 1000}}
"""
PLANS = compile_policy([Source(file="api.yaml", text=POLICY)]).plans
PRO = Fraction(99, 250_000)
PRO_LOT = Lot(kind=LotKind.INCLUDED, plan="pro", included=Credits(250_000_000_000))


def paid(*lots, plan="pro", overage=0, more=0):
    amounts = tuple((name, Credits(micro)) for name, micro in lots)
    whole = Credits(sum(micro for _, micro in lots) + overage + more)
    return Call(
        at=0, account="acme", operation="chat", credits=whole, plan=plan, lots=amounts, overage=Credits(overage)
    )


def test_lots_have_the_kinds_that_grants_have():
    assert [kind.value for kind in LotKind] == [kind.value for kind in GrantKind]


@pytest.mark.parametrize(
    ("lot", "worth"),
    [
        pytest.param(PRO_LOT, PRO, id="included: the plan's price over what it includes"),
        pytest.param(Lot(kind=LotKind.ROLLOVER, plan="pro"), PRO, id="rolled over: as included"),
        pytest.param(Lot(kind=LotKind.ADJUSTMENT, plan="pro"), PRO, id="given back after its lot had ended: likewise"),
        pytest.param(
            Lot(kind=LotKind.INCLUDED, plan="pro", included=Credits(99_000_000)), 1, id="what was included at the time"
        ),
        pytest.param(Lot(kind=LotKind.PURCHASED, basis=Fraction(2, 1000)), Fraction(2, 1000), id="purchased"),
        pytest.param(Lot(kind=LotKind.PROMO), 0, id="promotion"),
        pytest.param(Lot(kind=LotKind.TRIAL, plan="pro"), 0, id="trial"),
        pytest.param(
            Lot(kind=LotKind.PROMO, basis=Fraction(1, 1000)), Fraction(1, 1000), id="a promotion with a price"
        ),
        pytest.param(Lot(kind=LotKind.INCLUDED, plan="free"), 0, id="a plan without a price, beside plans with one"),
    ],
)
def test_a_credit_is_worth_what_its_lot_says(lot, worth):
    known = Worth(plans=PLANS, lots={("acme", "x"): lot}, price=Fraction(7))

    assert known.parts(paid(("x", 5))) == ((5, worth),)


@pytest.mark.parametrize(
    ("name", "worth"),
    [("period:1793491200", PRO), ("rollover:1793491200", PRO), ("adjustment:1793491200", PRO), ("trial:signup", 0)],
)
def test_a_lot_that_the_ledger_gives_by_itself_is_known_by_its_name(name, worth):
    assert Worth(plans=PLANS).parts(paid((name, 5))) == ((5, worth),)


def test_a_call_that_several_lots_and_overage_paid_has_each_part_at_its_worth():
    lots = {("acme", "a"): PRO_LOT, ("acme", "b"): Lot(kind=LotKind.PROMO)}

    parts = Worth(plans=PLANS, lots=lots).parts(paid(("b", 3), ("a", 4), overage=5))

    assert parts == ((3, 0), (4, PRO), (5, Fraction(1, 2000)))


def test_a_lot_of_another_account_says_nothing():
    lots = {("umbrella", "x"): PRO_LOT}

    with pytest.raises(EconomicsError, match="Lot x of acme is in none of the files; name the file with its grant, or"):
        Worth(plans=PLANS, lots=lots).parts(paid(("x", 5)))


def test_credits_of_no_known_lot_are_worth_what_the_plan_says_else_the_price():
    known = Worth(plans=PLANS, price=Fraction(1, 1000))

    assert known.parts(paid(more=4)) == ((4, PRO),)
    assert known.parts(paid(more=4, plan=None)) == ((4, Fraction(1, 1000)),)
    assert known.parts(paid(more=4, plan="gone")) == ((4, Fraction(1, 1000)),)


def test_a_free_call_needs_no_price():
    assert Worth().parts(paid(plan=None)) == ()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        pytest.param(
            paid(("topup-7", 5)),
            "Lot topup-7 of acme was purchased, and has no cost basis; grant with one, or say --price, money a credit.",
            id="purchased without a basis",
        ),
        pytest.param(
            paid(("period:1", 5), plan="gone"),
            "Nobody knows what lot period:1 of acme is worth: no plan gone with a price and included credits is known;",
            id="a plan that is gone",
        ),
        pytest.param(
            paid(more=5, plan=None), "Nobody knows what a credit of acme is worth: no plan is known;", id="no plan"
        ),
        pytest.param(
            paid(overage=5, plan="big"),
            "Nobody knows what overage of acme is worth: no price_per_thousand of plan big is known;",
            id="overage without a price",
        ),
    ],
)
def test_what_nobody_knows_the_worth_of_is_refused_with_the_lot_and_the_account(call, sentence):
    lots = {("acme", "topup-7"): Lot(kind=LotKind.PURCHASED)}

    with pytest.raises(EconomicsError) as refused:
        Worth(plans=PLANS, lots=lots).parts(call)

    assert sentence in str(refused.value)


def test_where_no_plan_has_a_price_nothing_is_taken_for_free():
    plans = {"free": PLANS["free"]}

    with pytest.raises(EconomicsError, match="no plan free with a price"):
        Worth(plans=plans).parts(paid(more=5, plan="free"))
