"""What is wrong with a credit table, the worst first: calls that lose money, margins that are missed, values lifted."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from meter.economics.exact import decimal_text, percent_text
from meter.economics.table.build import Line, Table
from meter.economics.table.rounding import Mode
from meter.economics.table.units import required_credits

BASIS_POINTS = 10_000


class Code(StrEnum):
    """What kind of finding, in the order in which they are told."""

    FREE_WITH_COST = "free_with_cost"
    """Every call costs money and earns none."""
    MIX_BELOW_TARGET = "mix_below_target"
    """All calls of a month together leave less than the target."""
    BELOW_COST = "below_cost"
    """A call earns less than it costs."""
    BELOW_TARGET = "below_target"
    """A call leaves less than the target."""
    BELOW_FIRST_STEP = "below_first_step"
    """Its value was lifted to the first step of the ladder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know before the table is used."""

    code: Code
    operation: str | None
    """None: it is about all of them."""
    sentence: str
    misses: bool
    """Whether the table misses its margin by it."""


def findings(table: Table) -> tuple[Finding, ...]:
    """Everything to know about a table.

    Its margin is missed by a mix below the target where the calls of a month are known, else by any operation below the
    target; and always by a free call that costs money, and by one that is sold below cost.
    """
    found = [*_mix(table), *(finding for line in _worst_first(table) for finding in _of_line(line, table))]
    order = list(Code)
    return tuple(sorted(found, key=lambda finding: order.index(finding.code)))


def share_text(share: Fraction) -> str:
    """A share to as few decimals as tell it, rounded down: what is just below a target is not written like it."""
    for decimals in (0, 1):
        if (share * 100 * 10**decimals).denominator == 1:
            return percent_text(share, decimals)
    return percent_text(Fraction((share * BASIS_POINTS).__floor__(), BASIS_POINTS), 2)


def _worst_first(table: Table) -> list[Line]:
    def ratio(line: Line) -> tuple[bool, Fraction]:
        known = line.margin.ratio
        return (True, known) if isinstance(known, Fraction) else (False, line.margin.money)

    return sorted(table.lines, key=ratio)


def _mix(table: Table) -> Iterator[Finding]:
    target = table.choices.target
    if table.mix_margin is not None and table.mix_margin < target:
        sentence = (
            f"Over the calls of a month the margin is {share_text(table.mix_margin)}, below {share_text(target)}."
        )
        yield Finding(code=Code.MIX_BELOW_TARGET, operation=None, sentence=sentence, misses=True)


def _of_line(line: Line, table: Table) -> Iterator[Finding]:
    name, target = line.profile.operation, table.choices.target
    if not line.credits and line.profile.cost:
        yield Finding(code=Code.FREE_WITH_COST, operation=name, sentence=_free(line), misses=True)
    elif line.margin.money < 0:
        yield Finding(code=Code.BELOW_COST, operation=name, sentence=_below(line, table), misses=True)
    elif not line.margin.reaches(target):
        yield Finding(code=Code.BELOW_TARGET, operation=name, sentence=_below(line, table), misses=not table.mixed)
    if (
        table.choices.mode is not Mode.MARGIN_SAFE
        and line.profile.value
        and line.valued < table.choices.ladder.steps[0]
    ):
        yield Finding(code=Code.BELOW_FIRST_STEP, operation=name, sentence=_lifted(line), misses=False)


def _free(line: Line) -> str:
    cost, volume = line.profile.cost, line.profile.volume
    month = f"; a month of them loses {decimal_text(cost * volume)}" if volume else ""
    return f"{line.profile.operation} is free and costs {decimal_text(cost)} a call{month}."


def _below(line: Line, table: Table) -> str:
    earned, cost, left = line.credits * line.price, line.profile.cost, line.margin.ratio
    (required,) = required_credits([cost], line.price, table.choices.target)
    _, step = table.choices.ladder.around(required)
    reaching = "no step of the ladder reaches" if step is None else f"from {decimal_text(step)} credits on it reaches"
    share = f", a margin of {share_text(left)}" if isinstance(left, Fraction) else ""
    return (
        f"{line.profile.operation} earns {decimal_text(earned)} a call and costs {decimal_text(cost)}{share}; "
        f"{reaching} {share_text(table.choices.target)}."
    )


def _lifted(line: Line) -> str:
    return (
        f"{line.profile.operation} is worth {decimal_text(line.valued)} credits and costs "
        f"{decimal_text(line.credits)}, the ladder's first step."
    )
