"""Elasticities from staggered cohorts, held against a generator that knows the true one."""

from math import exp

import numpy as np
import pytest

from meter.economics.exact import EconomicsError
from meter.economics.glide.cohorts import cohort_of
from meter.economics.glide.elasticity import Observed, elasticity

MONTHS = 9


def generated(seed, true=-0.6, *, accounts=60, cohorts=3, noise=0.15, staggered=True):
    """Accounts of very different sizes, months with a trend and a season, and prices that rise cohort by cohort."""
    chance = np.random.default_rng(seed)
    sizes, months = chance.normal(6, 2, accounts), 0.08 * np.arange(MONTHS) + chance.normal(0, 0.3, MONTHS)
    return [
        Observed(
            account=f"a{account}",
            month=month,
            price=(
                paid := 10 * (1 + 0.2 * max(0, month - 2 - (cohort_of(f"a{account}", cohorts) if staggered else 0)))
            ),
            volume=exp(sizes[account] + months[month] + true * np.log(paid) + chance.normal(0, noise)),
        )
        for account in range(accounts)
        for month in range(MONTHS)
    ]


def test_without_noise_the_true_one_is_found_whatever_months_and_accounts_are():
    found = elasticity(generated(1, noise=0.0))

    assert found.estimate == pytest.approx(-0.6, abs=1e-9)
    assert found.error < 1e-9


def test_the_bounds_hold_the_true_one_as_often_as_they_say():
    """Of 100 series 95 are meant to; between 89 and 99 is what chance allows."""
    low_high = [elasticity(generated(seed)).bounds for seed in range(100)]

    assert 89 <= sum(low <= -0.6 <= high for low, high in low_high) <= 99


def test_a_naive_line_through_all_points_would_say_the_opposite():
    """Use grows by itself while prices rise: the trend looks like customers who love to pay more."""
    rows = generated(3, true=-0.3, noise=0.0)
    use, paid = np.log([one.volume for one in rows]), np.log([one.price for one in rows])

    assert np.polyfit(paid, use, 1)[0] > 0
    assert elasticity(rows).estimate == pytest.approx(-0.3, abs=1e-9)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param(generated(1, staggered=False), "it changed for all at once", id="all at once"),
        pytest.param(generated(1, accounts=2), "2 accounts are too few", id="few accounts"),
        pytest.param(generated(1)[1:], "one row in every month", id="a month missing"),
        pytest.param(generated(1) + generated(1)[:1], "one row in every month", id="a month twice"),
        pytest.param(
            [*generated(1)[1:], Observed(account="a0", month="2027-01", volume=0, price=10)],
            "a0 used 0 calls at 10 in month 2027-01",
            id="nothing used",
        ),
    ],
)
def test_what_says_nothing_of_prices_is_refused(rows, said):
    with pytest.raises(EconomicsError, match=said):
        elasticity(rows)
