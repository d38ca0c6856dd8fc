"""API keys: their text, their records, and that the charge itself asks for them."""

import re

import pytest

from meter.ledger.api_keys import ApiKey, new_key
from meter.ledger.engine import RedisLedger
from meter.ledger.promise import Done, Refused, Word
from tests.ledger.books import entries, opened, order

HASH = "ab" * 32


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
