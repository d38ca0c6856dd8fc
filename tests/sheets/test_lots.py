"""Lots from exported ledger files: what each was given for, by the entry that gave it."""

from fractions import Fraction

import pytest

from meter.economics.margins.worth import Lot, LotKind
from meter.sheets.lots import lots
from meter.sheets.rows import SheetError
from tests.sheets.test_calls import TERMS, entry, exported

INCLUDED = Lot(kind=LotKind.INCLUDED, plan="pro", included=TERMS["included"])


def granted(name, kind, cost="0"):
    return entry("grant", name, grant=name, amount="5", cost=cost, facts={"kind": kind, "note": "x"})


def test_each_entry_that_gives_credits_is_a_lot(tmp_path):
    exported(
        tmp_path,
        entry("open", "o", grant="period:1", amount="5", end=2, terms=TERMS),
        entry("renew", "r", spent="3", grant="period:2", amount="5", end=3),
        granted("top-up", "purchased", "2000"),
        granted("spring", "promo"),
        entry("charge", "a", amount="1", taken="top-up=1"),
    )

    found = lots([tmp_path / "archive"])

    assert found["acme", "period:1"] == found["acme", "period:2"] == INCLUDED
    assert found["acme", "top-up"].basis == Fraction(2, 1000)
    assert found["acme", "spring"].kind is LotKind.PROMO
    assert len(found) == 4


def test_a_lot_has_the_terms_of_the_day_that_it_came(tmp_path):
    free = {**TERMS, "plan": "free", "included": 1_000_000}
    exported(
        tmp_path,
        entry("open", "o", grant="period:1", amount="5", end=2, terms=free),
        entry("terms", "t", terms=TERMS),
        entry("renew", "r", spent="3", grant="period:2", amount="5", end=3),
    )

    found = lots([tmp_path / "archive"])

    assert found["acme", "period:1"].plan == "free"
    assert found["acme", "period:2"] == INCLUDED


def test_files_of_one_ledger_are_read_in_its_order_however_they_are_named(tmp_path):
    late = exported(tmp_path, entry("renew", "r", spent="3", grant="period:2", amount="5", end=3), first=10)
    early = exported(tmp_path, entry("open", "o", grant="period:1", amount="5", end=2, terms=TERMS), first=2)

    assert lots([late, early])["acme", "period:2"] == INCLUDED


def test_one_file_of_a_folder_tells_its_own_lots_and_a_table_none(tmp_path):
    exported(tmp_path, granted("early", "promo"))
    late = exported(tmp_path, granted("late", "promo"), first=9)

    assert [name for _, name in lots([late, tmp_path / "calls.csv"])] == ["late"]


@pytest.mark.parametrize("broken", [{"cost": "x"}, {"facts": {"kind": "gift"}}, {"terms": {"plan": 3}}])
def test_an_entry_that_is_none_is_refused_with_file_and_line(tmp_path, broken):
    file = exported(tmp_path, granted("a", "promo"), entry("grant", "b", grant="b", **broken))

    with pytest.raises(SheetError, match=rf"{file}:2: .* is no entry"):
        lots([file])
