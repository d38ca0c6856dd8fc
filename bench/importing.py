"""Many accounts at once: how long ``meter import`` takes, on the embedded store, with every write synced to disk.

    python bench/importing.py [--accounts 100000]

Writes a file of accounts, each with a zone and a grant, then imports it, imports it again, and exports it, each by the
command line as its users do. Fails where a command does.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
POLICY = """\
version: 1
operations: {item: {title: Item, credits: 1}}
routes: [{match: "/v1/item", operation: item}]
plans: {pro: {included: 250000, period: month}}
"""


def line(number: int) -> str:
    grant = {"id": f"order-{number}", "credits": number % 1000 + 1, "note": "bought before"}
    return json.dumps(
        {"account": f"customer-{number:06}", "plan": "pro", "zone": ZONES[number % len(ZONES)], "grants": [grant]}
    )


def timed(folder: Path, *arguments: str) -> float:
    """Run a command, and count its seconds from start to end."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "meter", *arguments, "--data", str(folder / "data")], check=True)
    return time.monotonic() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=100_000)
    count = options.parse_args().accounts
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policy.yaml").write_text(POLICY)
        (folder / "accounts.jsonl").write_text("".join(f"{line(number)}\n" for number in range(count)))
        read = ("import", str(folder / "accounts.jsonl"), "--policies", str(folder / "policy.yaml"))
        steps = {"imported": read, "imported again": read, "exported": ("export", str(folder / "out.csv"))}
        for what, arguments in steps.items():
            print(f"{count} accounts {what} in {timed(folder, *arguments):.1f} s")


if __name__ == "__main__":
    main()
