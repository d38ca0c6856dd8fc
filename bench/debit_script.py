"""What one charge costs the store, beside an empty script: ``INFO commandstats``, the best of five rounds.

    python bench/debit_script.py [--rounds 5] [--json]

The account has five grants. Rounds go through all variants in turn, on the same server; figures are microseconds a
call.

bare      an empty script, called with no keys and no arguments
empty     an empty script, called with the keys and arguments of a charge: what the others are multiples of
commands  the very commands of a charge, with texts as long as its own and nothing around them: the least that any
          script which reads the books, claims its operation and writes its entry can cost
charge    a plain charge: the first grant pays
walked    a charge that goes through the books, since one of the grants pays for another operation alone
"""

import argparse
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis
from store import binaries, running

from meter.ledger.scripts import CHARGE, GRANT, OPEN, Script, script

CALLS, PIPELINED = 4_000, 200
GRANTS = 5
HELD = 9 * 10**12
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
TERMS = '{"plan":"pro","included":9000000000000,"period":"month","anchor_day":1,"zone":"UTC","commitment":0}'

EMPTY = script("empty", "#!lua\nreturn 1")
COMMANDS = script(
    "commands",
    f"""#!lua
redis.call('HMGET', KEYS[1], 'left', 'others', 'plain_until', 'revision', 'seen', 'first', 'start',
  'beyond', 'receipt')
redis.call('TIME')
redis.call('GET', KEYS[3])
redis.call('XLEN', KEYS[4])
redis.call('HINCRBY', KEYS[2], ARGV[5], ARGV[3])
redis.call('XADD', KEYS[4], '*', 'e', '{"e" * (len(QUOTE) + 240)}')
redis.call('HSET', KEYS[1], 'idle', '{"l" * 14}', 'idle too', '{"s" * 10}')
redis.call('SET', KEYS[3], '{"r" * 110}', 'EX', '900')
return ARGV[1]
""",
)


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    script: Script
    account: str = "acme"
    with_order: bool = True


VARIANTS = (
    Variant("bare", EMPTY, with_order=False),
    Variant("empty", EMPTY),
    Variant("commands", COMMANDS),
    Variant("charge", CHARGE),
    Variant("walked", CHARGE, account="globex"),
)
TAG = "{meter:0}:"


def open_account(client: redis.Redis, name: str, *, last_scope: str) -> None:
    """Open an account with five grants; one pays for a scope alone, which is `-` for all operations."""
    now = int(time.time())
    account, ledger = f"{TAG}account:{name}", f"{TAG}ledger"
    period = (now - 86400, now + 86400)
    client.eval(OPEN.text, 3, account, f"{TAG}accounts", ledger, "open", name, *period, HELD, 0, TERMS)
    for number in range(1, GRANTS):
        scope = last_scope if number == GRANTS - 1 else "-"
        facts = (HELD, 50, now + 86400 * (number + 1), 0, scope, '{"kind":"promo","note":""}')
        client.eval(GRANT.text, 2, account, ledger, f"grant-{number}", name, *facts, 64)


def microseconds(client: redis.Redis, variant: Variant) -> float:
    client.config_resetstat()
    for _ in range(CALLS // PIPELINED):
        pipeline = client.pipeline(transaction=False)
        for _ in range(PIPELINED):
            pipeline.evalsha(variant.script.sha, *(order(variant.account) if variant.with_order else (0,)))
        replies = pipeline.execute()
    assert variant.script is not CHARGE or b" done " in replies[-1], replies[-1]
    return float(client.info("commandstats")["cmdstat_evalsha"]["usec_per_call"])


def order(account: str) -> tuple[int | str, ...]:
    op = f"{int(time.time()):08x}-{secrets.token_hex(10)}"
    keys = (
        f"{TAG}account:{account}",
        f"{TAG}used:{account}",
        f"{TAG}op:{op}",
        f"{TAG}ledger",
        f"{TAG}limits:{account}",
    )
    return (len(keys), *keys, op, account, "70000000", "1", "image.analyse", QUOTE, "0")


def measured(url: str, rounds: int) -> dict[str, float]:
    with redis.Redis.from_url(url) as client:
        open_account(client, "acme", last_scope="-")
        open_account(client, "globex", last_scope="chat")
        for variant in VARIANTS:
            client.script_load(variant.script.text)
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
