"""Where the store is: its URL becomes connections, configured against every retry but our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from meter.ledger.promise import LedgerUnavailable

CONNECT_SECONDS = 1.0

_OURS: Mapping[str, Any] = {
    "decode_responses": True,
    "encoding_errors": "replace",
    "driver_info": None,
    "health_check_interval": 0,
    "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    "protocol": 2,
    "retry": Retry(NoBackoff(), 0),
    "socket_connect_timeout": CONNECT_SECONDS,
    "socket_timeout": None,
}


class Node(NamedTuple):
    """A server of a cluster."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A store as its URL names it."""

    kind: type[AbstractConnection]
    options: Mapping[str, Any]
    """Of each connection."""
    nodes: tuple[Node, ...]
    """The nodes of a cluster by which the others are found; none where the store is a single server."""
    replicas: int
    """How many replicas must have a change before it is acknowledged."""

    def connection(self, node: Node | None = None) -> AbstractConnection:
        """Make a connection: to a node of the cluster, or to the server."""
        there = {} if node is None else {"host": node.host, "port": node.port}
        return self.kind(**{**self.options, **there})


def read(url: str) -> Address:
    """Read the URL of a store: ``unix://``, ``redis://`` or ``rediss://``.

    ``?cluster=true``, or more nodes than one separated by commas, make it a cluster; ``?replicas=N`` says how many
    replicas must have a change before it is acknowledged.

    Raises:
        LedgerUnavailable: it is no URL of a store.
    """
    try:
        return _read(url)
    except ValueError as error:
        raise LedgerUnavailable(
            f"The store's URL can't be used: {error} Write unix:///path, redis://host:port, rediss://host:port or "
            "memory://name; for a cluster redis://host:port?cluster=true.",
            fate_unknown=False,
        ) from error


def _read(url: str) -> Address:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    cluster, replicas = query.pop("cluster", "false"), query.pop("replicas", "0")
    if cluster not in ("true", "false"):
        raise ValueError("cluster takes true or false.")
    if replicas not in tuple("0123456789"):
        raise ValueError("replicas takes a number from 0 to 9.")
    user, at, hosts = parts.netloc.rpartition("@")
    bare = url.partition("?")[0] + (f"?{urlencode(query)}" if query else "")
    urls = [bare.replace(parts.netloc, user + at + host, 1) for host in hosts.split(",")]
    options: dict[str, Any] = dict(parse_url(urls[0]))
    several = cluster == "true" or len(urls) > 1
    if several and parts.scheme == "unix":
        raise ValueError("a cluster has no Unix socket.")
    nodes = (Node(one.get("host", "localhost"), one.get("port", 6379)) for one in map(parse_url, urls))
    return Address(
        kind=options.pop("connection_class", Connection),
        options={**options, **_OURS},
        nodes=tuple(nodes) if several else (),
        replicas=int(replicas),
    )
