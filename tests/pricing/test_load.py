"""Load adjustments go on above one load, off below another, and dwell."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.pricing.conditions import CALM, LoadReading
from meter.pricing.load import OFF, LoadState, fixed, reading, step
from tests.pricing.make import ALL_THREE, BUSY, SURGE

ON = LoadState(on=True, since=1000)
DWELT = 1000 + SURGE.dwell_seconds


@pytest.mark.parametrize(
    ("state", "sample", "now", "on"),
    [
        pytest.param(OFF, "0.9", 5000, False, id="at the first threshold: off"),
        pytest.param(OFF, "0.91", 5000, True, id="above it: on"),
        pytest.param(ON, "0.85", DWELT, True, id="between both: stays on"),
        pytest.param(ON, "0.8", DWELT, True, id="at the second: stays on"),
        pytest.param(ON, "0.79", DWELT, False, id="below it: off"),
        pytest.param(ON, "0.1", DWELT - 1, True, id="within its dwell: stays on"),
        pytest.param(LoadState(on=False, since=1000), "2", DWELT - 1, False, id="within its dwell: stays off"),
        pytest.param(LoadState(on=False, since=1000), "0.85", DWELT, False, id="between both: stays off"),
        pytest.param(ON, "0.1", 900, False, id="a clock that was set back ends the dwell"),
    ],
)
def test_a_load_adjustment_switches(state, sample, now, on):
    assert step(SURGE, state, Fraction(sample), now).on == on


def test_a_state_begins_when_it_changes_and_keeps_its_beginning():
    began = step(SURGE, OFF, Fraction(1), 5000)

    assert step(SURGE, began, Fraction(1), 6000) == began == LoadState(on=True, since=5000)


@given(st.lists(st.tuples(st.integers(0, 20), st.fractions(0, 2)), max_size=40))
def test_no_state_ends_before_its_dwell(samples):
    state, now, changes = OFF, 10_000, []

    for wait, sample in samples:
        now += wait
        after = step(SURGE, state, sample, now)
        if after != state:
            changes.append(now)
        state = after

    assert all(later - earlier >= SURGE.dwell_seconds for earlier, later in pairwise(changes))


@pytest.mark.parametrize(
    ("now", "means"),
    [
        pytest.param(100, BUSY, id="new"),
        pytest.param(105, BUSY, id="five seconds old"),
        pytest.param(106, CALM, id="older"),
        pytest.param(94, CALM, id="from a clock far ahead"),
    ],
)
def test_a_reading_older_than_five_seconds_is_calm(now, means):
    assert reading(BUSY, at=100, now=now) is means


@pytest.mark.parametrize(("sample", "on"), [("0.9", frozenset()), ("0.95", frozenset({"surge"}))])
def test_a_fixed_load_is_a_drill_that_switches_on_what_it_is_above(sample, on):
    found = fixed(ALL_THREE, Fraction(sample))

    assert found == LoadReading(on=on, sample=Fraction(sample), drill=True)
