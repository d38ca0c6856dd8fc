"""How margins are shown: a table for people, worst first, with bars; JSON for scripts."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from math import isinf
from statistics import fmean as mean

from meter.cli.economics.writing import json_number, money_text
from meter.cli.printing import counted, say, show, show_json, show_table
from meter.economics.exact import percent_text
from meter.economics.margins.arbitrage import Arbitrage, arbitrages
from meter.economics.margins.groups import Grouped, total
from meter.economics.margins.verdicts import Judged, Verdict
from meter.economics.margins.window import Kept, moment
from meter.gateway.account_view import JsonObject, number
from meter.policy.model import Policy

BAR_WIDTH = 4
EIGHTHS = " ▏▎▍▌▋▊▉█"
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown."""

    kept: Kept
    floor: Fraction
    by: Sequence[str]
    judged: Sequence[Judged]
    arbitrages: Sequence[Arbitrage]


def open_ways(groups: Grouped, kept: Kept, policy: Policy | None) -> tuple[Arbitrage, ...]:
    """What a policy leaves open, with the mean costs of the calls."""
    if policy is None:
        return ()
    costs: dict[str, list[float]] = defaultdict(list)
    for call, cost in zip(kept.calls, groups.costs, strict=True):
        costs[call.operation].append(cost)
    means = {name: Fraction(f"{mean(found):.6g}") for name, found in costs.items()}
    return arbitrages(policy, means, datetime.fromtimestamp(kept.until - 1, UTC))


def show_report(report: Report, *, json: bool) -> None:
    """Print it."""
    if json:
        show_json(_object(report))
        return
    show_table(_title(report), _columns(report), map(_row, report.judged))
    show(_sum(report))
    for way in report.arbitrages:
        show(f"{way.kind}: {way.sentence}")
    names = [verdict for verdict in Verdict if verdict is not Verdict.FINE]
    counts = Counter(one.verdict for one in report.judged)
    say(", ".join(f"{counts[name]} {name}" for name in names) + f", {counts[Verdict.FINE]} fine.")


def _title(report: Report) -> str:
    kept = report.kept
    return f"Margins from {moment(kept.since)} to {moment(kept.until)}, floor {percent_text(report.floor)}"


def _columns(report: Report) -> list[str]:
    return [*report.by, "margin", "bounds %", "revenue", "cost", "calls", "verdict"]


def _row(one: Judged) -> list[object]:
    group = one.group
    return [
        *(*group.key, f"{_margin(one)} {_bar(one)}".strip(), _between(one)),
        *(money_text(group.revenue), money_text(group.cost), group.calls, _verdict(one)),
    ]


def _margin(one: Judged) -> str:
    match one.ratio:
        case None:
            return NOTHING
        case float():
            return "-∞"
        case ratio:
            return percent_text(ratio)


def _between(one: Judged) -> str:
    if one.bound.lower is None or one.bound.upper is None:
        return NOTHING
    return f"{one.bound.lower * 100:.0f}…{one.bound.upper * 100:.0f}"


def _verdict(one: Judged) -> str:
    """The verdict; where more calls would tell, with about how many more."""
    unsure = one.verdict in (Verdict.WATCH, Verdict.SUSPECT) and one.group.revenue and one.bound.more
    return f"{one.verdict} +{one.bound.more}" if unsure else one.verdict


def _bar(one: Judged) -> str:
    """A margin from 0 to 100 % as a bar; a loss has none."""
    eighths = round(max(Fraction(0), one.group.margin or Fraction(0)) * BAR_WIDTH * 8)
    return EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _sum(report: Report) -> str:
    every = total(one.group for one in report.judged)
    margin = NOTHING if every.margin is None else percent_text(every.margin)
    return (
        f"In all: {counted(every.calls, 'call')}, {money_text(every.revenue)} of revenue, {money_text(every.cost)} of "
        f"cost, margin {margin}."
    )


def _object(report: Report) -> JsonObject:
    every = total(one.group for one in report.judged)
    return {
        "from": moment(report.kept.since),
        "until": moment(report.kept.until),
        "floor": json_number(report.floor),
        "by": list(report.by),
        "groups": [_group_object(one, report.by) for one in report.judged],
        "total": {
            "calls": every.calls,
            "revenue": json_number(every.revenue),
            "cost": json_number(every.cost),
            "margin": None if every.margin is None else json_number(every.margin),
        },
        "arbitrage": [
            {"kind": way.kind, "subject": way.subject, "sentence": way.sentence, "worse": json_number(way.worse)}
            for way in report.arbitrages
        ],
    }


def _group_object(one: Judged, by: Sequence[str]) -> JsonObject:
    group, bound, ratio = one.group, one.bound, one.ratio
    infinite = isinstance(ratio, float) and isinf(ratio)
    return {
        **dict(zip(by, group.key, strict=True)),
        "verdict": one.verdict,
        "reason": one.reason,
        "margin": "-inf" if infinite else None if ratio is None else json_number(Fraction(ratio)),
        "lower": bound.lower,
        "upper": bound.upper,
        "p": bound.p,
        "p_adjusted": bound.adjusted,
        "more_calls": bound.more,
        "calls": group.calls,
        "credits": number(group.credits),
        "revenue": json_number(group.revenue),
        "cost": json_number(group.cost),
    }
