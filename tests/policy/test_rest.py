"""A policy refused merely for a price is kept for whoever explains it, and is served by nobody."""

import asyncio
import pickle

import pytest

from meter.policy.compile import Source, compile_policy
from meter.policy.load import changes, load
from meter.policy.mistakes import PolicyError

PRICE = """\
version: 1
rounding: {mode: floor, step: 1}
operations: {a: {credits: 1}}
routes: [{match: GET /a, operation: %s}]
adjustments: [{name: night, time: {from: "02:00", to: "07:00", zone: UTC}, multiply: 0.7}]
"""
GOOD = PRICE.replace("floor", "half_up")


def refused(text):
    with pytest.raises(PolicyError) as raised:
        compile_policy([Source(file="a.yaml", text=text)])
    return raised.value


def test_a_price_that_may_not_be_charged_leaves_the_rest():
    error = refused(PRICE % "a")

    assert [mistake.problem for mistake in error.mistakes] == ["1 × 0.7 floors to 0 credits"]
    assert error.rest is not None
    assert list(error.rest.operations) == ["a"]
    assert error.rest.version


def test_any_other_mistake_leaves_nothing():
    error = refused(PRICE % "b")

    assert len(error.mistakes) == 2
    assert error.rest is None


def test_a_file_that_cannot_be_read_leaves_nothing():
    unread = refused("version: [").mistakes
    with pytest.raises(PolicyError) as raised:
        compile_policy([Source(file="a.yaml", text=PRICE % "a")], unread=unread)

    assert raised.value.rest is None


def test_the_rest_does_not_travel():
    assert pickle.loads(pickle.dumps(refused(PRICE % "a"))).rest is None


def test_no_price_that_may_not_be_charged_is_loaded(tmp_path):
    (tmp_path / "a.yaml").write_text(PRICE % "a")

    with pytest.raises(PolicyError):
        load(tmp_path)


async def test_a_reload_yields_the_error_and_not_its_rest(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD % "a")
    stop = asyncio.Event()
    states = changes(tmp_path, stop, known=load(tmp_path))
    (tmp_path / "a.yaml").write_text(PRICE % "a")
    state = await asyncio.wait_for(anext(states), 5)
    stop.set()
    await states.aclose()

    assert isinstance(state, PolicyError)
