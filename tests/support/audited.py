"""An account with a few calls behind it, priced by a ready policy: what is shown of the audit to people."""

import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import redis

from meter.credits import parse
from meter.ledger import names
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.ids import operation_id
from meter.ledger.line import open_line
from meter.ledger.promise import Account, Grant, GrantKind, Order
from meter.policy.load import load
from meter.policy.model import PeriodUnit
from meter.pricing.quote import CALM, Conditions, LoadReading, price
from meter.pricing.terms import Terms
from tests.conftest import STEP_SECONDS

POLICY = load(Path(__file__).resolve().parent.parent.parent / "policies" / "image-api.yaml")
TERMS = Terms(plan="pro", included=parse("1000"), period=PeriodUnit.NONE, commitment=parse("1000000"))
NIGHT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BUSY = LoadReading(on=frozenset({"surge"}), sample=Fraction("0.95"), since=1_795_000_000)
SHARD = names.shard_of("acme")


async def lived(url: str) -> None:
    """Give ``acme`` a charge at a busy night, a refund, a grant, and a hold that is still open."""
    async with open_line(url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        _, acme = await ledger.open_account("acme", TERMS, op="open:acme")
        await ledger.charge(_order(ledger, acme, "image.analyse", NIGHT, BUSY))
        failed = _order(ledger, acme, "image.cutout", NOON)
        await ledger.charge(failed)
        await ledger.refund("acme", failed.op, reason="502")
        await ledger.grant("acme", Grant(id="order-7", kind=GrantKind.PURCHASED, amount=parse("500")))
        terms = HoldTerms(on_expiry=OnExpiry.RELEASE)
        await ledger.hold(_order(ledger, acme, "image.cutout", NOON), terms)


def tampered(url: str) -> None:
    """Let 63 credits of use vanish, as somebody with a Redis client could."""
    with redis.Redis.from_url(url) as client:
        client.hincrby(names.used_key(SHARD, "acme"), "image.analyse", -63_000_000)


def timeless(text: str) -> str:
    """The text without the ids that the clock gave."""
    text = re.sub(r"\d{13}-\d+", "ENTRY", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{20}", "OP", text)


def _order(
    ledger: RedisLedger, account: Account, operation: str, moment: datetime, reading: LoadReading = CALM
) -> Order:
    conditions = Conditions(moment=moment, load=reading, commitment=TERMS.commitment)
    quote = price(POLICY.operations[operation], conditions, POLICY.version)
    op = operation_id(ledger.now())
    return Order(op=op, account=account, amount=quote.credits, operation=operation, quote=quote.record)
