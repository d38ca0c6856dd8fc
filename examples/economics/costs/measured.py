"""Make ``calls.csv`` and ``days.csv``: an image API's calls, and what its machines cost by the day; seed 20261126.

Calls are lognormal in the size of the image, and take time in proportion to it; one in twelve fails, some before any
work. A day's bill is by rates that nobody is told, 0.09 a gigabyte out and 0.05 an hour of a processor, within 2 %;
memory is always twice the processors.
"""

import random
from pathlib import Path

SEED = 20261126
CALLS = 240
FINE = 200
REFUSED = 400
DAYS = 14
FOLDER = Path(__file__).parent
HEADER = "operation,status,bytes_out,cpu_ms,gpu_ms,duration_ms,memory_mb,third_party"
DAYS_HEADER = "day,cpu_hours,memory_gb_hours,gb_out,bill"
OPERATIONS = {
    "image.store": (0.55, 0.05, 0, 96, 0.0),
    "image.resize": (0.3, 0.35, 0, 256, 0.0),
    "image.analyse": (0.15, 0.2, 2.0, 1024, 0.0005),
}
"""By name: its share of calls; milliseconds of processor and of GPU a kilobyte; megabytes held; money to a partner."""


def calls(draw: random.Random) -> list[str]:
    """Rows of single calls."""
    names = draw.choices(list(OPERATIONS), [share for share, *_ in OPERATIONS.values()], k=CALLS)
    return [call(draw, name) for name in names]


def call(draw: random.Random, name: str) -> str:
    """Make one; a request that can't be read is refused before any work."""
    _, cpu, gpu, memory, partner = OPERATIONS[name]
    kilobytes = draw.lognormvariate(5.5, 0.9)
    status = FINE if draw.random() < 11 / 12 else draw.choice([REFUSED, 500])
    share = 0.0 if status == REFUSED else 1.0
    cpu_ms = 2 + share * cpu * kilobytes * draw.uniform(0.8, 1.2)
    gpu_ms = share * gpu * kilobytes * draw.uniform(0.8, 1.2)
    sent = round(kilobytes * 1000) if status == FINE else 200
    paid = f"{partner * share:g}" if partner * share else ""
    return f"{name},{status},{sent},{cpu_ms:.1f},{gpu_ms:.1f},{cpu_ms + gpu_ms + 8:.1f},{memory},{paid}"


def days(draw: random.Random) -> list[str]:
    """Rows of days."""
    return [day(draw, number) for number in range(1, DAYS + 1)]


def day(draw: random.Random, number: int) -> str:
    """Make one, with its bill."""
    hours, out = round(draw.uniform(20, 90), 1), round(draw.uniform(5, 60), 1)
    bill = (0.05 * hours + 0.09 * out) * draw.uniform(0.98, 1.02)
    return f"2026-11-{number:02},{hours},{round(2 * hours, 1)},{out},{bill:.2f}"


def tables() -> dict[str, str]:
    """Both files by their names."""
    draw = random.Random(SEED)  # noqa: S311 - example data
    found = {"calls.csv": [HEADER, *calls(draw)], "days.csv": [DAYS_HEADER, *days(draw)]}
    return {name: "\n".join(lines) + "\n" for name, lines in found.items()}


def main() -> None:
    """Write them beside this one."""
    for name, text in tables().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
