"""What the ledger's tests say often: an account, an order, a grant."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.ids import operation_id
from meter.ledger.line import open_line
from meter.ledger.promise import Account, Done, Grant, GrantKind, Order, Statement
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from tests.conftest import STEP_SECONDS
from tests.ledger.drill import DrilledLine

START = 1_795_000_000
"""Where the drilled clock begins: some days before the end of a month."""

DAY = 24 * 3600


def terms(included: int = 100, *, period: PeriodUnit = PeriodUnit.MONTH, overage: int = 0) -> Terms:
    return Terms(plan="pro", included=Credits(included), period=period, overage_limit=Credits(overage))


async def opened(ledger: RedisLedger, name: str = "acme", *, included: int = 100, overage: int = 0) -> Account:
    _, account = await ledger.open_account(name, terms(included, overage=overage), op=f"open:{name}")
    return account


def order(ledger: RedisLedger, account: Account, amount: int = 10, operation: str = "chat", **more: object) -> Order:
    op = operation_id(ledger.now())
    return Order(op=op, account=account, amount=Credits(amount), operation=operation, quote='{"why":1}', **more)  # type: ignore[arg-type]


async def charged(ledger: RedisLedger, account: Account, amount: int = 10, operation: str = "chat") -> Order:
    placed = order(ledger, account, amount, operation)
    done = await ledger.charge(placed)
    assert isinstance(done, Done)
    return placed


async def held(
    ledger: RedisLedger, account: Account, amount: int = 10, operation: str = "chat", terms: HoldTerms | None = None
) -> Order:
    placed = order(ledger, account, amount, operation)
    done = await ledger.hold(placed, terms or HoldTerms(on_expiry=OnExpiry.RELEASE))
    assert isinstance(done, Done)
    return placed


def lot(name: str, amount: int = 10, **facts: object) -> Grant:
    return Grant(id=name, kind=GrantKind.PROMO, amount=Credits(amount), **facts)  # type: ignore[arg-type]


async def stands(ledger: RedisLedger, name: str = "acme") -> Statement:
    statement = await ledger.statement(name)
    assert statement is not None
    return statement


async def left(ledger: RedisLedger, name: str = "acme") -> dict[str, int]:
    """What each grant still holds, in burn order."""
    return {one.grant.id: one.remaining for one in (await stands(ledger, name)).grants}


async def entries(ledger: RedisLedger, name: str = "acme") -> list[dict]:
    return [json.loads(text) for _, text in await ledger.entries(ledger.shard_of(name), count=10_000)]


async def kinds(ledger: RedisLedger, name: str = "acme") -> Sequence[str]:
    return [entry["kind"] for entry in await entries(ledger, name)]


@dataclass(frozen=True)
class Drill:
    """A ledger whose clock the test moves."""

    ledger: RedisLedger
    line: DrilledLine

    async def wait(self, seconds: int) -> None:
        self.line.now += seconds
        await self.ledger.find_account("anybody")


@asynccontextmanager
async def drilled(url: str) -> AsyncIterator[Drill]:
    async with open_line(url) as line:
        moved = DrilledLine(line, START)
        yield Drill(ledger=await RedisLedger.open(moved, step_seconds=STEP_SECONDS), line=moved)
