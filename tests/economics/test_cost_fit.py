"""Rates fitted from bills."""

from fractions import Fraction

import numpy as np
import pytest

from meter.economics.cost.fit import Observed, fit
from meter.economics.cost.units import Resource
from meter.economics.exact import EconomicsError

CPU, OUT, GPU = Resource.CPU, Resource.OUT, Resource.GPU


def bill(money, **used):
    named = {"cpu": CPU, "out": OUT, "gpu": GPU}
    return Observed(
        place="b.csv:2", bill=Fraction(money), used={named[name]: Fraction(amount) for name, amount in used.items()}
    )


def test_rates_are_found_again_in_bills_made_of_them():
    random = np.random.default_rng(7)
    usage = [(int(cpu), int(out)) for cpu, out in random.integers(1, 10_000, (30, 2))]
    fitted = fit([bill(Fraction(cpu, 10**5) + Fraction(9, 100) * out, cpu=cpu, out=out) for cpu, out in usage])

    assert fitted.rates == {CPU: pytest.approx(1e-5), OUT: pytest.approx(0.09)}
    assert fitted.unexplained_share == pytest.approx(0, abs=1e-9)
    assert not fitted.confounded


def test_a_rate_is_never_negative_and_what_it_would_explain_is_unexplained():
    fitted = fit([bill(10, cpu=1, out=0), bill(5, cpu=1, out=1)])

    assert fitted.rates[OUT] == 0
    assert fitted.rates[CPU] == pytest.approx(7.5)
    assert fitted.unexplained == (pytest.approx(2.5), pytest.approx(-2.5))
    assert fitted.unexplained_share == pytest.approx(1 / 3)


def test_resources_used_in_one_proportion_are_not_told_apart_and_others_are():
    fitted = fit([bill(3, cpu=1, out=2, gpu=5), bill(6, cpu=2, out=4, gpu=1), bill(4, cpu=3, out=6, gpu=2)])

    assert fitted.confounded == {CPU, OUT}


def test_fewer_bills_than_resources_tell_nothing_apart():
    assert fit([bill(3, cpu=1, out=2)]).confounded == {CPU, OUT}


def test_what_was_never_used_has_no_rate():
    fitted = fit([bill(3, cpu=1, gpu=0)])

    assert (fitted.unused, set(fitted.rates)) == ({GPU}, {CPU})


@pytest.mark.parametrize(
    ("bills", "sentence"),
    [
        ([], "There is no bill; give one row for each."),
        ([bill(-1, cpu=1)], "b.csv:2: the bill is -1; it is never negative: correct it."),
        ([bill(0, cpu=1)], "All bills are 0, which every rate of 0 explains; give bills of something that costs."),
        ([bill(1, cpu=0)], "Nothing was used, so nothing explains the bills; measure cpu_seconds, for one."),
    ],
)
def test_bills_that_say_nothing_are_refused(bills, sentence):
    with pytest.raises(EconomicsError) as refused:
        fit(bills)

    assert str(refused.value) == sentence
