"""How often ``meter margins`` is right: operations at a known margin, many weeks of them, judged as the command does.

    python bench/margins.py [--weeks 2000] [--seed 5]

Costs have a coefficient of variation of 1, and are of two shapes: exponential (a gamma of shape 1) and lognormal. A
week is looked at once a day, over all its calls until then, and counts as confirmed when any of seven looks says so.
The floor is 50 %. Behind each rate stands its 95 % Wilson interval.
"""

import argparse
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from meter.credits import MICRO
from meter.economics.margins.bounds import bounds
from meter.economics.margins.groups import Group, Grouped
from meter.economics.margins.verdicts import Verdict, verdict

FLOOR = Fraction(1, 2)
LOOKS = 7
COSTS = ("exponential", "lognormal")

Floats = NDArray[np.float64]


def costs(shape: str, margin: float, size: int, random: np.random.Generator) -> Floats:
    """What calls cost that bring in 1 each; their coefficient of variation is 1."""
    if shape == "exponential":
        return random.exponential(1 - margin, size)
    # The variance of a lognormal is (exp(s²) - 1) times its squared mean: 1 where s² is log 2.
    return random.lognormal(np.log(1 - margin) - np.log(2) / 2, np.sqrt(np.log(2)), size)


def verdicts(operations: Sequence[Floats], revenues: Sequence[Floats] | None = None) -> tuple[Verdict, ...]:
    """What is said of operations that are looked at together."""
    paid = revenues if revenues is not None else [np.ones(len(one)) for one in operations]
    groups = tuple(
        Group(
            (str(place),),
            calls=len(cost),
            cost=Fraction(float(cost.sum())),
            free=False,
            worth=Counter({Fraction(float(revenue.sum())): MICRO}),
        )
        for place, (cost, revenue) in enumerate(zip(operations, paid, strict=True))
    )
    which = array("q", np.repeat(np.arange(len(groups)), [len(one) for one in operations]).tobytes())
    grouped = Grouped(
        groups, which, array("d", np.concatenate(paid).tobytes()), array("d", np.concatenate(operations).tobytes())
    )
    known = bounds(grouped, float(FLOOR))
    return tuple(verdict(group, bound, FLOOR) for group, bound in zip(groups, known, strict=True))


def week(operations: Sequence[Floats]) -> set[int]:
    """The operations that any daily look of a week confirms."""
    found: set[int] = set()
    for day in range(1, LOOKS + 1):
        said = verdicts([one[: max(2, len(one) * day // LOOKS)] for one in operations])
        found |= {place for place, one in enumerate(said) if one is Verdict.CONFIRMED}
    return found


def confirmed(shape: str, margin: float, events: int, weeks: int, random: np.random.Generator) -> int:
    """In how many weeks one operation is confirmed."""
    return sum(bool(week([costs(shape, margin, events, random)])) for _ in range(weeks))


def at_once(shape: str, margin: float, events: int, weeks: int, random: np.random.Generator) -> int:
    """How many times one look at the end says so."""
    looks = (verdicts([costs(shape, margin, events, random)]) for _ in range(weeks))
    return sum(one == (Verdict.CONFIRMED,) for one in looks)


def many(shape: str, weeks: int, random: np.random.Generator) -> tuple[int, int, int]:
    """Ten operations, two at 45 % and eight at 55 %: weeks with a wrong one, right ones found, right ones there."""
    wrong = right = 0
    for _ in range(weeks):
        found = week([costs(shape, 0.45 if place < 2 else 0.55, 1500, random) for place in range(10)])
        wrong += any(place >= 2 for place in found)
        right += sum(place < 2 for place in found)
    return wrong, right, 2 * weeks


def given_away(shape: str, margin: float, events: int, weeks: int, random: np.random.Generator) -> int:
    """Weeks confirmed where a third of the calls is paid with credits that were given, so that revenue varies too."""
    count = 0
    for _ in range(weeks):
        revenue = np.where(random.random(events) < 1 / 3, 0.0, 1.5)
        count += verdicts([costs(shape, margin, events, random)], [revenue]) == (Verdict.CONFIRMED,)
    return count


def rate(found: int, weeks: int) -> str:
    """A rate with its Wilson interval."""
    interval = binomtest(found, weeks).proportion_ci(method="wilson")
    return f"{100 * found / weeks:6.2f} %  ({100 * interval.low:.2f} to {100 * interval.high:.2f} %)"


def lines(weeks: int, seed: int) -> Iterator[str]:
    """All that is measured."""
    random = np.random.default_rng(seed)
    for shape in COSTS:
        yield f"{shape}, {weeks} weeks"
        yield f"  at 45 %, 1 500 calls, one look        {rate(at_once(shape, 0.45, 1500, weeks, random), weeks)}"
        yield f"  at 45 %, 1 500 calls, daily looks     {rate(confirmed(shape, 0.45, 1500, weeks, random), weeks)}"
        for events in (120, 200, 500, 1500, 10_000):
            wrong = confirmed(shape, 0.55, events, weeks, random)
            yield f"  at 55 %, {events:6} calls, daily looks    {rate(wrong, weeks)}"
        yield f"  at 50 %, 1 500 calls, one look        {rate(at_once(shape, 0.5, 1500, weeks, random), weeks)}"
        yield f"  at 50 %, a third given away, one look {rate(given_away(shape, 0.5, 1500, weeks, random), weeks)}"
        wrong, right, there = many(shape, weeks, random)
        yield f"  ten operations: weeks with a wrong one{rate(wrong, weeks)}"
        yield f"  ten operations: found of two at 45 %  {rate(right, there)}"


def main() -> None:
    """Print what is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    for line in lines(given.weeks, given.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
