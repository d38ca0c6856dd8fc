"""What one charge costs the store, beside an empty script: ``INFO commandstats``, the best of five rounds.

    python bench/debit_script.py [--rounds 5] [--json]

The account has five grants. ``commands`` runs the very commands of a charge with nothing around them: the least that
any script which reads the books, claims its operation and writes its entry can cost. Rounds go through all variants in
turn, on the same server; figures are microseconds a call.
"""

import argparse
import json
import secrets
import time
from collections.abc import Sequence

import redis
from store import binaries, running

from meter.ledger.scripts import CHARGE, Script, script

CALLS, PIPELINED = 4_000, 200
GRANTS = 5
QUOTE = json.dumps(
    {
        "operation": "image.analyse",
        "policy": "0123456789abcdef",
        "moment": "2026-11-22T03:00Z",
        "base": "100000000",
        "factors": [["off-peak", "7/10"]],
        "rounding": ["half_up", "1000000", "1000000"],
        "credits": "70000000",
    },
    separators=(",", ":"),
)

EMPTY = script("empty", "#!lua\nreturn 1")
COMMANDS = script(
    "commands",
    """#!lua
redis.call('TIME')
redis.call('HMGET', KEYS[1], 'lots', 'revision', 'status', 'start', 'end', 'seen', 'period_granted', 'overage',
  'overage_limit')
redis.call('GET', KEYS[3])
redis.call('HINCRBY', KEYS[2], ARGV[5], ARGV[3])
redis.call('XADD', KEYS[4], '*', 'e', ARGV[6])
redis.call('HSET', KEYS[1], 'seen', ARGV[4])
redis.call('SET', KEYS[3], ARGV[6], 'EX', '900')
return ARGV[1]
""",
)
VARIANTS = (EMPTY, COMMANDS, CHARGE)
TAG = "{meter:0}:"


def open_account(client: redis.Redis) -> None:
    """An account with five grants that pay for everything, as the ledger keeps it."""
    now = int(time.time())
    ends = [now + 86400 * number for number in range(1, GRANTS)] + [0]
    lots = "".join(f"grant-{number}|9000000000000|{end}| " for number, end in enumerate(ends))
    facts = {"revision": 1, "status": "active", "start": 1, "end": now + 86400, "seen": 0, "lots": lots}
    counters = {"period_granted": 45 * 10**12, "overage": 0, "overage_limit": 0, "terms": "{}"}
    fields = [str(part) for pair in (facts | counters).items() for part in pair]
    client.hset(f"{TAG}account:acme", items=fields)


def microseconds(client: redis.Redis, variant: Script) -> float:
    client.config_resetstat()
    for _ in range(CALLS // PIPELINED):
        pipeline = client.pipeline(transaction=False)
        for _ in range(PIPELINED):
            op = f"{int(time.time()):08x}-{secrets.token_hex(10)}"
            keys = [f"{TAG}account:acme", f"{TAG}used:acme", f"{TAG}op:{op}", f"{TAG}ledger"]
            pipeline.evalsha(variant.sha, 4, *keys, op, "acme", "70000000", "1", "image.analyse", QUOTE, "0")
        replies = pipeline.execute()
    assert variant is not CHARGE or b" done " in replies[-1], replies[-1]
    return float(client.info("commandstats")["cmdstat_evalsha"]["usec_per_call"])


def measured(url: str, rounds: int) -> dict[str, float]:
    with redis.Redis.from_url(url) as client:
        open_account(client)
        for variant in VARIANTS:
            client.script_load(variant.text)
        figures = [{variant.name: microseconds(client, variant) for variant in VARIANTS} for _ in range(rounds)]
    return {variant.name: min(figure[variant.name] for figure in figures) for variant in VARIANTS}


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args(arguments)
    results = {}
    for binary in binaries():
        with running(binary) as url:
            results[binary.name] = measured(url, chosen.rounds)
    if chosen.json:
        print(json.dumps(results))
        return
    for name, best in results.items():
        print(name)
        for variant, figure in best.items():
            print(f"  {variant:10} {figure:6.2f} µs   {figure / best['empty']:5.1f} × empty")


if __name__ == "__main__":
    main()
