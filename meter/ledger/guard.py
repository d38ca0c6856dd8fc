"""Whether a store can be trusted with money: what ``meter`` refuses to start on, and what ``meter doctor`` prints.

The checks are rules over what the store says of itself; a new one is a function here and a name in ``_CHECKS``.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from meter.ledger.promise import LedgerUnavailable

ANSWER_SECONDS_MAX = 5.0
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a store says of itself."""

    info: Mapping[str, object]
    config: Mapping[str, str] | None
    """None where the store forbids CONFIG."""
    skew_ms: int
    """Its clock minus ours."""


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
    client = Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=ANSWER_SECONDS_MAX,
        socket_connect_timeout=ANSWER_SECONDS_MAX,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        return findings(await _facts(client))
    except (RedisError, OSError) as error:
        raise LedgerUnavailable(f"The store does not answer: {error}", fate_unknown=False) from error
    finally:
        await client.aclose()


def findings(facts: Facts) -> tuple[Finding, ...]:
    """What every check finds in a store."""
    return tuple(check(facts) for check in _CHECKS)


def refusal(found: tuple[Finding, ...]) -> str | None:
    """Why ``meter`` must not start on a store, with the fixes; None where it may."""
    bad = [f"{finding.result} {finding.fix}" for finding in found if finding.verdict is Verdict.BAD]
    return " ".join(bad) or None


async def _facts(client: Redis) -> Facts:
    info: Mapping[str, object] = await client.info()
    before = time.time_ns()
    seconds, micro = await client.time()
    middle = (before + time.time_ns()) // 2
    return Facts(info=info, config=await _config(client), skew_ms=seconds * 1000 + micro // 1000 - middle // 1_000_000)


async def _config(client: Redis) -> Mapping[str, str] | None:
    try:
        config = await client.config_get("*")
    except ResponseError:
        return None
    return {name: value for name, value in config.items() if name and value}


def _version(facts: Facts) -> Finding:
    said = str(facts.info.get("redis_version", "0.0"))
    number = tuple(int(part) for part in said.split(".")[:2] if part.isdecimal())
    if number < VERSION_MIN:
        return _bad("version", f"The store is version {said}.", "Use Redis 7.0 or later, or Valkey.")
    name = f"Valkey {facts.info['valkey_version']}" if "valkey_version" in facts.info else f"Redis {said}"
    return _ok("version", f"The store is {name}.")


def _role(facts: Facts) -> Finding:
    if facts.info.get("role") == "master":
        return _ok("role", "The store takes writes.")
    return _bad("role", f"The store is a {facts.info.get('role')}, which takes no writes.", "Name its primary.")


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


_CHECKS: tuple[Callable[[Facts], Finding], ...] = (_version, _role, _persistence, _fsync, _eviction, _memory, _clock)


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
