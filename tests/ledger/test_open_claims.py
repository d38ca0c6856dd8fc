"""What a worker does with its claims: it renews them, and what it could not drop it drops later."""

import asyncio
from contextlib import suppress

import pytest

from meter.ledger.claims import Claim, Kept
from meter.ledger.engine import RedisLedger
from meter.ledger.open_claims import OpenClaims
from meter.ledger.promise import LedgerUnavailable, Refused, Word
from tests.ledger.books import Drill, drilled
from tests.support.asgi import until

RUNNING = Refused(word=Word.RUNNING)


@pytest.fixture
async def drill(any_store_url: str):
    async with drilled(any_store_url) as moved:
        yield moved


async def opened(claims: OpenClaims, key: str = "k") -> object:
    return await claims.open("acme", key, fingerprint="f1", key_hash=None)


async def claimed(claims: OpenClaims, key: str = "k") -> Claim:
    claim = await opened(claims, key)
    assert isinstance(claim, Claim)
    return claim


async def away(*_: object, **__: object) -> None:
    raise LedgerUnavailable("The store is away.", fate_unknown=True)


async def test_a_claim_lives_as_long_as_its_call(drill: Drill) -> None:
    claims, others = OpenClaims(drill.ledger), OpenClaims(drill.ledger)
    claim = await claimed(claims)
    told = []
    for _ in range(4):
        await drill.wait(40)
        await claims.renew()
        told.append(await opened(others))
    await claims.finish(claim, "answer")

    assert told == [RUNNING] * 4
    assert await opened(others) == Kept(answer="answer")


async def test_a_claim_that_has_ended_is_not_renewed(drill: Drill) -> None:
    claims = OpenClaims(drill.ledger)
    ended, dropped = await claimed(claims, "a"), await claimed(claims, "b")
    await claims.finish(ended, "")
    await claims.drop(dropped)
    taken = await claimed(OpenClaims(drill.ledger), "b")
    await claims.renew()
    await drill.wait(60)

    assert isinstance(await opened(claims, "b"), Claim)
    assert taken.op != dropped.op


async def test_a_claim_that_can_not_be_renewed_once_lives_on(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = OpenClaims(drill.ledger)
    await claimed(claims)
    await drill.wait(40)
    with monkeypatch.context() as patched:
        patched.setattr(RedisLedger, "renew_claim", away)
        await claims.renew()
    await drill.wait(19)
    await claims.renew()
    await drill.wait(40)

    assert await opened(OpenClaims(drill.ledger)) == RUNNING


async def test_what_can_not_be_dropped_is_dropped_when_the_store_is_back(
    ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = OpenClaims(ledger)
    claim = await claimed(claims)
    with monkeypatch.context() as patched:
        patched.setattr(RedisLedger, "drop_claim", away)
        await claims.drop(claim)
        await claims.drop_again()
        still = await opened(claims)
    await claims.drop_again()

    assert still == RUNNING
    assert isinstance(await opened(claims), Claim)


async def test_a_claim_of_unknown_fate_is_dropped(ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = RedisLedger.claim

    async def lost(self: RedisLedger, *args: object, **options: object) -> None:
        await claim(self, *args, **options)  # type: ignore[arg-type]
        await away()

    claims = OpenClaims(ledger)
    with monkeypatch.context() as patched:
        patched.setattr(RedisLedger, "claim", lost)
        with pytest.raises(LedgerUnavailable):
            await opened(claims)
    before = await opened(claims)
    await claims.drop_again()

    assert before == RUNNING
    assert isinstance(await opened(claims), Claim)


async def test_the_claim_of_a_call_that_is_cancelled_while_it_claims_is_dropped(
    ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, done = RedisLedger.claim, asyncio.Event()

    async def slow(self: RedisLedger, *args: object, **options: object) -> None:
        await claim(self, *args, **options)  # type: ignore[arg-type]
        done.set()
        await asyncio.Event().wait()

    claims = OpenClaims(ledger)
    with monkeypatch.context() as patched:
        patched.setattr(RedisLedger, "claim", slow)
        opening = asyncio.create_task(opened(claims))
        await done.wait()
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await opening
    await claims.drop_again()

    assert isinstance(await opened(claims), Claim)


async def test_a_late_drop_takes_nothing_from_another_call(
    ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = OpenClaims(ledger)
    claim = await claimed(claims)
    with monkeypatch.context() as patched:
        patched.setattr(RedisLedger, "drop_claim", away)
        await claims.drop(claim)
    await ledger.drop_claim(claim)
    await claimed(claims)
    await claims.drop_again()

    assert await opened(claims) == RUNNING


async def test_a_worker_drops_by_itself(ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = OpenClaims(ledger)
    claim = await claimed(claims)
    with monkeypatch.context() as patched:
        patched.setattr(RedisLedger, "drop_claim", away)
        await claims.drop(claim)
    owner = asyncio.create_task(claims.run())

    async def is_free() -> bool:
        return isinstance(await opened(claims), Claim)

    await until(is_free)
    owner.cancel()
    await asyncio.wait([owner])


async def test_an_answer_that_can_not_be_kept_hinders_nobody(
    ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = OpenClaims(ledger)
    claim = await claimed(claims)
    monkeypatch.setattr(RedisLedger, "finish", away)
    await claims.finish(claim, "answer")

    assert await opened(claims) == RUNNING
