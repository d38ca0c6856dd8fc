"""The bench, short: ten thousand calls of a month under a new table, by both engines."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from meter.sheets.call_columns import traffic

BENCH = Path(__file__).resolve().parents[3] / "bench" / "replay.py"


def bench():
    spec = spec_from_file_location("bench_replay", BENCH)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_both_engines_say_the_same_of_a_month_of_generated_traffic(tmp_path):
    replay, path = bench(), tmp_path / "traffic.parquet"
    replay.generated(path, 10_000)
    _, fast, slow = replay.timed(traffic([path]), path)

    assert fast == slow
    assert fast.whole.calls == 10_000
    assert any(spell.zero_at for spell in fast.spells.values())
