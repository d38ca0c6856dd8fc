"""What a broken step would do is done by the real scripts, on records that somebody set back: exactly that is found."""

import json

import pytest

from meter.credits import Credits
from meter.ledger.audit.entry import parts
from tests.ledger.audit.house import ACME, RELEASED, House, record, written
from tests.ledger.audit.test_tampering import Tamper, changed
from tests.ledger.books import lot


def set_back(house: House, name: str, text: bytes) -> None:
    """Give an operation the record that it had before."""
    house.client.set(house.op_key(name), text)


async def test_an_operation_that_was_charged_twice_is_found(house: House) -> None:
    account = await house.history()
    placed = await house.charge(account, 10, "twice")
    house.client.delete(house.op_key("twice"))
    await house.ledger.charge(placed)

    assert await house.said() == [("I3", "charge")]
    assert placed.op in (await house.found())[0].says


async def test_a_grant_that_was_given_twice_is_found(house: House) -> None:
    await house.history()
    house.client.hdel(house.account_key, "grant:gift")
    await house.ledger.grant(ACME, lot("gift", 100))

    assert await house.said() == [("I3", "grant")]


async def test_a_grant_that_was_revoked_twice_is_found(house: House) -> None:
    await house.history()
    await house.ledger.revoke(ACME, "gift", op="revoke:1")
    house.client.hdel(house.account_key, "revoked:gift")
    await house.ledger.revoke(ACME, "gift", op="revoke:2")

    assert await house.said() == [("I3", "revoke")]


async def test_an_account_that_was_opened_twice_is_found(house: House) -> None:
    await house.history()
    house.again("open", amount="0", delta="0", after=house.entries()[-1][1]["after"])

    assert ("I3", "open") in await house.said()


async def test_a_period_that_began_twice_is_found(house: House) -> None:
    await house.history()
    opened = house.entry("open")[1]
    again = {"kind": "renew", "op": "renew:2", "amount": "0", "delta": "0", "spent": "67"}
    house.forge(opened | again | {"after": house.entries()[-1][1]["after"]})

    assert ("I3", "renew") in await house.said()


async def test_a_refund_that_came_twice_is_found(house: House) -> None:
    account = await house.opened()
    await house.charge(account, 50, "call")
    before = house.client.get(house.op_key("call"))
    await house.ledger.refund(ACME, house.ops["call"], reason="503")
    set_back(house, "call", before)
    await house.ledger.refund(ACME, house.ops["call"], reason="503")

    assert await house.said() == [("I3", "refund")]


async def test_a_partial_refund_that_came_twice_by_one_id_is_found(house: House) -> None:
    account = await house.opened()
    await house.charge(account, 50, "call")
    entry, _ = house.entry("charge")
    house.ops["ticket"] = "ticket-17"
    for _ in range(2):
        await house.ledger.refund_entry(entry, account=ACME, op="ticket-17", reason="x", amount=Credits(5))
        house.client.delete(house.op_key("ticket"))

    assert await house.said() == [("I3", "refund")]


async def test_two_partial_refunds_by_two_ids_are_fine(house: House) -> None:
    account = await house.opened()
    await house.charge(account, 50, "call")
    entry, _ = house.entry("charge")
    for op in ("ticket-17", "ticket-18"):
        await house.ledger.refund_entry(entry, account=ACME, op=op, reason="x", amount=Credits(5))

    assert await house.said() == []


async def test_a_refund_of_more_than_was_charged_is_found(house: House) -> None:
    account = await house.opened()
    await house.charge(account, 50, "call")
    text = house.client.get(house.op_key("call")).replace(b" 50 ", b" 500 ").replace(b"=50", b"=500")
    set_back(house, "call", text)
    await house.ledger.refund(ACME, house.ops["call"], reason="503")

    (found,) = await house.found()
    assert (found.invariant, found.expected, found.found) == ("I6", 50, 500)


async def test_a_refund_by_the_entry_of_another_call_is_found(house: House) -> None:
    account = await house.opened()
    await house.charge(account, 50, "call")
    await house.charge(account, 50, "other")
    entry, other = house.entry("charge", "call")[0], house.entry("charge", "other")[0]
    await house.ledger.refund_entry(entry, account=ACME, op="ticket-17", reason="x")
    changed("refund", entry=other)(house)
    (found,) = await house.found()

    assert (found.invariant, found.entry) == ("I6", house.entry("refund")[0])
    assert f"by entry {other}; entry {entry} charged it" in found.says


async def test_what_comes_back_to_a_grant_that_was_revoked_is_found(house: House) -> None:
    account = await house.opened(included=10)
    await house.ledger.grant(ACME, lot("gift", 100, priority=1))
    await house.charge(account, 50, "call")
    await house.ledger.revoke(ACME, "gift", op="revoke:1")
    house.client.hdel(house.account_key, "revoked:gift")
    await house.ledger.refund(ACME, house.ops["call"], reason="503")

    assert await house.said() == [("I6", "refund")]


async def test_what_comes_back_of_a_grant_that_was_revoked_goes_to_its_adjustment(house: House) -> None:
    account = await house.opened(included=10)
    await house.ledger.grant(ACME, lot("gift", 100, priority=1))
    await house.charge(account, 50, "call")
    await house.ledger.revoke(ACME, "gift", op="revoke:1")
    await house.ledger.refund(ACME, house.ops["call"], reason="503")

    assert await house.said() == []


async def test_what_comes_back_of_an_adjustment_that_was_revoked_goes_to_the_adjustment_of_the_hour(
    house: House,
) -> None:
    account = await house.opened(included=10)
    await house.ledger.grant(ACME, lot("gift", 100, priority=1))
    await house.charge(account, 50, "call")
    await house.ledger.revoke(ACME, "gift", op="revoke:1")
    await house.ledger.refund(ACME, house.ops["call"], reason="503")
    await house.charge(account, 20, "again")
    (adjustment, _), *_ = parts(house.entry("charge", "again")[1]["taken"])
    await house.ledger.revoke(ACME, adjustment, op="revoke:2")
    await house.ledger.refund(ACME, house.ops["again"], reason="503")

    assert adjustment.startswith("adjustment:")
    assert await house.said() == []


async def test_a_hold_that_was_made_twice_is_found(house: House) -> None:
    account = await house.opened()
    placed = await house.hold(account, 30, "call")
    house.client.delete(house.op_key("call"))
    await house.ledger.hold(placed, terms=RELEASED)

    assert await house.said() == [("I3", "hold")]


async def test_a_hold_that_was_settled_twice_is_found(house: House) -> None:
    account = await house.opened()
    await house.hold(account, 100, "other")
    await house.hold(account, 30, "call")
    before = house.client.get(house.op_key("call"))
    await house.settle("call", 20)
    set_back(house, "call", before)
    await house.settle("call", 20)

    assert await house.said() == [("I4", "settle")]


async def test_a_hold_that_grew_after_its_end_is_found(house: House) -> None:
    account = await house.opened()
    await house.hold(account, 30, "call")
    before = house.client.get(house.op_key("call"))
    await house.settle("call", 20)
    set_back(house, "call", before)
    await house.ledger.extend(ACME, house.ops["call"], amount=Credits(40), at_least=Credits(0), seconds=60)

    assert await house.said() == [("I4", "extend"), ("I4", "settle")]


async def test_a_settle_that_came_late_after_a_settle_is_found(house: House) -> None:
    account = await house.opened()
    await house.hold(account, 30, "call")
    await house.settle("call", 20)
    set_back(house, "call", house.client.get(house.op_key("call")).replace(b"settled", b"expired"))
    await house.settle("call", 20)

    assert await house.said() == [("I3", "late")]


async def test_what_comes_back_to_an_adjustment_while_its_grant_lives_is_found(house: House) -> None:
    account = await house.opened()
    await house.charge(account, 50, "call")
    grant = house.entry("open")[1]["grant"]
    house.client.hset(house.account_key, f"revoked:{grant}", "1")
    await house.ledger.refund(ACME, house.ops["call"], reason="503")
    (found,) = await house.found()

    assert (found.invariant, found.entry) == ("I6", house.entry("refund")[0])
    assert f"it is {grant} 0.00005" in found.says


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        pytest.param(
            changed("refund", to="gift=50"),
            [("I5", "charge"), ("I5", "charge"), ("I6", "refund")],
            id="a refund to another grant",
        ),
        pytest.param(changed("refund", of="ffffffff-1"), [("I6", "refund")], id="a refund of nothing"),
        pytest.param(changed("settle", taken="gift=60"), [("I6", "settle")], id="another grant paid"),
        pytest.param(
            changed("settle", to="gift=40"),
            [("I5", "charge"), ("I5", "charge"), ("I6", "settle")],
            id="a hold back to another grant",
        ),
        pytest.param(
            changed("release", held="19"), [("I1", "release"), ("I4", "release"), ("I5", "charge")], id="less held"
        ),
        pytest.param(changed("settle", op="ffffffff-1"), [("I4", "settle"), ("I4", "hold")], id="a settle of nothing"),
        pytest.param(
            changed("charge", "first", amount="11"),
            [("I1", "charge"), ("I5", "charge"), ("I7", "charge")],
            id="a price that is not what was taken",
        ),
        pytest.param(
            changed("grant", amount="90"), [("I1", "grant"), ("I5", "charge"), *[("I5", "charge")] * 2], id="a gift"
        ),
        pytest.param(changed("charge", "first", quote=json.loads(record(11))), [("I7", "charge")], id="another price"),
        pytest.param(
            changed("charge", "first", quote=json.loads(record(10)) | {"credits": "11"}),
            [("I7", "charge")],
            id="a record that does not come to its price",
        ),
        pytest.param(
            changed("charge", "first", quote={"why": 1}), [("I7", "charge")], id="a record that explains nothing"
        ),
        pytest.param(changed("charge", "first", quote=None), [("I7", "charge")], id="no record"),
        pytest.param(
            changed("hold", "open", quote=json.loads(record(29))), [("I7", "hold")], id="held above the ceiling"
        ),
        pytest.param(changed("settle", asked="70"), [("I7", "settle")], id="another price asked"),
    ],
)
async def test_an_entry_that_can_not_be_is_found(house: House, tamper: Tamper, found: list) -> None:
    await house.history()
    tamper(house)

    assert sorted(await house.said(), key=str) == sorted(found, key=str)


async def test_overage_above_the_terms_is_found(house: House) -> None:
    account = await house.opened(included=100, overage=50)
    await house.charge(account, 140)
    terms = house.entry("open")[1]["terms"] | {"overage_limit": 30}
    changed("open", terms=terms)(house)
    house.client.hset(house.account_key, mapping={"terms": written(terms), "overage_limit": "30", "beyond": "0"})

    assert await house.said() == [("I2", "charge")]


async def test_a_grant_below_nothing_is_found(house: House) -> None:
    account = await house.opened(included=100)
    await house.ledger.grant(ACME, lot("gift", 100))
    await house.charge(account, 140, "call")
    grant = house.entry("open")[1]["grant"]
    changed("charge", "call", taken=f"{grant}=140")(house)
    found = await house.found()

    assert [one.invariant for one in found] == ["I2", "I5", "I5"]
    assert f"takes 0.00014 from grant {grant}, which held 0.0001." in found[0].says
