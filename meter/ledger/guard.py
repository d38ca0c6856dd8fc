"""Whether a store can be trusted with money: what ``meter`` refuses to start on, and what ``meter doctor`` prints.

The checks are rules over what the store says of itself; a new one is a function here and a name in ``_CHECKS``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from redis.exceptions import RedisError

from meter.ledger import address
from meter.ledger.address import Address, Node
from meter.ledger.facts import Facts, ask_facts
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.slots import Owners, ask_owners

VERSION_MIN = (7, 0)
FULL_PERCENT = 80
"""From here on a store is said to fill up."""
SKEW_MS_MAX = 2_000
"""How far the store's clock may be from ours: operation ids and periods are reckoned by the store's."""


class Verdict(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    """``meter`` does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; ``result`` and ``fix`` are sentences, and there is no fix where nothing is wrong."""

    check: str
    verdict: Verdict
    result: str
    fix: str = ""


FORGETFUL = Finding(
    check="persistence",
    verdict=Verdict.WARN,
    result="memory:// keeps the books in this process alone and forgets them when it ends.",
    fix="Leave --redis out for the embedded store, or name a real one with --redis URL.",
)


async def inspect(url: str) -> tuple[Finding, ...]:
    """Check the store at a URL.

    Raises:
        LedgerUnavailable: it does not answer.
    """
    if url.startswith("memory://"):
        return (FORGETFUL,)
    store = address.read(url)
    try:
        return await _inspect_cluster(store) if store.nodes else findings(await ask_facts(store))
    except (RedisError, OSError) as error:
        raise LedgerUnavailable(f"The store does not answer: {error}", fate_unknown=False) from error


def findings(facts: Facts) -> tuple[Finding, ...]:
    """What every check finds in a store."""
    return tuple(check(facts) for check in _CHECKS + _CLUSTER_CHECKS * facts.in_cluster)


def refusal(found: tuple[Finding, ...]) -> str | None:
    """Why ``meter`` must not start on a store, with the fixes; None where it may."""
    bad = [f"{finding.result} {finding.fix}" for finding in found if finding.verdict is Verdict.BAD]
    return " ".join(bad) or None


def coverage(owners: Owners, masters: list[Node]) -> Finding:
    """Whether a cluster has all of its slots."""
    missing = owners.count(None)
    if missing:
        return _bad("cluster", f"No node of the cluster has {missing} of its slots.", "Bring the missing nodes back.")
    return _ok("cluster", f"{len(masters)} masters have every slot of the cluster.")


async def _inspect_cluster(store: Address) -> tuple[Finding, ...]:
    """Check every master of a cluster, and that together they have every slot."""
    owners = await ask_owners(store)
    masters = sorted({node for node in owners if node is not None})
    found = {node: findings(await ask_facts(store, node)) for node in masters}
    return (coverage(owners, masters), *_together(found))


def _together(found: Mapping[Node, tuple[Finding, ...]]) -> Iterator[Finding]:
    """Every finding once where all nodes share it, else with the node's name; check by check."""
    for same in zip(*found.values(), strict=True):
        if len(set(same)) == 1:
            yield same[0]
        else:
            yield from (replace(one, result=f"{node}: {one.result}") for node, one in zip(found, same, strict=True))


def _version(facts: Facts) -> Finding:
    said = str(facts.info.get("redis_version", "0.0"))
    number = tuple(int(part) for part in said.split(".")[:2] if part.isdecimal())
    if number < VERSION_MIN:
        return _bad("version", f"The store is version {said}.", "Use Redis 7.0 or later, or Valkey.")
    name = f"Valkey {facts.info['valkey_version']}" if "valkey_version" in facts.info else f"Redis {said}"
    return _ok("version", f"The store is {name}.")


def _role(facts: Facts) -> Finding:
    if facts.info.get("cluster_enabled") and not facts.in_cluster:
        return _bad("role", "The store is one node of a cluster.", "Say ?cluster=true in its URL.")
    if facts.info.get("role") == "master":
        return _ok("role", "The store takes writes.")
    return _bad("role", f"The store is a {facts.info.get('role')}, which takes no writes.", "Name its primary.")


def _replicas(facts: Facts) -> Finding:
    """A failover loses what the replica that takes over does not have, so every replica must be waited for."""
    awaited, there = facts.replicas, facts.info.get("connected_slaves", facts.replicas)
    if there == awaited:
        every = "Every replica has a change before it is acknowledged."
        return _ok("replicas", every if there else "The store has no replica, so no change waits for one.")
    if isinstance(there, int) and there > awaited:
        result = f"{awaited} of {there} replicas have a change before it is acknowledged: a failover may lose some."
        return _warn("replicas", result, f"Say ?replicas={there} in the store's URL.")
    return _bad(
        "replicas",
        f"The store has {there} replicas, and {awaited} must have a change before it is acknowledged: none ever is.",
        "Bring the others back, or say fewer in the store's URL.",
    )


def _persistence(facts: Facts) -> Finding:
    if not facts.info.get("aof_enabled"):
        return _bad(
            "persistence",
            "The append-only file is off: a restart forgets charges.",
            "Set `appendonly yes` on the store.",
        )
    if facts.info.get("aof_last_write_status", "ok") != "ok":
        return _bad("persistence", "The last write to the append-only file failed.", "Give the store's disk room.")
    return _ok("persistence", "The append-only file is on.")


def _fsync(facts: Facts) -> Finding:
    match _setting(facts, "appendfsync"):
        case "always":
            return _ok("fsync", "Every change is on disk before it is acknowledged.")
        case None:
            return _unseen("fsync", "appendfsync", "always")
        case "everysec":
            return _warn(
                "fsync",
                "With appendfsync everysec a power cut loses about two seconds of charges, plus the longest fsync.",
                "Set `appendfsync always` on the store to lose none.",
            )
        case other:
            return _bad(
                "fsync",
                f"With appendfsync {other} a power cut loses half a minute of charges or more.",
                "Set `appendfsync always` on the store.",
            )


def _eviction(facts: Facts) -> Finding:
    match facts.info.get("maxmemory_policy") or _setting(facts, "maxmemory-policy"):
        case "noeviction":
            return _ok("eviction", "No balance is ever evicted.")
        case None:
            return _unseen("eviction", "maxmemory-policy", "noeviction")
        case other:
            return _bad(
                "eviction",
                f"With maxmemory-policy {other} a full store deletes balances.",
                "Set `maxmemory-policy noeviction` on the store.",
            )


def _memory(facts: Facts) -> Finding:
    limit, used = facts.info.get("maxmemory"), facts.info.get("used_memory")
    if not isinstance(limit, int) or not isinstance(used, int):
        return _unseen("memory", "maxmemory", "a limit below the machine's memory")
    if limit == 0:
        return _warn(
            "memory",
            "The store has no memory limit: the system may kill it when memory runs out.",
            "Set `maxmemory` on the store.",
        )
    percent = used * 100 // limit
    result = f"The store uses {percent} % of its {limit} bytes of memory."
    if percent < FULL_PERCENT:
        return _ok("memory", result)
    return _warn(
        "memory", result, "Run `meter ledger export`, or raise `maxmemory`: a full store refuses every charge."
    )


def _clock(facts: Facts) -> Finding:
    result = f"The store's clock is {facts.skew_ms:+d} ms from ours."
    if abs(facts.skew_ms) <= SKEW_MS_MAX:
        return _ok("clock", result)
    return _warn("clock", result, "Keep both machines' clocks by NTP: periods and prices follow them.")


def _partial(facts: Facts) -> Finding:
    match _setting(facts, "cluster-require-full-coverage"):
        case "no":
            return _ok("partial", "Without one of its masters, the cluster serves the accounts of the others.")
        case None:
            return _unseen("partial", "cluster-require-full-coverage", "no")
        case _:
            return _warn(
                "partial",
                "Without one of its masters, the cluster refuses the calls of all accounts.",
                "Set `cluster-require-full-coverage no` on every node.",
            )


_CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    _version,
    _role,
    _replicas,
    _persistence,
    _fsync,
    _eviction,
    _memory,
    _clock,
)


_CLUSTER_CHECKS: tuple[Callable[[Facts], Finding], ...] = (_partial,)


def _setting(facts: Facts, name: str) -> str | None:
    return (facts.config or {}).get(name)


def _ok(check: str, result: str) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, result=result)


def _warn(check: str, result: str, fix: str) -> Finding:
    return Finding(check=check, verdict=Verdict.WARN, result=result, fix=fix)


def _bad(check: str, result: str, fix: str) -> Finding:
    return Finding(check=check, verdict=Verdict.BAD, result=result, fix=fix)


def _unseen(check: str, setting: str, value: str) -> Finding:
    return _warn(check, f"The store does not let us see its {setting}.", f"See to it that it is {value}.")
