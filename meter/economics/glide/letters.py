"""The customers' notice of a cohort, as Markdown: what changes, from when, how much, why, what stays, what one can do.

It says nothing of costs in money, and nothing of other cohorts: whoever sends it may send it as it is.
"""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

from meter.credits import MICRO, Credits, text
from meter.economics.exact import percent_text
from meter.economics.glide.cohorts import Cohort
from meter.economics.glide.plan import Glide, Kept, percent

ROWS_MAX = 24
"""Two years of months are listed; of a longer way the rest is said in a sentence."""


def letter(glide: Glide, cohort: Cohort) -> str:
    """The notice for the accounts of a cohort."""
    begins = _day(glide.schedule.begins(cohort.number))
    return "\n\n".join(
        (
            f"<!-- Cohort {cohort.number + 1} of {len(glide.cohorts)}; send it by {send_by(glide, cohort)}. -->",
            f"# {glide.title}: a new price from {begins} on",
            _change(glide, cohort),
            "## What you pay",
            "\n".join(_table(glide, cohort)),
            "## Why",
            _why(glide),
            "## What stays",
            "\n".join(f"- {line}" for line in _stays(glide, cohort)),
            "## What you can do",
            "\n".join(f"- {line}" for line in _can_do(glide)) + "\n",
        )
    )


def send_by(glide: Glide, cohort: Cohort) -> str:
    """The last day on which a cohort's letter leaves it the whole notice."""
    return _day(glide.schedule.begins(cohort.number) - glide.schedule.notice)


def _change(glide: Glide, cohort: Cohort) -> str:
    begins, reached = _day(glide.schedule.begins(cohort.number)), _day(_reached(glide, cohort))
    return (
        f"A call of {glide.title} (`{glide.operation}`) costs {_credits(glide.old)} today. From {begins} on its price "
        f"rises month by month, to {_credits(glide.new)} from {reached} on. New customers pay {_credits(glide.new)} "
        f"from {_day(glide.schedule.start)} on."
    )


def _table(glide: Glide, cohort: Cohort) -> Iterator[str]:
    yield "| from | credits a call | on the month before |"
    yield "|---|---|---|"
    yield f"| today | {text(glide.path[0])} | |"
    for month, (before, after) in enumerate(pairwise(glide.path[: ROWS_MAX + 1])):
        begins = _day(glide.schedule.begins(cohort.number + month))
        yield f"| {begins} | {text(after)} | +{percent_text(Fraction(after, before) - 1)} |"
    if len(glide.path) > ROWS_MAX + 1:
        yield ""
        yield (
            f"After that it rises by at most {percent(glide.share)} each month, until {_credits(glide.new)} are "
            f"reached on {_day(_reached(glide, cohort))}."
        )


def _why(glide: Glide) -> str:
    worth = glide.worth
    if worth is not None and Fraction(glide.old, MICRO) * worth.price < worth.cost:
        return "Serving a call costs us more than its present price brings in. The new price covers it."
    return "The present price no longer covers what it takes to serve a call and to keep the service running."


def _stays(glide: Glide, cohort: Cohort) -> Iterator[str]:
    yield f"Until {_day(glide.schedule.begins(cohort.number))} you pay what you pay today."
    yield f"No month's price is more than {percent(glide.share)} above that of the month before."
    yield "Other operations keep their prices; what is taken off for the hour or a commitment is taken off as before."
    yield "The credits that you have stay yours."
    if glide.kept is not None:
        yield _kept(glide, glide.kept)


def _kept(glide: Glide, kept: Kept) -> str:
    calls = Fraction(kept.credits, glide.old) // 1
    return (
        f"Until {_day(kept.end)}, {calls:,} calls a month go on costing you {_credits(glide.old)} each: each month you "
        f"get the credits that they cost more, for {glide.title} alone, and good for that month."
    )


def _can_do(glide: Glide) -> Iterator[str]:
    yield f"See what comes next, and when: `GET /credits/prices` lists it for `{glide.operation}` under `next`."
    yield "Have it told with your calls: send `Credits-Preview: next`, and read `X-Credits-Next` in the answer."
    yield "Write to us before your price changes, if this does not work for you."


def _reached(glide: Glide, cohort: Cohort) -> datetime:
    return glide.schedule.begins(cohort.number + len(glide.path) - 2)


def _credits(amount: Credits) -> str:
    written = text(amount)
    return f"{written} credit" if written == "1" else f"{written} credits"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
