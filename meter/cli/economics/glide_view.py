"""How a planned way is written: as the object that scripts read, and as tables for people."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from meter.cli.economics.writing import json_number, money_text
from meter.cli.printing import counted, show, show_table
from meter.credits import MICRO, Credits, text
from meter.economics.glide.cohorts import Cohort
from meter.economics.glide.findings import Finding, compounding, whole_path
from meter.economics.glide.letters import send_by
from meter.economics.glide.plan import Glide, Month, Sums
from meter.economics.glide.policy import pin_commands
from meter.gateway.account_view import JsonObject

if TYPE_CHECKING:
    from meter.economics.glide.elasticity import Elasticity

BARS = "▁▂▃▄▅▆▇█"
SPARKS_MAX = 10
"""A picture of a long way takes so many of its months, as evenly as can be."""
ROWS_MAX = 16
COLUMNS_MAX = 4
"""Cohorts that are shown; --json has all."""


def glide_object(glide: Glide, found: Iterable[Finding], effect: "Elasticity | None") -> JsonObject:
    """What scripts read."""
    whole = whole_path(glide)
    return {
        "operation": glide.operation,
        "title": glide.title,
        "old": _json(glide.old),
        "target": _json(glide.new),
        "rise": json_number(glide.share),
        "start": _day(glide.schedule.start),
        "first_rise": _day(glide.schedule.first),
        "arrives": _day(glide.arrives),
        "path": [_json(paid) for paid in glide.path],
        "integer_path": None if whole is None else list(whole),
        "months": compounding(glide),
        "rounding": {
            "mode": glide.rounding.mode.value,
            "step": _json(glide.rounding.step),
            "minimum": _json(glide.rounding.minimum),
            "changed": glide.changed,
        },
        "cohorts": [_cohort_object(glide, cohort) for cohort in glide.cohorts],
        "way": [_month_object(month) for month in glide.months()],
        "money": _money_object(glide.sums()),
        "grants": list(_grant_objects(glide)),
        "pins": [line for commands in pin_commands(glide) for line in commands],
        "elasticity": _effect_object(effect),
        "findings": [{"code": one.code.value, "sentence": one.sentence, "fails": one.fails} for one in found],
    }


def show_glide(glide: Glide, found: Iterable[Finding], effect: "Elasticity | None") -> None:
    """Print it for people."""
    _show_months(glide)
    show("")
    _show_cohorts(glide)
    show("")
    for line in _summary(glide):
        show(line)
    if effect is not None:
        show(_effect(effect))
    for finding in found:
        show(f"{finding.code}: {finding.sentence}")


def _effect_object(effect: "Elasticity | None") -> JsonObject | None:
    if effect is None:
        return None
    low, high = effect.bounds
    return {
        "estimate": effect.estimate,
        "error": effect.error,
        "low": low,
        "high": high,
        "accounts": effect.accounts,
        "months": effect.months,
    }


def _effect(effect: "Elasticity") -> str:
    low, high = effect.bounds
    return (
        f"So far 1 % of price changed use by {effect.estimate:+.2f} % (an estimate, 95 % bounds {low:+.2f} to "
        f"{high:+.2f}; {effect.accounts} accounts, {effect.months} months)."
    )


def _cohort_object(glide: Glide, cohort: Cohort) -> JsonObject:
    return {
        "cohort": cohort.number + 1,
        "starts": _day(glide.schedule.begins(cohort.number)),
        "send_by": send_by(glide, cohort),
        "volume": json_number(cohort.volume),
        "accounts": list(cohort.accounts),
    }


def _month_object(month: Month) -> JsonObject:
    return {
        "begins": _day(month.begins),
        "months": json_number(month.length),
        "paid": [_json(paid) for paid in month.paid],
    }


def _money_object(sums: Sums | None) -> JsonObject | None:
    if sums is None:
        return None
    return {
        "loss": json_number(sums.loss),
        "below_cost": json_number(sums.below_cost),
        "rebate": json_number(sums.rebate),
        "kept": json_number(sums.kept),
    }


def _grant_objects(glide: Glide) -> Iterator[JsonObject]:
    for month, (begins, credits_all) in enumerate(glide.grants()):
        each = {
            name: _json(granted)
            for cohort in glide.cohorts
            for name in cohort.accounts
            if (granted := glide.grant(cohort, name, month))
        }
        yield {
            "begins": _day(begins),
            "expires": _day(glide.schedule.begins(month + 1)),
            "scope": [glide.operation],
            "credits": _json(credits_all),
            "accounts": each,
        }


def _show_months(glide: Glide) -> None:
    months = glide.months()
    shown = months if len(months) <= ROWS_MAX else (*months[: ROWS_MAX - 1], months[-1])
    cohorts = glide.cohorts[:COLUMNS_MAX]
    rows = [_month_row(glide, month, cohorts) for month in shown]
    if len(shown) < len(months):
        between = counted(len(months) - len(shown), "month")
        rows.insert(ROWS_MAX - 1, (f"… {between} …", *("…" for _ in cohorts), ""))
    names = [f"cohort {cohort.number + 1}" for cohort in cohorts]
    title = f"{glide.operation}: {text(glide.old)} → {text(glide.new)} credits a call, by cohort"
    show_table(title, ("from", *names, ""), rows)
    if len(glide.cohorts) > COLUMNS_MAX:
        show(f"… and {counted(len(glide.cohorts) - COLUMNS_MAX, 'cohort')} more: --json has all of them.")


def _month_row(glide: Glide, month: Month, cohorts: Sequence[Cohort]) -> tuple[str, ...]:
    bars = "".join(_bar(glide, paid) for paid in month.paid[: len(cohorts)])
    return _day(month.begins), *(text(month.paid[cohort.number]) for cohort in cohorts), bars


def _show_cohorts(glide: Glide) -> None:
    columns = ("cohort", "accounts", "calls", "letter by", "starts", "arrives", "way")
    show_table("Cohorts, with their calls a month", columns, [_cohort_row(glide, cohort) for cohort in glide.cohorts])


def _cohort_row(glide: Glide, cohort: Cohort) -> tuple[str, ...]:
    months = [month.paid[cohort.number] for month in glide.months()]
    return (
        str(cohort.number + 1),
        str(len(cohort.accounts)),
        f"{round(cohort.volume):,}",
        send_by(glide, cohort),
        _day(glide.schedule.begins(cohort.number)),
        _day(glide.schedule.begins(cohort.number + len(glide.path) - 2)),
        "".join(_bar(glide, paid) for paid in _some(months)),
    )


def _some(months: Sequence[Credits]) -> Sequence[Credits]:
    if len(months) <= SPARKS_MAX:
        return months
    return [months[at * (len(months) - 1) // (SPARKS_MAX - 1)] for at in range(SPARKS_MAX)]


def _bar(glide: Glide, paid: Credits) -> str:
    """A bar from the old price to the target, both of which are themselves."""
    return BARS[(paid - glide.old) * (len(BARS) - 1) // (glide.new - glide.old)]


def _summary(glide: Glide) -> Iterator[str]:
    start, all_there = _day(glide.schedule.start), _day(glide.arrives)
    yield f"New customers pay {text(glide.new)} credits from {start} on, everybody from {all_there} on."
    rises = ", ".join(f"{months} at {pct} %" for pct, months in compounding(glide).items())
    yield f"An account's way takes {counted(len(glide.path) - 1, 'month')}; by what it may rise each month: {rises}."
    sums = glide.sums()
    if sums is None:
        yield "Say --cost and --price, and it says what is lost on the way."
        return
    yield f"Calls that bring in less than they cost lose {money_text(sums.below_cost)} on the way."
    yield _in_all(sums)
    yield f"Against switching everybody at once, the way leaves {money_text(sums.rebate)} to customers."
    if glide.kept is not None:
        end = _day(glide.kept.end)
        yield f"What is kept until {end} costs {money_text(sums.kept)} beyond that, if all of it is used."


def _in_all(sums: Sums) -> str:
    if sums.loss > 0:
        return f"All calls of the way together lose {money_text(sums.loss)}."
    return f"All calls of the way together bring in {money_text(-sums.loss)} more than they cost."


def _json(amount: Credits) -> object:
    return json_number(Fraction(amount, MICRO))


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
