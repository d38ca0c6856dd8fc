"""Make ``observed-use.csv``: accounts' credits of a month, lognormal by plan, from seed 20261126."""

import csv
import random
import sys

PLANS = {"starter": (60, 12_000, 1.0), "pro": (25, 70_000, 0.8)}
"""Accounts, the median of their credits, and the spread of its logarithm."""


def main() -> None:
    """Write the table on standard output."""
    chance = random.Random(20261126)  # noqa: S311 - example data
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("account", "plan", "credits"))
    for plan, (accounts, median, spread) in PLANS.items():
        for number in range(1, accounts + 1):
            table.writerow((f"{plan}-{number:02}", plan, round(median * chance.lognormvariate(0, spread))))


if __name__ == "__main__":
    main()
