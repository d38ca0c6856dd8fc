"""What a store says of itself: all that the guard judges by."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ResponseError

from meter.ledger.address import Address, Node

ANSWER_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a store says of itself."""

    info: Mapping[str, object]
    config: Mapping[str, str] | None
    """None where the store forbids CONFIG."""
    skew_ms: int
    """Its clock minus ours."""
    replicas: int = 0
    """How many replicas the URL says must have a change before it is acknowledged."""
    in_cluster: bool = False
    """Whether the URL names a cluster."""


async def ask_facts(store: Address, node: Node | None = None) -> Facts:
    """Ask a server, or a node of a cluster."""
    there = {} if node is None else node._asdict()
    options = {**store.options, **there, "socket_timeout": ANSWER_SECONDS_MAX}
    client = Redis(connection_pool=ConnectionPool(store.kind, **options))
    try:
        info: Mapping[str, object] = await client.info()
        skew_ms, config = await _skew_ms(client), await _config(client)
    finally:
        await client.aclose()
        await client.connection_pool.aclose()
    return Facts(info=info, config=config, skew_ms=skew_ms, replicas=store.replicas, in_cluster=node is not None)


async def _skew_ms(client: Redis) -> int:
    before = time.time_ns()
    seconds, micro = await client.time()
    middle = (before + time.time_ns()) // 2
    return int(seconds * 1000 + micro // 1000 - middle // 1_000_000)


async def _config(client: Redis) -> Mapping[str, str] | None:
    try:
        config = await client.config_get("*")
    except ResponseError:
        return None
    return {name: value for name, value in config.items() if name and value}
