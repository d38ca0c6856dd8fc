"""``meter holds``: what is set aside just now, for which calls, and until when."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from meter.cli.options import Data, Json, Redis
from meter.cli.printing import counted, show, show_json, show_table
from meter.cli.store import ask
from meter.credits import Credits, text
from meter.gateway.operator.view import hold_object
from meter.ledger import ids
from meter.ledger.audit.holds import HELD
from meter.ledger.audit.stored import HoldStored
from meter.ledger.names import check_account_id

if TYPE_CHECKING:
    from meter.ledger.engine import RedisLedger

COUNT_MAX = 10_000
AT_ONCE = 256

Account = Annotated[
    str | None,
    typer.Argument(
        metavar="[ACCOUNT]",
        help="Whose holds. Without: everybody's.",
        callback=lambda written: None if written is None else check_account_id(written) or written,
    ),
]
Count = Annotated[int, typer.Option("--count", min=1, max=COUNT_MAX, help="How many to list at most.")]


def holds(
    account: Account = None, *, count: Count = 100, redis: Redis = None, data: Data = None, json: Json = False
) -> None:
    """List the open holds, those that expire first first."""
    now, found = ask(lambda ledger: _open(ledger, account), redis=redis, data=data)
    if json:
        show_json({"holds": [hold_object(hold, now) for hold in found[:count]], "open": len(found)})
        return
    columns = ("account", "operation", "credits", "age", "expires", "op")
    show_table("Open holds", columns, [_row(hold, now) for hold in found[:count]])
    more = "" if len(found) <= count else f"; the first {count} are listed, more with --count"
    held = Credits(sum(hold.amount for hold in found))
    show(f"{counted(len(found), 'hold')}, {text(held)} credits{more}.")


async def _open(ledger: "RedisLedger", account: str | None) -> tuple[int, Sequence[HoldStored]]:
    shards = await ledger.shards_in_use() if account is None else [ledger.shard_of(account)]
    of_shards = await asyncio.gather(*(_of_shard(ledger, shard, account) for shard in shards))
    found = [hold for of_shard in of_shards for hold in of_shard]
    return ledger.now(), sorted(found, key=lambda hold: (hold.until, hold.account, hold.op))


async def _of_shard(ledger: "RedisLedger", shard: int, account: str | None) -> Sequence[HoldStored]:
    listed = await ledger.holds(shard, overdue=False, count=COUNT_MAX)
    members = [f"{hold.account}|{hold.op}" for hold in listed if account in (None, hold.account)]
    found: list[HoldStored] = []
    for first in range(0, len(members), AT_ONCE):
        found += (await ledger.holds_stored(shard, members[first : first + AT_ONCE])).holds
    return [hold for hold in found if hold.state == HELD]


def _row(hold: HoldStored, now: int) -> tuple[object, ...]:
    left = hold.until - now
    expires = f"in {left} s" if left >= 0 else f"{-left} s ago"
    return hold.account, hold.operation, text(Credits(hold.amount)), f"{now - ids.birth(hold.op)} s", expires, hold.op
