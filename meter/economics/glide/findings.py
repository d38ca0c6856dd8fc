"""What is to be known of a way besides its numbers: where it is stuck, slow, or needs something done by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from meter.credits import MICRO, text
from meter.economics.exact import decimal_text
from meter.economics.glide.paths import STUCK, integer_path, months_to
from meter.economics.glide.plan import Glide, percent
from meter.economics.glide.policy import rounding_text

RISES = (10, 15, 20)
"""Percent a month that customers are used to."""


class Code(StrEnum):
    """What a finding is about."""

    STUCK = "stuck"
    """Whole credits cannot walk it."""
    ROUNDING = "rounding"
    """The operation's rounding cannot pay it."""
    STEEP = "steep"
    """More than 20 % a month."""
    EMPTY = "empty"
    """A cohort has no account."""
    GRANTS = "grants"
    """What is kept at the old price is granted each month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One of them, as a sentence with the fix."""

    code: Code
    sentence: str
    fails: bool = False
    """Whether the way can't be carried out before something is done."""


def whole_path(glide: Glide) -> tuple[int | str, ...] | None:
    """The path in whole credits that rises by as much; None where a price is none."""
    if glide.old % MICRO or glide.new % MICRO:
        return None
    return integer_path(glide.old // MICRO, glide.new // MICRO, glide.share * 100)


def compounding(glide: Glide) -> dict[str, int]:
    """The months that a compounding rise takes, by percent a month: the usual ones, and this way's own."""
    rises = sorted({*map(Fraction, RISES), glide.share * 100})
    return {decimal_text(pct): months_to(Fraction(glide.new, glide.old), pct) for pct in rises}


def findings(glide: Glide) -> Iterator[Finding]:
    """All that is to be known."""
    yield from _stuck(glide)
    yield from _rounding(glide)
    if glide.share > Fraction(RISES[-1], 100):
        yield Finding(
            code=Code.STEEP,
            sentence=f"{percent(glide.share)} a month is more than the 10 to 20 % that customers bear; "
            "rise more slowly, or say why it can't wait.",
        )
    for cohort in glide.cohorts:
        if not cohort.accounts:
            sentence = f"Cohort {cohort.number + 1} has no account; fewer cohorts do."
            yield Finding(code=Code.EMPTY, sentence=sentence)
    if glide.kept is not None:
        yield Finding(
            code=Code.GRANTS,
            sentence="No version of prices knows a volume: what is kept at the old price has to be granted each month, "
            f"scoped to {glide.operation} and expiring with the month, by POST /_meter/accounts/ACCOUNT/grants or "
            "`meter import`; --json says how much to whom.",
        )


def _stuck(glide: Glide) -> Iterator[Finding]:
    path = whole_path(glide)
    if path is None or path[-1] != STUCK:
        return
    now, next_price = path[-2], text(glide.path[1])
    yield Finding(
        code=Code.STUCK,
        sentence=f"Whole credits are stuck at {now}: {percent(glide.share)} of it is less than one. The rebate walks "
        f"it in micro-credits: {text(glide.path[0])}, then {next_price}.",
    )


def _rounding(glide: Glide) -> Iterator[Finding]:
    if glide.changed:
        yield Finding(
            code=Code.ROUNDING,
            sentence=f"Prices of {glide.operation} are rounded to {text(glide.present.step)}, which can't pay this "
            f"way; write beside its credits: {rounding_text(glide)}. Its adjusted prices get these decimals too.",
            fails=True,
        )
