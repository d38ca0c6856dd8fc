"""How a projection is shown: exact numbers as they are, estimates as such, rounded to what they are worth."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from meter.cli.economics.fan import bar, picture
from meter.cli.economics.writing import json_number
from meter.cli.printing import show
from meter.economics.exact import percent_text
from meter.economics.forecast.consumption import A_DAY, NOTHING
from meter.economics.forecast.projection import Projection
from meter.economics.forecast.runrate import used
from meter.economics.shares import percent_largest_remainder
from meter.gateway.account_view import JsonObject

QUANTILES = {"p5": 0.05, "p10": 0.1, "p50": 0.5, "p90": 0.9, "p95": 0.95}
SHOWN = {name: QUANTILES[name] for name in ("p10", "p50", "p90")}
DIGITS = 3
"""Significant digits of an estimate for people."""
SURE = 0.995
LEGEND = "█ used   ▒ passed in 9 of 10 months   ░ passed in 1 of 10 months"


def projection_object(found: Projection) -> JsonObject:
    """Shape a projection. All under ``estimate`` and under the days ahead is estimated, and all else exact."""
    use = found.use
    limited = used(use.used, use.limit) if use.limit is not None else None
    percents = percent_largest_remainder(list(use.operations.values()), 1)
    return {
        "period": {"start": use.start.isoformat(), "end": use.end.isoformat()},
        "today": use.today.isoformat(),
        "days": json_number(use.length),
        "days_over": json_number(use.elapsed),
        "known_since": use.since.isoformat(),
        "used": json_number(use.used),
        "limit": None if use.limit is None else json_number(use.limit),
        "used_percent": None if limited is None else json_number(limited.pct),
        "remaining": None if limited is None else json_number(limited.remaining),
        "operations": [
            {"operation": name, "credits": json_number(amount), "percent": json_number(percent)}
            for (name, amount), percent in zip(use.operations.items(), percents, strict=True)
        ],
        "run_rate": None if found.run_rate is None else json_number(found.run_rate),
        "estimate": _estimate(found) if found.known else None,
        "past": [{"day": day.isoformat(), "credits": json_number(amount)} for day, amount in _past(found)],
        "ahead": [
            {"day": day.isoformat(), **{name: _cents(found.on(day, chance)) for name, chance in SHOWN.items()}}
            for day in _ahead(found)
        ],
    }


def show_projection(found: Projection, account: str | None) -> None:
    """Print a projection for people, as a dashboard shows it."""
    use = found.use
    show(f"{account or 'Use'}: {use.start} to {use.end - A_DAY}, {_number(use.elapsed)} of {_number(use.length)} days")
    show("")
    _show_used(found)
    _show_operations(found)
    _show_days(found)
    _show_end(found)


def _estimate(found: Projection) -> JsonObject:
    chance = found.chance_to_run_out()
    dates = {name: found.runs_out(at) for name, at in SHOWN.items()}
    return {
        **{name: _cents(found.at_end(at)) for name, at in QUANTILES.items()},
        "chance_to_run_out": None if chance is None else round(chance, 4),
        "runs_out_by": {name: day.isoformat() if day else None for name, day in dates.items()},
    }


def _show_used(found: Projection) -> None:
    use = found.use
    if use.limit is None:
        show(f"Used: {_number(use.used)} credits")
        return
    share = use.used / use.limit
    show(f"Used: {_number(use.used)} / {_number(use.limit)} credits ({percent_text(share)})")
    show(bar(float(share)))


def _show_operations(found: Projection) -> None:
    operations = sorted(found.use.operations.items(), key=lambda one: (-one[1], one[0]))
    percents = percent_largest_remainder([amount for _, amount in operations])
    wide = max((len(name) for name, _ in operations), default=0)
    numbers = max((len(_number(amount)) for _, amount in operations), default=0)
    for (name, amount), percent in zip(operations, percents, strict=True):
        show(f"  {name:<{wide}}  {_number(amount):>{numbers}} credits ({percent} %)")


def _show_days(found: Projection) -> None:
    ahead = [(found.on(day, SHOWN["p10"]), found.on(day, SHOWN["p90"])) for day in _ahead(found)]
    lines = picture([float(amount) for _, amount in _past(found)], ahead, start=found.use.start)
    for line in ["", *lines, LEGEND, ""] if lines else [""]:
        show(line)


def _show_end(found: Projection) -> None:
    if not found.known and found.use.used:
        show("No whole day is known yet, so there is nothing to project from.")
    elif not found.known:
        show("Nothing was used yet, so there is nothing to project from.")
    elif not found.use.shares:
        show(f"The period is over: {_number(found.use.used)} credits were used.")
    else:
        low, middle, high = (_about(found.at_end(chance)) for chance in SHOWN.values())
        show(f"Projected end of period: {middle} credits ({low} to {high} in 8 of 10 months; an estimate)")
    if found.run_rate is not None:
        show(f"Run rate, every day like the average one: {_number(found.run_rate)} credits")
    if found.use.limit is not None and found.known:
        show(_running_out(found))


def _running_out(found: Projection) -> str:
    chance = found.chance_to_run_out() or 0.0
    if found.use.limit is not None and found.use.used >= found.use.limit:
        day = found.runs_out(1.0)
        return f"The credits have run out{f' on {day}' if day else ''}."
    if not found.use.shares:
        return "The credits were enough."
    days = {name: found.runs_out(at) for name, at in SHOWN.items()}
    line = f"Chance that the credits run out before: {_percent(chance)} (an estimate)"
    if not any(days.values()):
        return line
    return f"{line}\nRun out by: {', '.join(f'{_by(day)} ({name[1:]} %)' for name, day in days.items())}"


def _percent(chance: float) -> str:
    if chance > SURE:
        return "over 99 %"
    return f"{chance:.0%}".replace("%", " %") if chance >= 1 - SURE else "under 1 %"


def _by(day: date | None) -> str:
    return day.isoformat() if day else "not in this period"


def _past(found: Projection) -> list[tuple[date, Fraction]]:
    """The period's days that are over, as far as they are known."""
    use = found.use
    first = max(use.start, use.since)
    days = [first + at * A_DAY for at in range((use.today - first).days)]
    return [(day, use.days.get(day, NOTHING)) for day in days]


def _ahead(found: Projection) -> list[date]:
    return [found.use.today + at * A_DAY for at in range(len(found.use.shares))] if found.ahead else []


def _number(amount: Fraction) -> str:
    """An exact number for people, to two decimals."""
    return f"{amount.numerator:,}" if amount.denominator == 1 else f"{Decimal(round(amount * 100)).scaleb(-2):,f}"


def _about(amount: float) -> str:
    """An estimate for people: rounded to three digits."""
    digits = DIGITS - len(f"{amount:.0f}")
    return f"{round(amount, digits):,.{max(digits, 0) if amount < 1 else 0}f}"


def _cents(amount: float) -> float:
    return round(amount, 2)
