"""Replays traffic under a new table with both engines, on one core, and compares them to the micro-credit.

    python bench/replay.py [--calls 5000000] [--file traffic.parquet]

The traffic is declared here and drawn with a fixed seed: a month (with the end of summer time in Berlin in it), a
thousand accounts of unequal size on three plans and commitments, five operations of which one is priced by tokens, load
that comes and goes by the minute, one call in fifty that failed.
"""

import argparse
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np

from meter.economics.replay import stateful, vectorised
from meter.economics.replay.columns import Columns
from meter.economics.replay.outcome import Replayed
from meter.economics.replay.rule import Tariff
from meter.policy.compile import Source, compile_policy
from meter.sheets.call_columns import traffic

SEED = 20261001
BEGIN = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())
END = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
ACCOUNTS = 1000
TOKENS_MAX = 4000
SECONDS_MAX = {"vectorised": 10, "from Parquet": 10, "stateful": 300}

CANDIDATE = """\
version: 1
rounding: {step: 0.1}
operations:
  image.store: {title: Store, credits: 1}
  image.resize: {title: Resize, credits: 50}
  image.analyse: {title: Analyse, credits: 100}
  video.analyse: {title: Video, credits: 2500}
  chat:
    title: Chat
    credits: {base: 1, per: {tokens: 0.0123}, at_most: 100}
    meters: {tokens: {json: /usage/total_tokens}}
adjustments:
  - {name: night, time: {from: "22:00", to: "06:00", zone: Europe/Berlin}, multiply: 0.7}
  - {name: weekend, time: {from: "00:00", to: "24:00", zone: America/New_York, weekdays: [sat, sun]}, multiply: 0.9}
  - {name: surge, load: {above: 0.9, until: 0.8, dwell: 30s}, multiply: 1.5}
  - {name: commitment, commitment: {100000: 0.8, 1000000: 0.6}}
plans:
  free: {included: 1000, period: day}
  pro: {included: 250000, period: month}
  scale: {included: 5000000, period: month, discount: 0.9}
"""


def generated(path: Path, calls: int, seed: int = SEED) -> None:
    """Write the traffic."""
    draw = np.random.default_rng(seed)
    at = np.sort(draw.integers(BEGIN, END, calls))
    account = np.minimum(draw.zipf(1.3, calls) - 1, ACCOUNTS - 1)
    operation = draw.choice(5, calls, p=(0.45, 0.25, 0.12, 0.01, 0.17))
    paid = np.array([1, 10, 100, 2500, 0])[operation]
    tokens = draw.integers(1, TOKENS_MAX, calls)
    busy = draw.random((END - BEGIN) // 60 + 1) < 0.1
    columns = {
        "second": at,
        "account": account.astype(np.int32),
        "operation": operation.astype(np.int32),
        "paid": np.where(operation == 4, 1 + tokens // 100, paid),
        "tokens": tokens,
        "busy": busy[(at - BEGIN) // 60],
        "failed": draw.random(calls) < 0.02,
    }
    with duckdb.connect() as database:
        database.register("drawn", columns)
        database.execute(
            f"""COPY (SELECT second AS at, 'account-' || account AS account,
                ['image.store', 'image.resize', 'image.analyse', 'video.analyse', 'chat'][operation + 1] AS operation,
                CASE WHEN failed THEN 0 ELSE paid END AS credits,
                ['free', 'pro', 'scale'][account % 3 + 1] AS plan,
                [0, 100000, 1000000][account % 7 % 3 + 1] AS commitment,
                CASE WHEN busy THEN 'surge' END AS load,
                CASE WHEN failed THEN 0 ELSE 1 END AS charged,
                CASE WHEN operation = 4 THEN tokens END AS "usage.tokens"
            FROM drawn) TO '{path}' (FORMAT parquet)"""
        )


def timed(columns: Columns, path: Path) -> tuple[dict[str, float], Replayed, Replayed]:
    """Seconds of processor time, and what both engines say."""
    tariff = Tariff(policy=compile_policy([Source(file="candidate.yaml", text=CANDIDATE)]))
    begun = time.process_time()
    fast = vectorised.replayed(columns, tariff)
    seconds = {"vectorised": time.process_time() - begun}
    begun = time.process_time()
    again = vectorised.replayed(traffic([path]), tariff)
    seconds["from Parquet"] = time.process_time() - begun
    assert again == fast
    begun = time.process_time()
    slow = stateful.replayed(columns.calls(), tariff)
    seconds["stateful"] = time.process_time() - begun
    return seconds, fast, slow


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--calls", type=int, default=5_000_000)
    asked.add_argument("--file", type=Path)
    options = asked.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "traffic.parquet"
        if not path.exists():
            generated(path, options.calls)
        columns = traffic([path])
        wall = time.monotonic()
        seconds, fast, slow = timed(columns, path)
        print(f"{len(columns)} calls of {len(columns.account.values)} accounts, {platform.machine()}, one core")
        print("seconds of processor time (the engine, from columns in memory; and from the Parquet file on):")
        for what, took in seconds.items():
            print(f"  {what:13} {took:7.2f}   (at most {SECONDS_MAX[what]})")
        print(f"  by the clock, all together: {time.monotonic() - wall:.1f}")
        at_zero = sum(spell.zero_at is not None for spell in fast.spells.values())
        print(f"total {fast.whole.micro} micro-credits; {len(fast.spells)} periods, {at_zero} of them at zero")
        print("equal to the micro-credit" if fast == slow else "NOT EQUAL")
        raise SystemExit(fast != slow or any(took > SECONDS_MAX[what] for what, took in seconds.items()))


if __name__ == "__main__":
    main()
