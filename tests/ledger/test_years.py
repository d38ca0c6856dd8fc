"""Ten simulated years in six zones, with random changes of plan: resets, conservation, and one go or many pieces."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meter.ledger.audit.finding import Invariant
from meter.ledger.audit.reading import NoFiles
from meter.ledger.audit.run import audit
from meter.ledger.changing import When
from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.promise import Statement, Status
from meter.pricing.terms import Period
from tests.conftest import STEP_SECONDS, Server
from tests.ledger.drill import DrilledLine
from tests.ledger.years import DAY, PLANS, YEARS_SECONDS, ZONES, Customer, reset_after, signed

START = 1_795_000_000


@asynccontextmanager
async def books(server: Server, now: int, *names: str) -> AsyncIterator[list[Customer]]:
    """Customers of one store, each with a clock of its own."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    async with AsyncExitStack() as stack:
        customers = []
        for name in names:
            line = DrilledLine(await stack.enter_async_context(open_line(server.url)), now)
            ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
            customers.append(Customer(name=name, ledger=ledger, line=line))
        yield customers


def adds_up(one: Statement) -> None:
    life = one.lifetime
    assert life["granted"] == one.remaining + life["held"] + life["spent"] + life["expired"] + life["revoked"]
    assert one.granted == one.consumed + one.reserved + one.remaining


def lots(one: Statement) -> list[tuple[str, int, int | None]]:
    """What an account has, whatever it is called."""
    return [(live.grant.kind, live.remaining, live.grant.expires_at) for live in one.grants]


def expected_period(before: Statement, now: int) -> Period:
    """The period that an account is in, from the one that it was in, by the other calendar."""
    start, end = before.account.period.start, before.account.period.end
    terms = before.account.terms
    while end is not None and end <= now:
        terms = terms.following or terms
        start, end = end, reset_after(terms, end)
    return Period(start=start, end=end)


async def bought(customer: Customer, chance: Random, number: int) -> None:
    """What happens to a customer, by chance."""
    match chance.randrange(6):
        case 0:
            await customer.changes(chance.choice(PLANS), When.NOW)
        case 1 | 2:
            await customer.changes(chance.choice(PLANS), When.PERIOD_END)
        case 3:
            await customer.buys(chance.randint(1, 40), number)
        case _:
            await customer.calls(chance.choice((1, 7, 60, 400)), number)


def next_moment(one: Statement, now: int, chance: Random) -> int:
    """The very second of a reset, the one before it, or any other."""
    end = one.account.period.end
    anywhere = now + chance.choice((1, 3600, DAY, 9 * DAY, 45 * DAY, 200 * DAY)) + chance.randrange(DAY)
    return anywhere if end is None else max(now, chance.choice((end, end, end - 1, anywhere)))


async def live_for_ten_years(server: Server, zone: str, seed: int) -> None:
    chance = Random(seed)
    began = START + chance.randrange(366 * DAY)
    async with books(server, began, "acme", "globex") as (whole, pieces):
        pieces.pieces = 4
        name = chance.choice(PLANS).name
        for one in (whole, pieces):
            await one.ledger.open_account(one.name, signed(name, zone, began), op=f"open:{one.name}")
        number = 0
        while whole.line.now < began + YEARS_SECONDS:
            number += 1
            before = await whole.stands()
            until, step, looks = next_moment(before, whole.line.now, chance), chance.random(), chance.random()
            await whole.waits(until, Random(looks))
            await pieces.waits(until, Random(looks))
            after, other = await whole.stands(), await pieces.stands()

            assert after.account.period == expected_period(before, until)
            assert other.account.period == after.account.period
            assert lots(other) == lots(after)
            adds_up(after)
            adds_up(other)
            for one in (whole, pieces):
                await bought(one, Random(step), number)
        report = await audit(whole.ledger, NoFiles())

        assert [one for one in report.findings if one.invariant is not Invariant.EXPLAINED] == []


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9))
def test_every_reset_falls_where_the_calendar_says_for_ten_years(store_server: Server, zone: str, seed: int) -> None:
    asyncio.run(live_for_ten_years(store_server, zone, seed))


async def charge_through_the_reset(workers: list[Customer], end: int, chance: Random) -> int:
    """Let many workers call, grant and look in the very second of a reset; what their calls took."""
    for one in workers:
        one.line.now = end

    async def worker(one: Customer, number: int) -> int:
        match number % 5:
            case 0:
                await one.stands()
            case 1:
                await one.ledger.set_status("acme", Status.ACTIVE, op=f"status:{number}")  # sweeps, and renews nothing
            case _:
                return 7 if await one.calls(7, number) else 0
        return 0

    numbers = list(range(60))
    chance.shuffle(numbers)
    took = await asyncio.gather(*(worker(workers[number % len(workers)], number) for number in numbers))
    return sum(took)


async def test_no_credit_is_lost_or_gained_in_the_second_of_a_reset(store_server: Server) -> None:
    async with books(store_server, START, *["acme"] * 6) as workers:
        first = workers[0]
        await first.ledger.open_account("acme", signed("month-rolls", "Europe/Berlin", START), op="open:acme")
        await first.buys(500, 1)
        assert await first.calls(100, 999)
        for month in range(3):
            before = await first.stands()
            end = before.account.period.end
            assert end is not None
            left = {live.grant.id: live.remaining for live in before.grants}
            rolls = min(300, left.get(f"period:{before.account.period.start}", 0) // 2)
            took = await charge_through_the_reset(workers, end, Random(month))
            after = await first.stands()
            adds_up(after)
            fresh = 997 + rolls
            kept = sum(live.remaining for live in before.grants if (live.grant.expires_at or end + 1) > end)

            assert took == after.consumed
            assert after.granted == fresh + kept
            assert after.remaining == fresh + kept - took
        kinds = [
            json.loads(text)["kind"] for _, text in await first.ledger.entries(first.ledger.shard_of("acme"), "", 1000)
        ]
        report = await audit(first.ledger, NoFiles())

        assert kinds.count("renew") == 3
        assert [one for one in report.findings if one.invariant is not Invariant.EXPLAINED] == []
