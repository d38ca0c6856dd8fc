"""Which node of a cluster has which slot, as the nodes themselves tell it.

The client of redis-py knows that too, but its ``NodesManager`` comes with pools of its own, which it leaves open,
forgets the nodes it was given, and holds the event loop for milliseconds. ``key_slot`` and the errors are its own.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence

from redis.crc import REDIS_CLUSTER_HASH_SLOTS
from redis.exceptions import RedisError

from meter.ledger.address import CONNECT_SECONDS, Address, Node
from meter.ledger.promise import LedgerUnavailable

Owners = list[Node | None]
"""The master of each slot; None for a slot that nobody serves."""

_Place = tuple[str | None, int, *tuple[object, ...]]
_Range = tuple[int, int, _Place, *tuple[_Place, ...]]
"""First slot, last slot, master, replicas: a range as CLUSTER SLOTS tells it. A node may not know its own name."""


async def ask_owners(store: Address, known: Iterable[Node] = ()) -> Owners:
    """Ask the nodes one after another, in any order, until one knows an owner of every slot.

    Raises:
        LedgerUnavailable: none answers, or those who do are no cluster.
    """
    nodes = {*known, *store.nodes}
    fullest: Owners = []
    trouble = ""
    for node in random.sample(sorted(nodes), len(nodes)):
        try:
            told = await _told(store, node)
        except (RedisError, OSError) as error:
            trouble = f"{node} said: {error}"
            continue
        fullest = min(told, fullest or told, key=lambda owners: owners.count(None))
        if None not in fullest:
            break
    if not fullest:
        raise LedgerUnavailable(f"No node tells where the cluster's keys are; {trouble}", fate_unknown=False)
    return fullest


async def _told(store: Address, node: Node) -> Owners:
    connection = store.connection(node)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("CLUSTER", "SLOTS")
            return _owners(await connection.read_response(), node)
    except TimeoutError:
        raise OSError(f"no answer within {CONNECT_SECONDS} s") from None
    finally:
        await connection.disconnect(nowait=True)


def _owners(ranges: Sequence[_Range], asked: Node) -> Owners:
    owners: Owners = [None] * REDIS_CLUSTER_HASH_SLOTS
    for first, last, (host, port, *_), *_ in ranges:
        owners[first : last + 1] = [Node(host or asked.host, port)] * (last + 1 - first)
    return owners
