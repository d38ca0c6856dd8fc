"""Open holds: what somebody does to their records and to their list is found, and named."""

from collections.abc import Callable

import pytest

from meter.ledger.audit.holds import LATE_SECONDS
from meter.ledger.holding import HoldTerms, OnExpiry
from tests.ledger.audit.house import ACME, House

GHOST = f"{ACME}|ffffffff-1"


def stored(house: House, name: str = "open") -> str:
    return house.client.get(house.op_key(name)).decode()


def in_record(old: str, new: str) -> Callable[[House], object]:
    def tamper(house: House) -> None:
        assert old in stored(house)
        house.client.set(house.op_key("open"), stored(house).replace(old, new))

    return tamper


def ghost(house: House) -> None:
    """A record and a member of a hold that nobody made."""
    house.ops["ghost"] = "ffffffff-1"
    house.client.set(house.op_key("ghost"), stored(house))
    house.client.zadd(house.holds_key, {GHOST: 2_000_000_000})


@pytest.mark.parametrize(
    ("tamper", "found", "says"),
    [
        pytest.param(
            lambda house: house.client.zrem(house.holds_key, house.member("open")),
            [("I4", "hold")],
            "is not on the list of open holds: nobody will close it in time",
            id="it is on no list",
        ),
        pytest.param(
            lambda house: house.client.zadd(house.holds_key, {house.member("open"): 2_000_000_000}),
            [("I4", "hold")],
            "has 2000000000 on the list of open holds",
            id="its expiry on the list is another",
        ),
        pytest.param(
            lambda house: house.client.delete(house.op_key("open")),
            [("I4", "hold")],
            "is open by its entries, and has no record",
            id="it has no record",
        ),
        pytest.param(in_record("held ", "settled "), [("I4", "hold")], "says `settled`", id="its record says settled"),
        pytest.param(in_record("held ", "? "), [("I4", "hold")], "that no script writes", id="its record is no record"),
        pytest.param(in_record(f" {ACME} ", " globex "), [("I4", "hold")], "globex", id="its record is another's"),
        pytest.param(in_record(" 30 chat", " 29 chat"), [("I5", "hold")], "is 0.000029 (", id="its record holds less"),
        pytest.param(in_record("=30 ", "=29 "), [("I5", "hold")], "0.000029) by its record", id="another grant's part"),
        pytest.param(
            lambda house: house.client.zadd(house.holds_key, {house.member("settled"): 2_000_000_000}),
            [("I4", "settle")],
            "is on the list of open holds, and is not open",
            id="a hold that was settled is on the list",
        ),
        pytest.param(
            lambda house: house.client.zadd(house.holds_key, {GHOST: 2_000_000_000}),
            [("I4", None)],
            "ffffffff-1 is on the list of open holds, and is not open",
            id="a hold that nobody made is on the list",
        ),
        pytest.param(
            ghost, [("I4", None)], "has a record by which it is open, and no entry", id="a hold without entries"
        ),
    ],
)
async def test_a_hold_that_is_not_as_its_entries_say_is_found(
    house: House, tamper: Callable[[House], object], found: list, says: str
) -> None:
    await house.history()
    tamper(house)

    assert await house.said() == found
    assert says in (await house.found())[0].says
    for key in (house.op_key("open"), house.op_key("ghost") if "ghost" in house.ops else "none"):
        house.client.delete(key)


async def test_a_hold_that_nobody_closed_in_time_is_found(house: House) -> None:
    account = await house.opened()
    await house.hold(account, 30, "open", HoldTerms(on_expiry=OnExpiry.RELEASE, seconds=0))
    until = int(house.client.zscore(house.holds_key, house.member("open")))
    long_ago = until - LATE_SECONDS - 1
    in_record(f" {until} release", f" {long_ago} release")(house)
    house.client.zadd(house.holds_key, {house.member("open"): long_ago})
    (found,) = await house.found()

    assert found.invariant == "I4"
    assert "ago and is still open" in found.says


async def test_a_hold_that_has_just_expired_is_no_finding(house: House) -> None:
    account = await house.opened()
    await house.hold(account, 30, "open", HoldTerms(on_expiry=OnExpiry.RELEASE, seconds=0))

    assert await house.said() == []
