"""Mean, spread and p95 of costs, and buckets of sizes."""

from fractions import Fraction
from statistics import fmean, stdev

import pytest

from meter.economics.cost.calls import costs
from meter.economics.cost.sizes import Bucket, Buckets, buckets_of, quantile, ten
from meter.economics.cost.spread import spread
from meter.economics.exact import EconomicsError
from tests.economics.test_cost_sharing import call

ONE = Fraction(1)


def test_single_calls_have_the_spread_of_a_sample():
    numbers = [3, 1, 4, 1, 5, 9, 2, 6]
    found = spread((Fraction(number), ONE) for number in numbers)

    assert found.mean == Fraction(sum(numbers), len(numbers))
    assert found.sd == pytest.approx(stdev(numbers))
    assert found.cv == pytest.approx(stdev(numbers) / fmean(numbers))
    assert found.p95 == 9


def test_averages_count_as_often_as_they_have_calls():
    averages = spread([(Fraction(1), Fraction(19)), (Fraction(100), ONE)])
    singles = spread([(Fraction(1), ONE)] * 19 + [(Fraction(100), ONE)])

    assert averages == singles
    assert averages.p95 == 1


def test_one_call_has_no_spread_and_costs_of_zero_no_cv():
    assert spread([(Fraction(7), ONE)]).sd == 0
    assert spread([(Fraction(0), ONE)]).cv is None
    assert spread([(Fraction(7), Fraction(0))]) is None


def test_a_quantile_is_the_first_that_reaches_its_share():
    twenty = [(number, 1) for number in range(1, 21)]

    assert [quantile(twenty, Fraction(share)) for share in ("0.05", "0.051", "0.95", "1")] == [1, 2, 19, 20]


def sizes(measured, buckets):
    (operation,) = costs(measured, buckets=buckets).operations
    return [(str(bucket), int(known.calls)) for bucket, known in operation.sizes]


def test_quartiles_hold_a_quarter_each():
    measured = [call(size=size) for size in (10, 20, 30, 40, 50, 60, 70, 80)]

    assert sizes(measured, Buckets.QUARTILES) == [("10 to 20", 2), ("30 to 40", 2), ("50 to 60", 2), ("70 to 80", 2)]


def test_equal_sizes_are_never_parted():
    assert sizes([call(size=5) for _ in range(6)], Buckets.QUARTILES) == [("5", 6)]
    assert sizes([call(size=size) for size in (1, 1, 1, 1, 1, 9)], Buckets.QUARTILES) == [("1", 5), ("9", 1)]


def test_powers_of_ten_begin_at_themselves():
    measured = [call(size=size) for size in ("0", "0.05", "0.1", "1", "9.99", "10", "1000")]

    assert sizes(measured, Buckets.TENS) == [
        ("0", 1),
        ("0.01 to below 0.1", 1),
        ("0.1 to below 1", 1),
        ("1 to below 10", 2),
        ("10 to below 100", 1),
        ("1000 to below 10000", 1),
    ]


@pytest.mark.parametrize("size", ["1/3", "999/1000", "1000/999", "100", "99999999999999999999", "7/100000000"])
def test_every_size_is_in_its_power_of_ten(size):
    bucket = ten(Fraction(size))

    assert bucket.least <= Fraction(size) < bucket.most == bucket.least * 10


def test_an_unknown_way_is_refused_with_the_closest():
    with pytest.raises(EconomicsError, match=r"did you mean 'quartiles'\?$"):
        buckets_of("quartile")


def test_a_bucket_says_its_ends():
    assert str(Bucket(least=ONE, most=Fraction(10), open=True)) == "1 to below 10"


def test_an_operation_says_third_party_money_and_whether_it_was_averaged():
    averaged, single = costs([call("a", "3", calls=2, third_party="1"), call("b", "1")]).operations

    assert (averaged.third_party, averaged.averaged, single.averaged) == (2, True, False)
