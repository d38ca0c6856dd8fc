"""The replay column by column: each distinct price is found once, by the same rule, and then given to all its calls.

Sums are exact: of 64-bit integers, and of halves of amounts where these might pass.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from meter.credits import ZERO, Credits
from meter.economics.replay.columns import Coded, Columns, Whole
from meter.economics.replay.kinds import Kinds, distinct, split
from meter.economics.replay.outcome import Done, Replayed, Spell, Sum, unwatched
from meter.economics.replay.rule import Rule, Tariff
from meter.pricing.allotment import included_in
from meter.pricing.calendar import period_containing
from meter.pricing.terms import Period, Terms

HALF_BITS = 27
"""An amount has at most 53 bits; sums of halves of them stay below 2⁶³ for 2³⁶ calls."""


def replayed(columns: Columns, tariff: Tariff, done: Done = unwatched) -> Replayed:
    """Replay calls.

    Raises:
        EconomicsError: a call has no price.
    """
    rule = Rule(tariff.policy)
    terms = [rule.terms(facts) for facts in columns.facts.values]
    if tariff.as_charged:
        micro, prices = columns.micro, _paid(columns, rule, columns.micro)
    else:
        micro, prices = _priced(columns, rule, terms, done)
    done(len(columns))
    return Replayed(
        operations=_sums(columns.operation, micro),
        accounts=_sums(columns.account, micro),
        spells=_spells(columns, terms, micro),
        prices=prices,
    )


def _sums(by: Coded[str], micro: Whole) -> dict[str, Sum]:
    calls = np.bincount(by.codes, minlength=len(by.values)).tolist()
    totals = _totals(by.codes, len(by.values), micro)
    return {
        name: Sum(calls=many, micro=total) for name, many, total in zip(by.values, calls, totals, strict=True) if many
    }


def _totals(codes: NDArray[np.integer], size: int, micro: Whole) -> list[int]:
    """Exact sums by code."""
    halves = []
    for half in (micro >> HALF_BITS, micro & (2**HALF_BITS - 1)):
        sums = np.zeros(size, np.int64)
        np.add.at(sums, codes, half)
        halves.append(sums.tolist())
    return [(high << HALF_BITS) + low for high, low in zip(*halves, strict=True)]


def _priced(columns: Columns, rule: Rule, terms: Sequence[Terms], done: Done) -> tuple[Whole, frozenset[int]]:
    """The price of each call, and the distinct ones."""
    kinds = Kinds(columns, rule, terms)
    table, metered = kinds.table()
    micro = table[kinds.which]
    there = np.flatnonzero(metered[kinds.which])
    in_kinds = there[np.argsort(kinds.which[there], kind="stable")]
    told = len(columns) - len(there)
    for some in split(in_kinds, kinds.which[in_kinds]):
        micro[some] = kinds.metered(some)
        told += len(some)
        done(told)
    return micro, frozenset(table[kinds.shown() & ~metered].tolist()) - {0}


def _paid(columns: Columns, rule: Rule, micro: Whole) -> frozenset[int]:
    """The distinct prices of calls that paid a fixed one in full."""
    fixed = np.array([not rule.meters(name) for name in columns.operation.values])
    whole = np.array([facts.charged == 1 for facts in columns.facts.values])
    shown = micro[fixed[columns.operation.codes] & whole[columns.facts.codes]]
    return frozenset(np.unique(shown).tolist()) - {0}


def _spells(columns: Columns, terms: Sequence[Terms], micro: Whole) -> dict[tuple[str, int], Spell]:
    """Every account in each of its periods."""
    periods = _Periods(columns, terms)
    starts = len(periods.starts)
    groups = columns.account.codes.astype(np.int64) * starts + periods.start[periods.which]
    size = len(columns.account.values) * starts
    number, _ = distinct(groups, size)
    found = int(number.max()) + 1
    lasts = np.zeros(found, np.int64)
    lasts[number] = np.arange(len(columns))
    totals = _totals(number, found, micro)
    included = np.array(periods.included, np.int64)[periods.which]
    zeros = _zeros(columns.at, number, found, micro, included, totals)
    made = {}
    for group, last in enumerate(lasts.tolist()):
        code = int(periods.which[last])
        period = periods.periods[code]
        spell = Spell(
            account=columns.account.values[columns.account.codes[last]],
            plan=periods.plans[code],
            start=period.start,
            end=period.end,
            included=periods.included[code],
            micro=totals[group],
            zero_at=zeros[group],
        )
        made[spell.account, spell.start] = spell
    return made


class _Periods:
    """The periods of all terms over the time of the traffic; ``which`` says of each call in which of them it was."""

    def __init__(self, columns: Columns, terms: Sequence[Terms]) -> None:
        first, last = int(columns.at[0]), int(columns.at[-1])
        self.periods: list[Period] = []
        self.included: list[Credits] = []
        self.plans: list[str] = []
        self.which = np.zeros(len(columns), np.int64)
        numbers: dict[Terms, int] = {}
        codes = np.array([numbers.setdefault(one, len(numbers)) for one in terms], np.int32)[columns.facts.codes]
        for one, code in numbers.items():
            own = list(_periods(one, first, last))
            edges = np.array([period.start for period in own[1:]], np.int64)
            here = slice(None) if len(numbers) == 1 else np.flatnonzero(codes == code)
            self.which[here] = np.searchsorted(edges, columns.at[here], side="right") + len(self.periods)
            self.periods += own
            self.included += [included_in(one, period) for period in own]
            self.plans += [one.plan] * len(own)
        self.starts = sorted({period.start for period in self.periods})
        places = {start: place for place, start in enumerate(self.starts)}
        self.start = np.array([places[period.start] for period in self.periods], np.int64)


def _periods(terms: Terms, first: int, last: int) -> Iterator[Period]:
    """The periods from the one that contains ``first`` to the one that contains ``last``."""
    period = period_containing(terms, first)
    yield period
    while period.end is not None and period.end <= last:
        period = period_containing(terms, period.end)
        yield period


def _zeros(  # noqa: PLR0917 - columns, and what is known of their groups
    at: Whole, number: NDArray[np.integer], found: int, micro: Whole, included: Whole, totals: Sequence[int]
) -> list[int | None]:
    """When each group had spent what is included."""
    zeros: list[int | None] = [None] * found
    least = np.full(found, np.iinfo(np.int64).max, np.int64)
    np.minimum.at(least, number, np.where(included > 0, included, np.iinfo(np.int64).max))
    reached = np.array([total >= bound for total, bound in zip(totals, least.tolist(), strict=True)])
    there = np.flatnonzero(reached[number])
    in_groups = there[np.argsort(number[there], kind="stable")]
    for some in split(in_groups, number[in_groups]):
        group = int(number[some[0]])
        place = _first_zero(micro[some], included[some], totals[group])
        if place is not None:
            zeros[group] = int(at[some[place]])
    return zeros


def _first_zero(micro: Whole, included: Whole, total: int) -> int | None:
    """The first place at which so much was spent as is included; in Python's integers where 64 bits may not do."""
    if total >= np.iinfo(np.int64).max:
        running = zip(accumulate(micro.tolist()), included.tolist(), strict=True)
        return next((place for place, (spent, bound) in enumerate(running) if 0 < bound <= spent), None)
    hit = (included > ZERO) & (np.cumsum(micro) >= included)
    place = int(np.argmax(hit))
    return place if hit[place] else None
