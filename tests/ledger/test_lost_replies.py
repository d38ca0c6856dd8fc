"""Replies that never come: never two debits for one operation, and nothing kept of what was answered unknown."""

import asyncio
from pathlib import Path

import redis.asyncio

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.promise import Done, LedgerUnavailable, Word
from tests.conftest import STEP_SECONDS
from tests.ledger.books import charged, kinds, lot, opened, order, stands
from tests.ledger.proxy import losing, once_an_operation

CALLS = 1_000


async def test_a_thousand_lost_replies_are_a_thousand_debits(store_url: str, tmp_path: Path) -> None:
    async with open_line(store_url) as line:
        account = await opened(await RedisLedger.open(line), included=CALLS * 3)
        await charged(await RedisLedger.open(line), account, 0)
    async with losing(store_url, tmp_path, once_an_operation()) as proxy, open_line(proxy.url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        room = asyncio.Semaphore(20)

        async def charge() -> object:
            async with room:
                return await ledger.charge(order(ledger, account, 3))

        outcomes = await asyncio.gather(*(charge() for _ in range(CALLS)))

        assert all(isinstance(one, Done) for one in outcomes)
        assert (await stands(ledger)).remaining == 0
        assert (await kinds(ledger)).count("charge") == CALLS + 1
        assert proxy.lost >= CALLS / 20


async def test_a_reply_that_is_lost_for_good_is_an_unknown_fate_and_a_void_undoes_it(
    store_url: str, tmp_path: Path
) -> None:
    async with open_line(store_url) as line:
        direct = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        account = await opened(direct, included=100)
        await charged(direct, account, 0)
        async with (
            losing(store_url, tmp_path, lambda asked: b"chat" in asked) as proxy,
            open_line(proxy.url) as broken,
        ):
            ledger = await RedisLedger.open(broken, step_seconds=0.05)
            placed = [order(ledger, account, 10) for _ in range(5)]
            outcomes = await asyncio.gather(*(ledger.charge(one) for one in placed), return_exceptions=True)
        taken = (await stands(direct)).consumed
        undone = [await direct.void("acme", one.op) for one in placed]

        assert all(isinstance(one, LedgerUnavailable) and one.fate_unknown for one in outcomes)
        assert taken == 50
        assert [one.word for one in undone] == [Word.DONE] * 5
        assert (await stands(direct)).remaining == 100


async def test_a_grant_whose_reply_is_lost_is_given_once(store_url: str, tmp_path: Path) -> None:
    losses = iter([True, True])
    async with open_line(store_url) as line:
        await opened(await RedisLedger.open(line), included=0)
    async with (
        losing(store_url, tmp_path, lambda asked: b"gift" in asked and next(losses, False)) as proxy,
        open_line(proxy.url) as line,
    ):
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        word, _ = await ledger.grant("acme", lot("gift", 10))

        assert word in (Word.DONE, Word.REPEAT)
        assert (await stands(ledger)).remaining == 10


async def test_the_control_a_naive_debit_with_the_clients_own_retries_is_made_twice(
    store_url: str, tmp_path: Path
) -> None:
    losses = iter([True])
    async with losing(store_url, tmp_path, lambda asked: b"naive" in asked and next(losses, False)) as proxy:
        client = redis.asyncio.Redis(unix_socket_path=proxy.url.removeprefix("unix://"), protocol=2, driver_info=None)
        debit = "return tostring(redis.call('INCRBY', KEYS[1], ARGV[1])) -- naive"
        taken = await client.eval(debit, 1, "{meter:0}:account:naive", 10)
        await client.aclose()

        assert int(taken) == 20
