"""What ``meter simulate`` prints: tables for people, Markdown for a pull request, JSON for scripts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from meter.cli.economics.writing import json_number, money_text
from meter.cli.printing import counted, show, show_table
from meter.credits import MICRO
from meter.economics.exact import decimal_text, percent_text
from meter.economics.replay.comparison import SIGN_SAME, Change, Comparison, Shock, rise_text
from meter.economics.replay.money import Earned, Window
from meter.gateway.account_view import JsonObject, moment_text

AT_ZERO_SHOWN_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A comparison, and what was asked of it."""

    comparison: Comparison
    window: Window
    left_out: int
    """Lines of access logs that are no calls."""
    broken: Sequence[str]
    """The guardrails that do not hold."""
    worst: int
    """So many customers are listed."""


def as_object(made: Simulation) -> JsonObject:
    """Shape it for scripts, with exact numbers."""
    comparison = made.comparison
    whole = comparison.whole
    return {
        "window": {"start": moment_text(made.window.start), "end": moment_text(made.window.end)},
        "calls": whole.calls,
        "left_out": made.left_out,
        "credits": _change_object(whole),
        "revenue": _money_object(comparison, "revenue"),
        "cost": _money_object(comparison, "cost"),
        "margin": _money_object(comparison, "margin"),
        "levels": {"old": comparison.levels[0], "new": comparison.levels[1]},
        "bill_rise": _shock_object(comparison.shock),
        "operations": [
            {"operation": one.name, **_change_object(one), "margin": _margin_object(comparison, one.name)}
            for one in comparison.operations
        ],
        "customers": [{"account": one.name, **_change_object(one)} for one in comparison.customers],
        "at_zero": [
            {
                "account": one.spell.account,
                "period": {"start": moment_text(one.spell.start), "end": moment_text(one.spell.end)},
                "included": json_number(Fraction(one.spell.included, MICRO)),
                "spent": json_number(Fraction(one.spell.micro, MICRO)),
                "at": moment_text(one.spell.zero_at),
                "before": moment_text(one.before),
            }
            for one in comparison.at_zero
        ],
        "unknown": [
            {"operation": one.name, "calls": one.calls, "old": json_number(Fraction(one.old, MICRO))}
            for one in comparison.unknown.values()
        ],
        "broken": list(made.broken),
    }


def show_tables(made: Simulation) -> None:
    """Print it for people."""
    comparison = made.comparison
    show_table("Operations", *_operations(comparison))
    show("")
    if made.worst:
        title = f"Customers (the {made.worst} whose bills rise most)"
        show_table(title, ("", "customer", *_COLUMNS), _rows(_changed(comparison.customers)[: made.worst]))
        show("")
    show_table("All", ("", "old", "new", "change"), _totals(comparison))
    show("")
    for sentence in _sentences(made):
        show(sentence)


def show_markdown(made: Simulation) -> None:
    """Print it for a pull request."""
    comparison = made.comparison
    _show_rows(*_operations(comparison))
    if made.worst:
        _show_rows(("", "customer", *_COLUMNS), _rows(_changed(comparison.customers)[: made.worst]))
    _show_rows(("", "old", "new", "change"), _totals(comparison))
    for sentence in _sentences(made):
        show(f"- {sentence}")
    for finding in made.broken:
        show(f"- ❌ {finding}")


_COLUMNS = ("calls", "old", "new", "change", "a call")


def _operations(comparison: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The operations that change, with their margins where those are known."""
    changed = _changed(comparison.operations)
    columns, rows = ("", "operation", *_COLUMNS), _rows(changed)
    if not any(comparison.margins):
        return columns, rows
    margins = [" → ".join(_known(of.get(one.name)) for of in comparison.margins) for one in changed]
    return (*columns, "margin"), [(*row, margin) for row, margin in zip(rows, margins, strict=True)]


def _known(margin: Fraction | None) -> str:
    return "none" if margin is None else percent_text(margin)


def _changed(changes: Sequence[Change]) -> list[Change]:
    return [one for one in changes if one.sign != SIGN_SAME]


def _rows(changes: Iterable[Change]) -> list[tuple[str, ...]]:
    return [
        (one.sign, one.name, f"{one.calls:,}", _credits(one.old), _credits(one.new), rise_text(one.rise), _mean(one))
        for one in changes
    ]


def _mean(one: Change) -> str:
    """What a call costs, on the mean of all, to two decimals."""
    old, new = (decimal_text(round(Fraction(micro, MICRO * one.calls), 2)) for micro in (one.old, one.new))
    return f"{old} → {new}"


def _totals(comparison: Comparison) -> Iterator[tuple[str, str, str, str]]:
    whole = comparison.whole
    yield "credits", _credits(whole.old), _credits(whole.new), rise_text(whole.rise)
    before, after = comparison.earned
    if before is not None and after is not None:
        change = (after.revenue - before.revenue) / before.revenue if before.revenue else None
        yield "revenue", money_text(before.revenue), money_text(after.revenue), rise_text(change)
        if before.cost is not None and after.cost is not None:
            yield "cost", money_text(before.cost), money_text(after.cost), ""
            yield "margin", _known(before.margin), _known(after.margin), ""
    yield "price levels", str(comparison.levels[0]), str(comparison.levels[1]), ""
    yield "periods at zero", str(comparison.at_zero_before), str(len(comparison.at_zero)), ""


def _sentences(made: Simulation) -> Iterator[str]:
    comparison = made.comparison
    same = sum(one.sign == SIGN_SAME for one in comparison.operations)
    if same:
        yield f"{counted(same, 'operation')} cost the same as before."
    shock = comparison.shock
    yield (
        f"Bills of {counted(len(comparison.customers), 'customer')}: half of them {rise_text(shock.p50)} or less, "
        f"p95 {rise_text(shock.p95)}, p99 {rise_text(shock.p99)}, "
        f"worst {rise_text(shock.worst)} ({comparison.customers[0].name})."
    )
    for one in comparison.at_zero[:AT_ZERO_SHOWN_MAX]:
        spell = one.spell
        before = "was never" if one.before is None else f"was at {moment_text(one.before)}"
        there = f"{spell.account} is at zero at {moment_text(spell.zero_at)}, of {_credits(spell.included)}"
        yield f"{there}; before, it {before}."
    more = len(comparison.at_zero) - AT_ZERO_SHOWN_MAX
    if more > 0:
        yield f"{counted(more, 'more period')} at zero; --json names all."


def _show_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    show("| " + " | ".join(columns) + " |")
    show("|" + " --- |" * len(columns))
    for row in rows:
        show("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    show("")


def _change_object(one: Change) -> JsonObject:
    return {
        "change": one.sign,
        "calls": one.calls,
        "old": json_number(Fraction(one.old, MICRO)),
        "new": json_number(Fraction(one.new, MICRO)),
        "rise": None if one.rise is None else json_number(one.rise),
    }


def _margin_object(comparison: Comparison, operation: str) -> JsonObject:
    old, new = (of.get(operation) for of in comparison.margins)
    return {name: None if one is None else json_number(one) for name, one in (("old", old), ("new", new))}


def _shock_object(shock: Shock) -> JsonObject:
    ranks = {"p50": shock.p50, "p95": shock.p95, "p99": shock.p99, "worst": shock.worst}
    return {name: None if rise is None else json_number(rise) for name, rise in ranks.items()}


def _money_object(comparison: Comparison, what: str) -> JsonObject | None:
    """A figure of both sides; None where it is not known."""
    old, new = (None if earned is None else _figure(earned, what) for earned in comparison.earned)
    if old is None and new is None:
        return None
    return {name: None if one is None else json_number(one) for name, one in (("old", old), ("new", new))}


def _figure(earned: Earned, what: str) -> Fraction | None:
    return {"revenue": earned.revenue, "cost": earned.cost, "margin": earned.margin}[what]


def _credits(micro: int) -> str:
    whole, rest = divmod(micro, MICRO)
    return f"{whole:,}" + (f".{rest:06d}".rstrip("0") if rest else "")
