"""Each rule at its edge: the least that lights it, and the most that does not."""

from typing import NamedTuple

import pytest

from meter.economics.lint.rules import RULES
from tests.economics.lint.linting import found


class Edge(NamedTuple):
    """Two subjects that differ in one thing."""

    code: str
    lights: tuple[str, ...]
    """A policy, what is declared beside it, and the API's document."""
    spares: tuple[str, ...]
    says: str = ""
    """What the one finding says."""


def priced(*credits: object, more: str = "") -> str:  # noqa: A002
    """A policy of operations ``a``, ``b``, … at these prices, each with its route."""
    names = "abcdefghijklmnopqrstuvwxyz"[: len(credits)]
    operations = "".join(f"  {name}: {{credits: {price}}}\n" for name, price in zip(names, credits, strict=True))
    routes = "".join(f"  - {{match: GET /{name}, operation: {name}}}\n" for name in names)
    return f"operations:\n{operations}routes:\n{routes}{more}"


def adjusted(*adjustments: str, credits: object = 10, more: str = "") -> str:  # noqa: A002
    return priced(credits, more="adjustments:\n" + "".join(f"  - {{{one}}}\n" for one in adjustments) + more)


def window(start: str, end: str, name: str = "night", zone: str = "UTC", more: str = "") -> str:
    return f'name: {name}, time: {{from: "{start}", to: "{end}", zone: {zone}{more}}}, multiply: 0.7'


def selling(*plans: str, credits: object = 1) -> str:  # noqa: A002
    return priced(credits, more="plans:\n" + "".join(f"  {plan}\n" for plan in plans))


STEP = "rounding: {mode: %s, step: %s}\n"
PAID = 'small: {included: 1000, period: month, price: "1", currency: USD%s}'
LARGE = 'large: {included: %s, period: month, price: "2", currency: USD}'
OVERAGE = ', overage: {limit: %s, price_per_thousand: "%s"}'
DASHBOARD = "dashboard: {used: 100, day: 10, days: 30, projected: %s, breakdown: {a: {credits: 2, percent: 67}, b: {credits: 1, percent: %s}}}"  # noqa: E501
PATHS = "openapi: 3.1.0\npaths:\n  /a: {get: {}}\n"

EDGES = [
    Edge("MTR101", (priced(*range(1, 17)),), (priced(*range(1, 16)),), "16 distinct prices, from 1 credit to 16"),
    Edge("MTR102", (priced(1, 2, 3, 4, 4),), (priced(1, 2, 3, 4, 5),), "5 operations share 4 distinct prices"),
    Edge("MTR102", (priced(*[1] * 5),), (priced(*[1] * 4),), "share 1 distinct"),
    Edge("MTR103", (priced(3), "ladder: 1-2-5"), (priced(5000), "ladder: 1-2-5"), "write 2 or 5"),
    Edge("MTR103", (priced("0.5"), "ladder: 1,5"), (priced(1), "ladder: 1,5"), "not on the ladder 1,5; write 1."),
    Edge("MTR103", (priced(7), "ladder: 1,5"), (priced(5), "ladder: 1,5"), "write 5."),
    Edge(
        "MTR104",
        (adjusted("name: deal, commitment: {1: 0.49}", credits=1),),
        (adjusted("name: deal, commitment: {1: 0.5}", credits=1),),
        "1 × 0.49 = 0.49 rounds to 0 (half_up), and only the minimum makes it 1",
    ),
    Edge("MTR105", (priced("1.5"),), (STEP % ("half_up", 0.5) + priced("1.5"),), "listed at 1.5 but charged 2"),
    Edge("MTR106", (adjusted(window("02:00", "07:00"), credits=1),), (adjusted(window("02:00", "07:00"), credits=2),)),
    Edge(
        "MTR107",
        (STEP % ("floor", 1) + adjusted(window("02:00", "07:00"), credits=5),),
        (STEP % ("floor", "0.5") + adjusted(window("02:00", "07:00"), credits=5),),
        "gets × 0.6: 5 becomes 3",
    ),
    Edge(
        "MTR108",
        (priced(1, 90), "costs: {a: 1, b: {cost: 50.5, value: 2}}"),
        (priced(1, 90), "costs: {a: 1, b: {cost: 50, value: 2}}"),
        "worth 50.5 × 2 = 101 of a, but costs 90",
    ),
    Edge("MTR109", (priced(1, 13), "costs: {a: 1, b: 10}"), (priced(1, 12), "costs: {a: 1, b: 10}"), "30 % more"),
    Edge(
        "MTR201",
        (priced(1, 10), "blended_cost: 0.0003\ncosts: {a: 0.0002, b: 0.001}"),
        (priced(1, 10), "blended_cost: 0.0002\ncosts: {a: 0.0002, b: 0.001}"),
        "theirs are 0.0001 to 0.0002",
    ),
    Edge(
        "MTR201",
        (priced(1, 10), "blended_cost: 0.00009\ncosts: {a: 0.0002, b: 0.001}"),
        (priced(1, 10), "blended_cost: 0.0001\ncosts: {a: 0.0002, b: 0.001}"),
        "no mix of these operations costs 0.00009 a credit",
    ),
    Edge(
        "MTR202",
        (priced(10), "price_per_credit: 0.001\ncosts: {a: 0.0101}"),
        (priced(10), "price_per_credit: 0.001\ncosts: {a: 0.01}"),
        "at the list price): 10 credits at 0.001 bring 0.01 against a cost of 0.0101, margin -1 %",
    ),
    Edge(
        "MTR203",
        (priced(10), "price_per_credit: 0.001\nmargin_floor: 0.5\ncosts: {a: 0.0051}"),
        (priced(10), "price_per_credit: 0.001\nmargin_floor: 0.5\ncosts: {a: 0.005}"),
        "margin 49 %",
    ),
    Edge(
        "MTR204",
        (priced(10), "price_per_credit: 0.001\ntarget_margin: 0.7\ncosts: {a: 0.0031}"),
        (priced(10), "price_per_credit: 0.001\ntarget_margin: 0.7\ncosts: {a: 0.003}"),
        "price it at 11 credits or more",
    ),
    Edge(
        "MTR205",
        (priced(10), "price_per_credit: 0.001\ncosts: {a: {cost: 0.01, margin: 0.009}}"),
        (priced(10), "price_per_credit: 0.001\ncosts: {a: {cost: 0.01, margin: 0}}"),
        "said to be 0.009 but is 0: 10 credits × 0.001 − 0.01",
    ),
    Edge("MTR206", (priced(9, 9), "costs: {a: 1, b: 2.1}"), (priced(9, 9), "costs: {a: 1, b: 2}"), "both for 9"),
    Edge("MTR207", (priced(1, 2), "costs: {a: 1}"), (priced(1, 2), "costs: {a: 1, b: 1}"), "the cost of b is not"),
    Edge("MTR207", (priced(1), "costs: {a: 1, z: 1}"), (priced(1), "costs: {a: 1}"), "'z' has a cost but is no"),
    Edge(
        "MTR208",
        (priced(1), "price_per_credit: 0.001\ntarget_margin: 0.5\ncosts: {a: 0.00039}"),
        (priced(1), "price_per_credit: 0.001\ntarget_margin: 0.5\ncosts: {a: 0.0004}"),
        "times the 0.00078",
    ),
    Edge(
        "MTR301",
        (adjusted(window("02:00", "07:01"), window("07:00", "09:00", "morning")),),
        (adjusted(window("02:00", "07:00"), window("07:00", "09:00", "morning")),),
        "first at 2026-01-01 07:00 UTC: both apply, × 0.49 together",
    ),
    Edge(
        "MTR301",
        (adjusted(window("22:00", "03:00"), window("02:00", "04:00", "early")),),
        (adjusted(window("22:00", "02:00"), window("02:00", "04:00", "early")),),
        "02:00 UTC",
    ),
    Edge(
        "MTR302",
        (adjusted(window("02:00", "06:00"), window("07:00", "09:00", "morning")),),
        (adjusted(window("02:00", "06:00"), window("07:01", "09:00", "morning")),),
        "60 minutes at full price",
    ),
    Edge("MTR303", (adjusted(window("02:00", "06:59")),), (adjusted(window("02:00", "07:00")),), "write 07:00"),
    Edge("MTR303", (adjusted(window("22:00", "23:59")),), (adjusted(window("22:00", "00:00")),), "write 00:00"),
    Edge(
        "MTR305",
        (adjusted(window("02:00", "07:00")), "zone: America/New_York"),
        (adjusted(window("02:00", "07:00", zone="America/New_York")), "zone: America/New_York"),
        "21:00 to 02:00 where the customers live (America/New_York), and 22:00 to 03:00 in summer",
    ),
    Edge(
        "MTR306",
        (adjusted("name: surge, load: {above: 0.9}, multiply: 1.5"),),
        (adjusted("name: surge, load: {above: 0.9, until: 0.89}, multiply: 1.5"),),
        "until: 0.81",
    ),
    Edge(
        "MTR307",
        (adjusted("name: surge, load: {above: 2, until: 1}, multiply: 1.5"), "load_max: 2"),
        (adjusted("name: surge, load: {above: 1.9, until: 1}, multiply: 1.5"), "load_max: 2"),
        "above a load of 2",
    ),
    Edge(
        "MTR308",
        (adjusted(window("02:00", "07:00"), "name: deal, commitment: {100: 0.7}"),),
        (adjusted(window("02:00", "07:00"), "name: deal, commitment: {100: 0.72}"),),
        "0.7 × 0.7 = 0.49: 51 % off",
    ),
    Edge(
        "MTR310",
        (
            adjusted(
                "name: deal, commitment: {100: 0.8}", more="plans: {p: {included: 1, period: month, commitment: 99}}"
            ),
        ),
        (
            adjusted(
                "name: deal, commitment: {100: 0.8}", more="plans: {p: {included: 1, period: month, commitment: 100}}"
            ),
        ),
        "the highest commitment is 99",
    ),
    Edge(
        "MTR311",
        (adjusted("name: deal, commitment: {1000: 0.8}"),),
        (adjusted("name: deal, commitment: {1000: 1}"),),
        "999 credits at × 1 cost more than 1,000 credits at × 0.8: from 801 on",
    ),
    Edge(
        "MTR312",
        ("rounding: {step: 0.1, minimum: 10}\n" + adjusted(window("02:00", "07:00")),),
        ("rounding: {step: 0.1, minimum: 9}\n" + adjusted(window("02:00", "07:00")),),
        "night (× 0.7) changes no price",
    ),
    Edge(
        "MTR313",
        (adjusted(window("02:00", "07:00", more=", last: 2025-12-31")),),
        (adjusted(window("02:00", "07:00", more=", last: 2026-01-01")),),
        "ended on 2025-12-31",
    ),
    Edge("MTR402", ("unmatched: free\n" + priced(1),), ("unmatched: refuse\n" + priced(1),), "is served free"),
    Edge("MTR402", ("unmatched: a\n" + priced(1, 2),), ("unmatched: b\n" + priced(1, 2),), "costs 1 credit as a"),
    Edge(
        "MTR403",
        (priced(1), "", PATHS + "  /b: {post: {}}\n"),
        (priced(1), "", PATHS),
        "POST /b matches no route and is refused",
    ),
    Edge("MTR404", (priced(1, 2), "", PATHS), (priced(1), "", PATHS), "metered by GET /b"),
    Edge(
        "MTR405",
        (priced(1).replace("operations:\n", "operations:\n  idle: {credits: 2}\n"),),
        ("unmatched: idle\n" + priced(1).replace("operations:\n", "operations:\n  idle: {credits: 2}\n"),),
        "no route leads to idle",
    ),
    Edge(
        "MTR501",
        (selling(PAID % ""), "margin_floor: 0.5\nblended_cost: 0.00051"),
        (selling(PAID % ""), "margin_floor: 0.5\nblended_cost: 0.0005"),
        "leaves 49 % when all its credits are used (1,000 credits × 0.00051 = 0.51 of 1)",
    ),
    Edge(
        "MTR501",
        (selling(PAID % ", discount: 0.5"), "margin_floor: 0.5\nblended_cost: 0.000251"),
        (selling(PAID % ", discount: 0.5"), "margin_floor: 0.5\nblended_cost: 0.00025"),
        "leaves 74.9 % when all its credits are used (1,000 credits × 0.000251 = 0.251 of 1), and 49.8 % at its own",
    ),
    Edge(
        "MTR502",
        (selling(PAID % OVERAGE % (5000, "1.01")),),
        (selling(PAID % OVERAGE % (5000, "1")),),
        "a second small for 1 is cheaper than overage",
    ),
    Edge(
        "MTR502",
        (selling(PAID % OVERAGE % (501, "2")),),
        (selling(PAID % OVERAGE % (500, "2")),),
        "from 1,500 credits",
    ),
    Edge("MTR503", (selling(PAID % "", LARGE % 1999),), (selling(PAID % "", LARGE % 2000),), "include 2,000 credits"),
    Edge(
        "MTR504",
        (selling(PAID % ""), "price_per_credit: 0.00134"),
        (selling(PAID % ""), "price_per_credit: 0.00133"),
        "are 1.34 at the list and sold for 1: 25.4 % off",
    ),
    Edge(
        "MTR505",
        (selling("free: {included: 10, period: month}", PAID % ""),),
        (selling("free: {included: 9, period: month}", PAID % ""),),
        "100 accounts on free have what small sells for 1",
    ),
    Edge(
        "MTR505",
        (selling("free: {included: 10, period: month}", PAID % ""),),
        (selling("free: {included: 10, period: none}", PAID % ""),),
        "period: none",
    ),
    Edge(
        "MTR506",
        (selling(PAID % ""), "price_per_credit: 0.002\nbundles: {small: {buffer: 0.75}}"),
        (selling(PAID % ""), "price_per_credit: 0.002\nbundles: {small: {buffer: 1}}"),
        "say 100 %",
    ),
    Edge(
        "MTR506",
        (selling(PAID % ""), "price_per_credit: 0.002\nbundles: {small: {buffer: 0.999}}"),
        (selling(PAID % ""), "price_per_credit: 0.002\nbundles: {small: {buffer: 0.9996}}"),
        "say 100 %",
    ),
    Edge("MTR506", (selling(PAID % ""), "price_per_credit: 1\nbundles: {other: {buffer: 0}}"), (priced(1),), "no plan"),
    Edge("MTR507", (priced(1), DASHBOARD % (300, 34)), (priced(1), DASHBOARD % (300, 33)), "67 + 34 = 101 %"),
    Edge("MTR508", (priced(1), DASHBOARD % (299, 33)), (priced(1), DASHBOARD % (300, 33)), "days are 300"),
    Edge(
        "MTR509",
        (selling(PAID % ""), "offers: {A: {credits: 999, price: 1}, B: {credits: 900, price: 1}}"),
        (selling(PAID % ""), "offers: {A: {credits: 1000, price: 1}, B: {credits: 900, price: 1}}"),
        "less than any competitor (A 1.001",
    ),
]


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: f"{edge.code}-{edge.says[:40]}")
def test_a_rule_finds_what_is_beyond_its_edge_alone(edge):
    (finding,) = found(edge.code, *edge.lights)

    assert edge.says in f"{finding.problem}; {finding.fix}"
    assert found(edge.code, *edge.spares) == []


def test_every_rule_is_held_at_an_edge():
    elsewhere = {"MTR304", "MTR309", "MTR401"}

    assert {edge.code for edge in EDGES} | elsewhere == {rule.code for rule in RULES}
