"""A cluster of the tests' own: real nodes on loopback ports, each ended by its id.

Nobody's tool is needed: the nodes are told of each other, and of their slots, by commands.
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.retry import Retry

HOST = "127.0.0.1"
MASTERS = 3
NODE_TIMEOUT_MS = 15_000
"""After so long without a word a node is held for dead; where none dies, a busy machine must not make it seem so."""
WAIT_SECONDS_MAX = 30


@dataclass(slots=True)
class Member:
    """A node: its process, and a client that asks it alone."""

    port: int
    bus: int
    command: list[str] = field(repr=False)
    process: subprocess.Popen[bytes]
    client: redis.Redis = field(repr=False)
    id: str = ""

    def ask(self, *words: str | int) -> str:
        return str(self.client.execute_command(*words))


@dataclass(slots=True)
class Cluster:
    """The nodes, masters first."""

    folder: Path
    binary: Path
    node_timeout_ms: int = NODE_TIMEOUT_MS
    members: list[Member] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.members[0].port}?cluster=true"

    def owner(self, key: str, asked: Member | None = None) -> Member:
        """The master that serves a key, as a living node sees it."""
        slot = key_slot(key.encode())
        ranges = (asked or self.alive[0]).client.execute_command("CLUSTER", "SLOTS")
        port = next(row[2][1] for row in ranges if row[0] <= slot <= row[1])
        return next(one for one in self.members if one.port == port)

    @property
    def alive(self) -> list[Member]:
        return [one for one in self.members if one.process.poll() is None]

    def start(self) -> Member:
        """Start one more node, which knows nobody yet."""
        port, bus = free_ports(2)
        folder = self.folder / str(port)
        folder.mkdir()
        command = [
            *(str(self.binary), "--bind", HOST, "--port", str(port), "--dir", str(folder), "--save", ""),
            *(
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                str(bus),
                "--cluster-node-timeout",
                str(self.node_timeout_ms),
            ),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"),
            *("--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0"),
        ]
        member = Member(port, bus, command, _started(command), client_to(port))
        self.members.append(member)
        until(lambda: answers(member))
        member.id = member.ask("CLUSTER", "MYID")
        return member

    def kill(self, member: Member) -> None:
        member.process.kill()
        member.process.wait()

    def restart(self, member: Member) -> None:
        member.process = _started(member.command)
        until(lambda: answers(member))

    def join(self, members: int) -> None:
        """Wait until every living node knows all the others, and takes writes."""
        until(lambda: all(joined(one, members) for one in self.alive))

    def replicate(self, *masters: Member) -> None:
        """Start a replica of each master, and wait until it has all that the master has."""
        replicas = [self.start() for _ in masters]
        for one in replicas:
            self.members[0].ask("CLUSTER", "MEET", HOST, one.port, one.bus)
        self.join(len(self.members))
        for one, master in zip(replicas, masters, strict=True):
            one.ask("CLUSTER", "REPLICATE", master.id)
        until(lambda: all(one.client.info("replication").get("master_link_status") == "up" for one in replicas))

    def knows(self, *words: str) -> bool:
        """Whether the nodes have a subcommand."""
        name = "|".join(words).lower()
        return bool(self.members[0].client.execute_command("COMMAND", "INFO", name))

    def empty(self) -> None:
        for one in self.alive:
            if one.client.info("replication")["role"] == "master":
                one.client.flushall()
            one.client.script_flush()

    def stop(self) -> None:
        for one in self.members:
            one.client.close()
            one.process.kill()
            one.process.wait()


@contextlib.contextmanager
def running(binary: Path, folder: Path, *, node_timeout_ms: int = NODE_TIMEOUT_MS) -> Iterator[Cluster]:
    """Start a cluster of three masters that has every slot."""
    cluster = Cluster(folder, binary, node_timeout_ms)
    try:
        for _ in range(MASTERS):
            cluster.start()
        _share_out(cluster.members)
        for one in cluster.members[1:]:
            cluster.members[0].ask("CLUSTER", "MEET", HOST, one.port, one.bus)
        cluster.join(MASTERS)
        yield cluster
    finally:
        cluster.stop()


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(true: Callable[[], object]) -> None:
    """Wait for a condition."""
    give_up = time.monotonic() + WAIT_SECONDS_MAX
    while not true():
        if time.monotonic() > give_up:
            raise TimeoutError(f"{true} did not come true in {WAIT_SECONDS_MAX} s.")
        time.sleep(0.01)


def client_to(port: int) -> redis.Redis:
    return redis.Redis(
        host=HOST, port=port, decode_responses=True, retry=Retry(NoBackoff(), 0), socket_timeout=WAIT_SECONDS_MAX
    )


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        plugs = [stack.enter_context(socket.socket()) for _ in range(count)]
        for plug in plugs:
            plug.bind((HOST, 0))
        return [plug.getsockname()[1] for plug in plugs]


def answers(member: Member) -> bool:
    with contextlib.suppress(redis.exceptions.ConnectionError):
        return bool(member.client.ping())
    return False


def joined(member: Member, members: int) -> bool:
    known = member.ask("CLUSTER", "INFO")
    return "cluster_state:ok" in known and f"cluster_known_nodes:{members}\r" in known


def _share_out(members: list[Member]) -> None:
    ends = [number * REDIS_CLUSTER_HASH_SLOTS // len(members) for number in range(len(members) + 1)]
    for number, one in enumerate(members):
        one.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        one.ask("CLUSTER", "ADDSLOTSRANGE", ends[number], ends[number + 1] - 1)
