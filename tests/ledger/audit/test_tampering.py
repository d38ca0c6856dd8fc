"""Every rule of the audit can fail: somebody tampers with the books, and exactly that is found and named."""

from collections.abc import Callable

import pytest

from meter.credits import Credits
from meter.ledger import names
from meter.ledger.limits import Limits
from tests.ledger.audit.house import ACME, House

Tamper = Callable[[House], object]


def add(field: str, amount: int) -> Tamper:
    return lambda house: house.client.hincrby(house.account_key, field, amount)


def put(field: str, text: str) -> Tamper:
    return lambda house: house.client.hset(house.account_key, field, text)


def in_lots(old: str, new: str) -> Tamper:
    def tamper(house: House) -> None:
        lots = house.client.hget(house.account_key, "lots").decode()
        assert old in lots
        house.client.hset(house.account_key, "lots", lots.replace(old, new))

    return tamper


def dropped(kind: str, name: str = "") -> Tamper:
    return lambda house: house.client.xdel(house.stream, house.entry(kind, name)[0])


def changed(kind: str, name: str = "", **members: object) -> Tamper:
    """Change members of one entry, and nothing else."""

    def tamper(house: House) -> None:
        _, wanted = house.entry(kind, name)
        house.rewrite(lambda entry: entry | members if entry == wanted else entry)

    return tamper


def again(kind: str, name: str = "", **members: object) -> Tamper:
    return lambda house: house.again(kind, name, **members)


async def test_what_was_spent_of_a_limit_is_what_the_entries_come_to(house: House) -> None:
    account = await house.opened()
    await house.ledger.set_limits(ACME, Limits(budget=Credits(500)), op="limit:1")
    await house.charge(account, 20)
    await house.hold(account, 30, "open")
    clean = await house.found()
    key = names.limits_key(house.shard, ACME)
    house.client.hset(key, ACME, house.client.hget(key, ACME).decode().replace(" 50 -", " 49 -", 1))
    [finding] = await house.found()

    assert clean == []
    assert (finding.invariant, finding.account, finding.expected, finding.found) == ("I5", ACME, 50, 49)
    assert "its limit (budget)" in finding.says


async def test_a_history_that_nobody_tampered_with_is_clean(house: House) -> None:
    await house.history()
    report = await house.report()

    assert report.findings == []
    assert (report.accounts, report.entries, report.operations, report.holds) == (1, 11, 6, 1)
    assert report.from_checkpoint == 0


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        pytest.param(add("granted", 5), [("I1", None), ("I5", "charge")], id="a counter that grew"),
        pytest.param(add("spent", 5), [("I1", None), ("I5", "charge")], id="use of earlier periods"),
        pytest.param(add("held", 5), [("I1", None), ("I1", None), ("I5", "charge")], id="what is held"),
        pytest.param(add("revoked", -5), [("I1", None), ("I2", None), ("I5", "charge")], id="a counter below nothing"),
        pytest.param(
            add("period_granted", 5), [("I1", None), ("I5", None), ("I5", "charge")], id="what the period granted"
        ),
        pytest.param(add("overage", 5), [("I5", "charge")], id="overage that nobody drew"),
        pytest.param(add("left", -5), [("I1", None), ("I1", None), ("I5", "charge")], id="what the first grant holds"),
        pytest.param(
            in_lots("gift|100|", "gift|90|"),
            [("I1", None), ("I1", None), ("I5", None), ("I5", "charge")],
            id="what another grant holds",
        ),
        pytest.param(put("first", "gift"), [("I5", None)], id="the grant that plain charges take from"),
        pytest.param(put("beyond", "5"), [("I5", None)], id="what plain charges may draw beyond"),
        pytest.param(put("plain_until", "9007199254740991"), [("I5", None)], id="until when charges are plain"),
        pytest.param(put("receipt", " 5 0"), [("I5", None)], id="what plain charges tell"),
        pytest.param(put("revision", "2"), [("I5", "charge")], id="a revision without an entry"),
        pytest.param(put("status", "suspended"), [("I5", None), ("I5", "charge")], id="a status without an entry"),
        pytest.param(put("terms", "{}"), [("I5", "charge")], id="terms without an entry"),
        pytest.param(put("overage_limit", "5"), [("I5", None), ("I5", "charge")], id="an overage that no terms allow"),
        pytest.param(put("granted", "many"), [("I5", None)], id="a counter that is no number"),
        pytest.param(put("lots", "gift"), [("I5", None)], id="a burn list that can't be read"),
        pytest.param(
            lambda house: house.client.hincrby(house.used_key, "chat", 5),
            [("I1", None), ("I1", None), ("I5", "charge")],
            id="use without a charge",
        ),
        pytest.param(
            lambda house: house.client.delete(house.account_key), [("I5", None)], id="an account without its books"
        ),
        pytest.param(
            lambda house: house.client.delete(names.accounts_key(house.shard)),
            [("I5", None)],
            id="an account that is on no list",
        ),
    ],
)
async def test_an_account_that_was_changed_without_an_entry_is_found(house: House, tamper: Tamper, found: list) -> None:
    await house.history()
    tamper(house)

    assert sorted(await house.said(), key=str) == sorted(found, key=str)


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        pytest.param(dropped("charge", "first"), [("I5", "grant")], id="a charge that is gone"),
        pytest.param(dropped("open"), [("I5", "charge")], id="a beginning that is gone"),
        pytest.param(dropped("charge", "last"), [("I5", "hold"), ("I5", "hold")], id="the last charge is gone"),
        pytest.param(dropped("release"), [("I5", "charge"), ("I4", "hold")], id="a release that is gone"),
        pytest.param(lambda house: house.client.delete(house.stream), [("I5", None)], id="all entries are gone"),
        pytest.param(lambda house: house.forge({"hello": 1}), [("I5", None)], id="an entry that is none"),
        pytest.param(
            lambda house: house.forge({"kind": "gift", "account": ACME, "delta": "1", "after": "1"}),
            [("I5", None)],
            id="an entry of no kind",
        ),
        pytest.param(
            lambda house: house.forge({"kind": "status", "account": "nobody", "delta": "0", "after": "0"}),
            [("I5", None), ("I5", None)],
            id="an entry of nobody",
        ),
        pytest.param(
            again("grant", "", grant="other", op="other"),
            [("I5", "grant"), ("I5", "grant"), ("I5", "grant")],
            id="a grant that only an entry has",
        ),
        pytest.param(again("charge", "last", after="9"), [("I3", "charge"), ("I5", "charge")], id="a wrong balance"),
    ],
)
async def test_entries_that_are_not_what_was_done_are_found(house: House, tamper: Tamper, found: list) -> None:
    await house.history()
    tamper(house)

    assert sorted(await house.said(), key=str) == sorted(found, key=str)
