"""Claims on idempotency keys: one call runs, its answer is kept, and a dead worker's claim is never charged twice."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest

from meter.ledger import names
from meter.ledger.claims import KEPT_SECONDS, KEYS_MAX, Claim, Full, Kept
from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.promise import Done, LedgerUnavailable, Order, Refused, Status, Word
from tests.ledger.books import Drill, drilled, opened, stands
from tests.ledger.machine import store_client

KEY_HASH = "ab" * 32
RUNNING, CONFLICT, GONE = (Refused(word=word) for word in (Word.RUNNING, Word.CONFLICT, Word.GONE))
TEXT = "\x00every byte, as a letter of its own: " + bytes(range(256)).decode("latin-1") + "\r\n "


@pytest.fixture
async def drill(any_store_url: str) -> AsyncIterator[Drill]:
    async with drilled(any_store_url) as moved:
        yield moved


def claim_of(ledger: RedisLedger, key: str = "k-1", account: str = "acme") -> Claim:
    return Claim.of(account, key, operation_id(ledger.now()))


async def claimed(ledger: RedisLedger, key: str = "k-1", account: str = "acme") -> Claim:
    claim = claim_of(ledger, key, account)
    assert await ledger.claim(claim, fingerprint="f1") == claim
    return claim


async def asked(ledger: RedisLedger, key: str = "k-1", *, fingerprint: str = "f1", **more: object) -> object:
    """What another call with the key is told."""
    return await ledger.claim(claim_of(ledger, key), fingerprint=fingerprint, **more)  # type: ignore[arg-type]


async def charged(ledger: RedisLedger, claim: Claim, amount: int = 10) -> Order:
    """Charge the call of a claim."""
    account = await ledger.find_account(claim.account)
    assert account is not None
    placed = Order(op=claim.op, account=account, amount=amount, operation="chat", quote="{}")  # type: ignore[arg-type]
    assert isinstance(await ledger.charge(placed), Done)
    return placed


async def test_of_a_hundred_calls_with_one_key_one_runs(ledger: RedisLedger) -> None:
    claims = [claim_of(ledger) for _ in range(100)]
    outcomes = await asyncio.gather(*(ledger.claim(claim, fingerprint="f1") for claim in claims))

    assert sum(isinstance(one, Claim) for one in outcomes) == 1
    assert outcomes.count(RUNNING) == 99


async def test_a_claim_that_is_asked_for_again_by_its_own_call_is_still_its_own(ledger: RedisLedger) -> None:
    claim = await claimed(ledger)

    assert await ledger.claim(claim, fingerprint="f1") == claim


async def test_an_answer_is_given_again_letter_by_letter(ledger: RedisLedger) -> None:
    claim = await claimed(ledger)
    word = await ledger.finish(claim, TEXT)

    assert word is Word.DONE
    assert await asked(ledger) == Kept(answer=TEXT)
    assert await ledger.finish(claim, "another") is Word.REPEAT
    assert await asked(ledger) == Kept(answer=TEXT)


async def test_a_claim_that_has_ended_is_not_renewed_and_lives_a_day(ledger: RedisLedger, any_store_url: str) -> None:
    claim = await claimed(ledger)
    await ledger.finish(claim, TEXT)
    with store_client(any_store_url) as client:
        seconds = client.ttl(names.idem_key(ledger.shard_of("acme"), claim.digest))

    assert await ledger.renew_claim(claim) is Word.GONE
    assert KEPT_SECONDS - 60 < seconds <= KEPT_SECONDS


async def test_the_end_of_a_call_without_an_answer_to_give_again_is_remembered(ledger: RedisLedger) -> None:
    await ledger.finish(await claimed(ledger), "")

    assert await asked(ledger) == GONE


@pytest.mark.parametrize("ended", [False, True], ids=["while it runs", "when it has ended"])
async def test_another_request_with_the_same_key_is_told_so(ledger: RedisLedger, ended: bool) -> None:
    claim = await claimed(ledger)
    if ended:
        await ledger.finish(claim, TEXT)

    assert await asked(ledger, fingerprint="f2") == CONFLICT


async def test_a_dropped_claim_may_be_tried_again(ledger: RedisLedger) -> None:
    word = await ledger.drop_claim(await claimed(ledger))

    assert word is Word.DONE
    await claimed(ledger)


async def test_a_claim_that_has_its_answer_is_not_dropped(ledger: RedisLedger) -> None:
    claim = await claimed(ledger)
    await ledger.finish(claim, TEXT)

    assert await ledger.drop_claim(claim) is Word.GONE
    assert await asked(ledger) == Kept(answer=TEXT)


async def test_keys_are_an_accounts_own(ledger: RedisLedger) -> None:
    await claimed(ledger, account="acme")
    await claimed(ledger, account="acme/web")
    await claimed(ledger, account="bolt")


async def test_a_key_is_kept_by_its_hash_alone(ledger: RedisLedger, any_store_url: str) -> None:
    await ledger.finish(await claimed(ledger, "a-secret"), "")
    with store_client(any_store_url) as client:
        found = [key.decode() for key in client.scan_iter("*")]

    assert len([key for key in found if ":idem:" in key]) == 1
    assert "a-secret" not in str(found)


async def test_a_suspended_account_claims_nothing_and_gets_no_answer(ledger: RedisLedger) -> None:
    await opened(ledger)
    await ledger.finish(await claimed(ledger), TEXT)
    await ledger.set_status("acme", Status.SUSPENDED, op="stop")

    assert await asked(ledger) == Refused(word=Word.SUSPENDED)


async def test_a_revoked_key_gets_no_answer(ledger: RedisLedger) -> None:
    await opened(ledger)
    await ledger.create_key("acme", key_hash=KEY_HASH, hint="mk_", expires_at=None, op="key:1")
    await ledger.finish(await claimed(ledger), TEXT)
    before = await asked(ledger, key_hash=KEY_HASH)
    await ledger.revoke_key(ledger.shard_of("acme"), KEY_HASH, op="key:2")

    assert before == Kept(answer=TEXT)
    assert await asked(ledger, key_hash=KEY_HASH) == Refused(word=Word.UNKNOWN)


async def test_an_account_has_so_many_keys_and_is_told_when_one_is_free(drill: Drill) -> None:
    for key in ("a", "b"):
        await claimed(drill.ledger, key)
        await drill.wait(100)
    full = await asked(drill.ledger, "c", keys_max=2)
    known = await asked(drill.ledger, "a", keys_max=2)

    assert full == Full(keys_max=2, seconds=KEPT_SECONDS - 200)
    assert known != full


async def test_a_dropped_key_does_not_count(ledger: RedisLedger) -> None:
    await ledger.drop_claim(await claimed(ledger, "a"))

    assert isinstance(await asked(ledger, "b", keys_max=1), Claim)


async def test_a_key_that_is_forgotten_does_not_count(drill: Drill, any_store_url: str) -> None:
    await drill.ledger.finish(await claimed(drill.ledger, "a"), TEXT)
    await drill.wait(KEPT_SECONDS)

    assert isinstance(await asked(drill.ledger, "b", keys_max=1), Claim)
    assert kept_bytes(drill.ledger, any_store_url) == 0
    with store_client(any_store_url) as client:
        assert client.zcard(names.idems_key(drill.ledger.shard_of("acme"), "acme")) == 1


async def test_the_ten_thousand_and_first_key_is_refused(ledger: RedisLedger, any_store_url: str) -> None:
    """All but one of the keys are put on the account's list by hand."""
    shard, forgotten = ledger.shard_of("acme"), ledger.now() + 1_000
    with store_client(any_store_url) as client:
        client.zadd(names.idems_key(shard, "acme"), {f"{number:064x}": forgotten for number in range(KEYS_MAX - 1)})
        client.expire(names.idems_key(shard, "acme"), 1_000)
    last = await asked(ledger, "the 10 000th")
    full = await asked(ledger, "the 10 001st")

    assert isinstance(last, Claim)
    assert isinstance(full, Full)
    assert 990 < full.seconds <= 1_000


async def test_the_oldest_answers_go_where_they_take_too_much_and_no_key_is_forgotten(ledger: RedisLedger) -> None:
    for key in "abcd":
        await ledger.finish(await claimed(ledger, key), key * 10, bytes_max=25)

    assert [await asked(ledger, key) for key in "abcd"] == [GONE, GONE, Kept(answer="c" * 10), Kept(answer="d" * 10)]


async def test_an_answer_beyond_the_limit_is_not_kept_and_displaces_none(ledger: RedisLedger) -> None:
    await ledger.finish(await claimed(ledger, "a"), "a" * 10, bytes_max=25)
    await ledger.finish(await claimed(ledger, "b"), "b" * 26, bytes_max=25)

    assert [await asked(ledger, key) for key in "ab"] == [Kept(answer="a" * 10), GONE]


async def test_what_kept_answers_take_is_counted_to_the_byte(ledger: RedisLedger, any_store_url: str) -> None:
    sizes = count(1)
    for key in "abcdef":
        await ledger.finish(await claimed(ledger, key), key * next(sizes), bytes_max=12)

    assert kept_bytes(ledger, any_store_url) == 5 + 6


async def test_a_claim_that_is_renewed_lives_on(drill: Drill) -> None:
    claim = await claimed(drill.ledger)
    words = []
    for _ in range(5):
        await drill.wait(59)
        words.append(await drill.ledger.renew_claim(claim))

    assert words == [Word.DONE] * 5
    assert await asked(drill.ledger) == RUNNING


async def test_a_claim_is_its_calls_until_it_lapses(drill: Drill) -> None:
    await claimed(drill.ledger)
    await drill.wait(59)

    assert await asked(drill.ledger) == RUNNING


async def test_the_claim_of_a_dead_worker_that_had_not_charged_is_taken_over(drill: Drill) -> None:
    await opened(drill.ledger)
    dead = await claimed(drill.ledger)
    await drill.wait(60)
    taken = await asked(drill.ledger)

    assert isinstance(taken, Claim)
    assert taken.op != dead.op
    assert await asked(drill.ledger) == RUNNING


async def test_a_worker_that_only_seemed_dead_can_not_charge_what_was_taken_over(drill: Drill) -> None:
    account = await opened(drill.ledger)
    stalled = await claimed(drill.ledger)
    await drill.wait(60)
    taken = await asked(drill.ledger)
    late = Order(op=stalled.op, account=account, amount=10, operation="chat", quote="{}")  # type: ignore[arg-type]
    refused = await drill.ledger.charge(late)
    await charged(drill.ledger, taken)  # type: ignore[arg-type]

    assert refused == Refused(word=Word.VOIDED)
    assert (await stands(drill.ledger)).consumed == 10


async def test_a_worker_that_only_seemed_dead_can_not_end_what_was_taken_over(drill: Drill) -> None:
    stalled = await claimed(drill.ledger)
    await drill.wait(60)
    await asked(drill.ledger)
    words = [
        await drill.ledger.renew_claim(stalled),
        await drill.ledger.drop_claim(stalled),
        await drill.ledger.finish(stalled, TEXT),
    ]

    assert words == [Word.GONE] * 3
    assert await asked(drill.ledger) == RUNNING


async def test_the_claim_of_a_dead_worker_that_had_charged_is_not_taken_over(drill: Drill) -> None:
    await opened(drill.ledger)
    await charged(drill.ledger, await claimed(drill.ledger))
    await drill.wait(60)

    assert [await asked(drill.ledger) for _ in range(2)] == [GONE, GONE]
    assert (await stands(drill.ledger)).consumed == 10


async def test_a_worker_that_only_seemed_dead_after_it_charged_still_gives_its_answer(drill: Drill) -> None:
    await opened(drill.ledger)
    stalled = await claimed(drill.ledger)
    await charged(drill.ledger, stalled)
    await drill.wait(60)
    told = [await asked(drill.ledger)]
    await drill.ledger.renew_claim(stalled)
    told.append(await asked(drill.ledger))
    await drill.ledger.finish(stalled, TEXT)

    assert told == [GONE, RUNNING]
    assert await asked(drill.ledger) == Kept(answer=TEXT)


async def test_the_claim_of_a_call_that_was_undone_before_it_was_served_is_taken_over(drill: Drill) -> None:
    await opened(drill.ledger)
    dead = await claimed(drill.ledger)
    await charged(drill.ledger, dead)
    await drill.ledger.void("acme", dead.op)
    await drill.wait(60)

    assert isinstance(await asked(drill.ledger), Claim)


async def test_the_claim_of_a_call_that_was_refunded_has_been_served(drill: Drill) -> None:
    await opened(drill.ledger)
    dead = await claimed(drill.ledger)
    await charged(drill.ledger, dead)
    await drill.ledger.refund("acme", dead.op, reason="ended 5xx")
    await drill.wait(60)

    assert await asked(drill.ledger) == GONE


async def test_a_claim_whose_operation_may_be_forgotten_is_not_taken_over(drill: Drill) -> None:
    await opened(drill.ledger)
    await claimed(drill.ledger)
    await drill.wait(601)

    assert await asked(drill.ledger) == GONE


async def test_a_take_over_that_comes_late_takes_nothing_from_another_call(drill: Drill) -> None:
    """The claim has changed hands since, and its new holder seems to be dead as well."""
    first = await claimed(drill.ledger)
    await drill.wait(60)
    await asked(drill.ledger)
    await drill.wait(60)
    late = await drill.ledger._take(claim_of(drill.ledger), "f1", dead=first.op)

    assert late.word is Word.STALE


async def test_another_request_does_not_take_over(drill: Drill) -> None:
    await claimed(drill.ledger)
    await drill.wait(60)

    assert await asked(drill.ledger, fingerprint="f2") == CONFLICT


async def test_of_a_hundred_calls_that_find_a_dead_worker_one_takes_over(drill: Drill) -> None:
    await claimed(drill.ledger)
    await drill.wait(60)
    outcomes = await asyncio.gather(*(asked(drill.ledger) for _ in range(100)))

    assert sum(isinstance(one, Claim) for one in outcomes) == 1
    assert outcomes.count(RUNNING) == 99


@pytest.mark.parametrize("text", ["", "no hex", "f1 0"], ids=repr)
async def test_what_would_break_a_claim_is_refused_by_the_script_itself(ledger: RedisLedger, text: str) -> None:
    with pytest.raises(LedgerUnavailable, match="the digest or the fingerprint is malformed"):
        await asked(ledger, fingerprint=text)


def kept_bytes(ledger: RedisLedger, url: str) -> int:
    """What the store says that the account's answers take."""
    with store_client(url) as client:
        return int(client.hget(names.answers_key(ledger.shard_of("acme"), "acme"), "bytes"))
