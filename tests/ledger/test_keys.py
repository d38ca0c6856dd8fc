"""API keys: their text, their records, and that the charge itself asks for them."""

import re

import pytest

from meter.credits import Credits
from meter.ledger.api_keys import ApiKey, new_key
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.limits import Limits
from meter.ledger.names import BadName
from meter.ledger.promise import Capped, Done, Refused, Word
from tests.ledger.books import START, drilled, entries, opened, order

HASH = "ab" * 32
RELEASED = HoldTerms(on_expiry=OnExpiry.RELEASE)


async def created(ledger: RedisLedger, account: str = "acme") -> Word:
    return await ledger.create_key(account, key_hash=HASH, hint="mk_03eAbCd", expires_at=None, op="key:1")


def test_a_new_key_is_well_formed_and_leads_to_its_shard() -> None:
    key = ApiKey.parse(new_key(255))

    assert key is not None
    assert key.shard == 255
    assert re.fullmatch(r"[0-9a-f]{64}", key.hash)


def test_two_new_keys_differ() -> None:
    assert new_key(1) != new_key(1)


def test_a_key_holds_256_random_bits() -> None:
    random = {new_key(1)[6:49] for _ in range(200)}

    assert {len(one) for one in random} == {43}
    assert len(set("".join(random))) == 62
    assert 62**43 >= 2**256


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"), id="checksum"),
        pytest.param(lambda key: key[:20] + ("a" if key[20] != "a" else "b") + key[21:], id="a character"),
        pytest.param(lambda key: key[:-1], id="too short"),
        pytest.param(lambda key: key + "a", id="too long"),
        pytest.param(lambda key: key + "\n", id="a line feed"),
        pytest.param(lambda key: "sk_" + key[3:], id="prefix"),
        pytest.param(lambda _: "", id="nothing"),
        pytest.param(lambda key: key[:10] + "é" + key[11:], id="not ASCII"),
    ],
)
def test_a_malformed_key_is_none(change) -> None:
    assert ApiKey.parse(change(new_key(7))) is None


def test_a_hint_is_too_short_to_use() -> None:
    key = ApiKey.parse(new_key(7))

    assert key is not None
    assert len(key.hint) == 10


async def test_a_key_pays_for_its_account(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await created(ledger)

    assert isinstance(await ledger.charge(order(ledger, account, key_hash=HASH)), Done)


async def test_a_revoked_key_is_unknown_in_the_step_that_would_have_charged_it(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await created(ledger)
    word = await ledger.revoke_key(ledger.shard_of("acme"), HASH, op="key:2")

    assert word is Word.DONE
    assert await ledger.charge(order(ledger, account, key_hash=HASH)) == Refused(word=Word.UNKNOWN)


async def test_a_key_of_another_account_is_unknown(ledger: RedisLedger) -> None:
    await opened(ledger, "acme/one")
    other = await opened(ledger, "acme/two")
    await created(ledger, "acme/one")

    assert await ledger.charge(order(ledger, other, key_hash=HASH)) == Refused(word=Word.UNKNOWN)


async def test_a_key_that_was_never_made_is_unknown(ledger: RedisLedger) -> None:
    account = await opened(ledger)

    assert await ledger.charge(order(ledger, account, key_hash="cd" * 32)) == Refused(word=Word.UNKNOWN)


async def test_a_key_is_created_and_revoked_once(ledger: RedisLedger) -> None:
    await opened(ledger)
    shard = ledger.shard_of("acme")
    words = [await created(ledger), await created(ledger)]
    words += [await ledger.revoke_key(shard, HASH, op="key:2") for _ in range(2)]
    words += [await created(ledger), await ledger.revoke_key(shard, "cd" * 32, op="key:3")]

    assert words == [Word.DONE, Word.REPEAT, Word.DONE, Word.REPEAT, Word.REPEAT, Word.UNKNOWN]


async def test_the_keys_of_an_account_are_listed_with_what_became_of_them(ledger: RedisLedger) -> None:
    await opened(ledger)
    await created(ledger)
    await ledger.revoke_key(ledger.shard_of("acme"), HASH, op="key:2")
    (key,) = await ledger.keys_of("acme")

    assert (key.account, key.hint, key.revoked, key.expires_at) == ("acme", "mk_03eAbCd", True, None)
    assert key == await ledger.find_key(ledger.shard_of("acme"), HASH)


async def test_no_entry_holds_a_keys_hash(ledger: RedisLedger) -> None:
    await opened(ledger)
    await created(ledger)
    await ledger.revoke_key(ledger.shard_of("acme"), HASH, op="key:2")

    assert [entry["kind"] for entry in await entries(ledger)] == ["open", "key", "key_revoked"]
    assert HASH not in str(await entries(ledger))


NEW = "cd" * 32
LATER = "ef" * 32


async def rotated(
    ledger: RedisLedger, old: str = HASH, new: str = NEW, *, overlap: int = 60, op: str = "key:2"
) -> Word:
    return await ledger.rotate_key("acme", old, new_hash=new, hint="mk_03eEfGh", overlap_seconds=overlap, op=op)


@pytest.mark.parametrize(
    ("operations", "allowed"),
    [
        pytest.param(("chat",), True, id="its name"),
        pytest.param(("image.*", "ch*"), True, id="a beginning"),
        pytest.param(("image.*", "chats", "cha"), False, id="other names"),
    ],
)
@pytest.mark.parametrize("step", ["charge", "hold"])
async def test_a_key_is_for_its_operations_alone(
    ledger: RedisLedger, operations: tuple[str, ...], allowed: bool, step: str
) -> None:
    account = await opened(ledger)
    await ledger.create_key("acme", key_hash=HASH, hint="mk_", expires_at=None, op="key:1", operations=operations)
    placed = order(ledger, account, key_hash=HASH)
    outcome = await (ledger.charge(placed) if step == "charge" else ledger.hold(placed, RELEASED))
    record = await ledger.find_key(ledger.shard_of("acme"), HASH)

    assert outcome == Refused(word=Word.BARRED) if not allowed else isinstance(outcome, Done)
    assert record is not None
    assert record.operations == operations


async def test_an_operation_that_is_none_is_refused(ledger: RedisLedger) -> None:
    await opened(ledger)

    with pytest.raises(BadName):
        await ledger.create_key("acme", key_hash=HASH, hint="mk_", expires_at=None, op="key:1", operations=("a b",))


async def test_a_rotated_key_works_on_beside_the_new_one_until_the_overlap_ends(any_store_url: str) -> None:
    async with drilled(any_store_url) as drill:
        account = await opened(drill.ledger)
        await created(drill.ledger)
        words = [await rotated(drill.ledger), await rotated(drill.ledger)]
        await drill.wait(59)
        during = [await drill.ledger.charge(order(drill.ledger, account, key_hash=key)) for key in (HASH, NEW)]
        await drill.wait(1)
        after = [await drill.ledger.charge(order(drill.ledger, account, key_hash=key)) for key in (HASH, NEW)]
        said = [one for one in await entries(drill.ledger) if one["kind"] == "key"]

    assert words == [Word.DONE, Word.REPEAT]
    assert [isinstance(one, Done) for one in during] == [True, True]
    assert after[0] == Refused(word=Word.UNKNOWN)
    assert isinstance(after[1], Done)
    assert [one.get("rotates") for one in said] == [None, "mk_03eAbCd"]


async def test_a_rotated_key_is_for_the_same_and_ends_when_the_first_would_have(any_store_url: str) -> None:
    async with drilled(any_store_url) as drill:
        await opened(drill.ledger)
        shard, ends = drill.ledger.shard_of("acme"), START + 600
        await drill.ledger.create_key(
            "acme", key_hash=HASH, hint="mk_", expires_at=ends, op="key:1", operations=("chat",)
        )
        await rotated(drill.ledger, overlap=3600)
        records = [await drill.ledger.find_key(shard, key) for key in (HASH, NEW)]

    assert [(one.expires_at, one.operations) for one in records if one] == [(ends, ("chat",))] * 2


async def test_a_key_and_those_that_it_was_rotated_to_share_one_limit(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await created(ledger)
    await ledger.set_limits("acme", Limits(budget=Credits(25)), op="limit:1", key_hash=HASH)
    words = [await rotated(ledger), await rotated(ledger, NEW, LATER, op="key:3")]
    outcomes = [await ledger.charge(order(ledger, account, 10, key_hash=key)) for key in (HASH, NEW, LATER)]
    await ledger.set_limits("acme", Limits(budget=Credits(35)), op="limit:2", key_hash=LATER)
    after = await ledger.charge(order(ledger, account, 10, key_hash=NEW))

    assert words == [Word.DONE, Word.DONE]
    assert [type(one) for one in outcomes] == [Done, Done, Capped]
    assert isinstance(after, Done)


async def test_a_key_that_is_not_there_or_not_any_more_is_not_rotated(ledger: RedisLedger) -> None:
    await opened(ledger)
    nobody = await rotated(ledger)
    await created(ledger)
    await ledger.revoke_key(ledger.shard_of("acme"), HASH, op="revoke:1")

    assert (nobody, await rotated(ledger)) == (Word.UNKNOWN, Word.UNKNOWN)
    assert await ledger.set_limits("acme", Limits(), op="limit:1", key_hash=NEW) is Word.UNKNOWN
