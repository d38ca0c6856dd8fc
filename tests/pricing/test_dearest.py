"""Of several operations, the one that surely costs most, or none."""

from datetime import timedelta
from fractions import Fraction

import pytest

from meter.credits import Rounding, parse
from meter.policy.versions import PriceVersion
from meter.pricing.dearest import dearest
from meter.pricing.match import Matched
from tests.pricing.make import NIGHT, NOON, SURGE, TIERS, free, operation, rated


def meaning(asked, **usage: int | None) -> Matched:
    units = {f"query.{name}": None if value is None else Fraction(value) for name, value in usage.items()}
    return Matched(operation=asked, route=None, usage=units)


COARSE = Rounding(step=parse("5"), minimum=parse("5"))
PLAIN_20 = meaning(operation("b", "20"))


@pytest.mark.parametrize(
    ("dear", "other"),
    [
        pytest.param(meaning(operation("a", "100")), meaning(operation("b", "99.5")), id="the higher base"),
        pytest.param(
            meaning(operation("a", "100", adjustments=(NIGHT,))),
            meaning(operation("b", "80", adjustments=(NIGHT,))),
            id="the higher base, adjusted alike",
        ),
        pytest.param(
            meaning(operation("a", "100", adjustments=(NIGHT, TIERS))),
            meaning(operation("b", "10", adjustments=(SURGE,))),
            id="far above, whatever applies",
        ),
        pytest.param(meaning(operation("a", "0")), meaning(free("b")), id="the minimum before what is free"),
        pytest.param(meaning(operation("a", "100")), meaning(operation("b", "200", maximum=parse("50"))), id="maximum"),
        pytest.param(
            meaning(operation("a", "1", rounding=Rounding(minimum=parse("50")))), PLAIN_20, id="the higher minimum"
        ),
        pytest.param(meaning(operation("a", rated("1", {"query.x": "1"}, "90")), x=20), PLAIN_20, id="a use"),
        pytest.param(PLAIN_20, meaning(operation("b", rated("1", {"query.x": "1"}, "90")), x=18), id="less use"),
        pytest.param(
            meaning(operation("a", rated("1", {"query.x": "1"}, "90")), x=None), PLAIN_20, id="a ceiling that counts"
        ),
        pytest.param(
            meaning(operation("a", rated("20", {"tokens": "1"}, "90"))), PLAIN_20, id="at least as much, before use"
        ),
    ],
)
@pytest.mark.parametrize("swapped", [False, True], ids=["first", "last"])
def test_the_dearest_wins_wherever_it_stands(dear, other, swapped):
    found = dearest([other, dear] if swapped else [dear, other])

    assert found is dear


def test_what_is_free_is_never_the_dearest_of_several():
    dear = meaning(operation("a", "100", adjustments=(NIGHT,)))

    assert dearest([meaning(free("c")), meaning(operation("b", "10")), dear]) is dear


def test_a_use_counts_up_to_its_ceiling():
    many, one_more = meaning(operation("a", rated("1", {"query.x": "1"}, "15")), x=90), meaning(operation("b", "16"))

    assert dearest([many, one_more]) is one_more


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(operation("a", "100", adjustments=(NIGHT,)), operation("b", "80"), id="dearer by day alone"),
        pytest.param(operation("a", "100"), operation("b", "80", adjustments=(SURGE,)), id="dearer while calm alone"),
        pytest.param(operation("a", "100", adjustments=(TIERS,)), operation("b", "80"), id="dearer for some alone"),
        pytest.param(operation("a", "12", rounding=COARSE), operation("b", "11"), id="rounded to less"),
        pytest.param(operation("a", "14"), operation("b", "13", rounding=COARSE), id="the other rounded to more"),
        pytest.param(operation("a", rated("0", {"tokens": "1"}, "50")), operation("b", "10"), id="the answer decides"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True], ids=["first", "last"])
def test_none_is_the_dearest_where_it_depends(one, other, swapped):
    meanings = [meaning(other), meaning(one)] if swapped else [meaning(one), meaning(other)]

    assert dearest(meanings) is None


def versioned(name: str, *costs: str, **facts: object) -> Matched:
    moments = [None, *(NOON + timedelta(days=day) for day in range(len(costs) - 1))]
    versions = tuple(
        PriceVersion(name=f"v{place}", effective_at=moment, price=rated(cost, {}))
        for place, (moment, cost) in enumerate(zip(moments, costs, strict=True))
    )
    return meaning(operation(name, costs[0], versions=versions, **facts))


def test_what_is_dearer_by_each_version_is_the_dearest_though_their_prices_overlap():
    dear, other = versioned("a", "2", "200"), versioned("b", "1", "100")

    assert dearest([other, dear]) is dear


def test_what_is_dearer_by_one_version_and_cheaper_by_another_is_not_sure():
    assert dearest([versioned("a", "2", "100"), versioned("b", "1", "200")]) is None


def test_with_other_rules_only_what_is_above_every_version_is_the_dearest():
    other = versioned("b", "1", "100", adjustments=(SURGE,))

    assert dearest([versioned("a", "2", "200"), other]) is None
    assert dearest([dear := versioned("a", "200", "300"), other]) is dear


def test_what_has_no_versions_is_compared_with_each_version():
    assert dearest([dear := meaning(operation("a", "100")), versioned("b", "1", "100")]) is dear
    assert dearest([meaning(operation("a", "100")), versioned("b", "1", "101")]) is None
    assert dearest([meaning(free("a")), dear := versioned("b", "1", "101")]) is dear
