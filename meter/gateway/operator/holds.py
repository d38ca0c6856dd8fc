"""Holds: what is set aside just now, for which calls, and until when."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec

from meter.gateway.asgi import ASGIApp
from meter.gateway.desk.asked import Asked
from meter.gateway.desk.endpoint import Endpoint
from meter.gateway.desk.shapes import many
from meter.gateway.operator.asked import AccountId
from meter.gateway.operator.books import Books
from meter.gateway.operator.shapes import HOLD, data
from meter.gateway.operator.view import hold_object
from meter.gateway.operator.work import Work
from meter.ledger.audit.holds import HELD
from meter.ledger.audit.stored import HoldStored
from meter.ledger.holding import OpenHold

HOLDS_MAX = 1_000
OF_A_SHARD_MAX = 10_000
"""How many of a shard's holds are looked through for those of one account."""
AT_ONCE = 256


class HoldsAsked(msgspec.Struct, forbid_unknown_fields=True):
    """Whose holds."""

    account: AccountId | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=HOLDS_MAX)] = 100


class Holds:
    """The endpoint of holds."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def endpoints(self) -> Sequence[Endpoint[Books]]:
        """What may be asked about holds."""
        return (
            Endpoint(
                method="GET",
                path="/holds",
                name="holds",
                summary="The open holds of an account, or of all, those that expire first first.",
                answer=self._list,
                answers={200: ("The holds.", data(many(HOLD)))},
                query=HoldsAsked,
            ),
        )

    async def _list(self, asked: Asked, books: Books) -> ASGIApp:
        wanted = asked.query(HoldsAsked)
        found = await open_holds(books, wanted.account, count=wanted.count)
        return self._work.shown([hold_object(hold, books.now()) for hold in found])


async def open_holds(books: Books, account: str | None, *, count: int) -> Sequence[HoldStored]:
    """The open holds of an account, or of all, those that expire first first."""
    shards = await books.shards_in_use() if account is None else (books.shard_of(account),)
    most = count if account is None else OF_A_SHARD_MAX
    of_shards = await asyncio.gather(*(books.holds(shard, overdue=False, count=most) for shard in shards))
    listed = [hold for of_shard in of_shards for hold in of_shard if account in (None, hold.account)]
    first = sorted(listed, key=lambda hold: (hold.until, hold.account, hold.op))[:count]
    stored = {(hold.account, hold.op): hold for hold in await _stored(books, first)}
    found = (stored.get((hold.account, hold.op)) for hold in first)
    return [hold for hold in found if hold is not None and hold.state == HELD]


async def _stored(books: Books, listed: Sequence[OpenHold]) -> Sequence[HoldStored]:
    members: dict[int, list[str]] = {}
    for hold in listed:
        members.setdefault(books.shard_of(hold.account), []).append(f"{hold.account}|{hold.op}")
    asked = (
        books.holds_stored(shard, of_shard[first : first + AT_ONCE])
        for shard, of_shard in members.items()
        for first in range(0, len(of_shard), AT_ONCE)
    )
    return [hold for answer in await asyncio.gather(*asked) for hold in answer.holds]
