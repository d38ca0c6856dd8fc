"""Kinds of calls: those of one kind cost the same, but for what they used.

A kind is an operation, the likeness of a minute, and the facts of a call and its account. Its price is found once, by
the rule; prices over what was used are found for all its calls at once, or where that can't be, for each distinct use.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from meter.economics.replay.columns import Coded, Codes, Columns, Whole, unsaid
from meter.economics.replay.lines import Units, prices, units
from meter.economics.replay.minutes import likeness
from meter.economics.replay.rule import MINUTE_SECONDS, Rule
from meter.pricing.terms import Terms

KEYS_MAX = 2**62
TABLE_MAX = 2**24
"""Up to so many possible keys, a table finds the distinct ones; beyond that they are sorted."""


class Kinds:
    """What tells calls apart in price; ``which`` says of each call of which kind it is."""

    def __init__(self, columns: Columns, rule: Rule, terms: Sequence[Terms]) -> None:
        self._columns, self._rule, self._terms = columns, rule, terms
        self._units: dict[str, Units | None] = {}
        self._minute = columns.at // MINUTE_SECONDS
        alike, many = self._likeness()
        keys = columns.operation.codes.astype(np.int64)
        keys, size = finer(keys, len(columns.operation.values), columns.facts.codes, len(columns.facts.values))
        self.which, self._firsts = distinct(*finer(keys, size, alike, many))

    def table(self) -> tuple[Whole, NDArray[np.bool_]]:
        """The price of each kind, and whether it depends on what was used: then none is said."""
        columns, rule = self._columns, self._rule
        varies = np.array([bool(rule.meters(name)) for name in columns.operation.values])
        metered = varies[columns.operation.codes[self._firsts]]
        found = [
            0 if depends else self._price(first, ())
            for first, depends in zip(self._firsts.tolist(), metered.tolist(), strict=True)
        ]
        return np.array(found, np.int64), metered

    def shown(self) -> NDArray[np.bool_]:
        """Whether the calls of each kind paid their price in full."""
        whole = np.array([facts.charged == 1 for facts in self._columns.facts.values])
        return whole[self._columns.facts.codes[self._firsts]]

    def metered(self, some: Whole) -> Whole:
        """The prices of calls of one kind, at these places, by what they used."""
        meters = self._rule.meters(self._operation(int(some[0])))
        columns = [self._columns.usage.get(meter) or unsaid(len(self._columns)) for meter in meters]
        used = [Coded(column.codes[some], column.values) for column in columns]
        said = np.all([np.array([one is not None for one in each.values])[each.codes] for each in used], axis=0)
        line = self._by_line(int(some[0]), meters, used) if bool(said.all()) else None
        return self._by_use(int(some[0]), used) if line is None else line

    def _by_line(self, first: int, meters: Sequence[str], used: Sequence[Coded[Fraction | None]]) -> Whole | None:
        operation, code = self._operation(first), int(self._columns.facts.codes[first])
        facts, terms = self._columns.facts.values[code], self._terms[code]
        reckoning = self._rule.line(operation, facts, terms, int(self._minute[first]))
        if reckoning is None or not reckoning.uses:
            return None
        read = dict(zip(meters, used, strict=True))
        wanted = [(self._whole(use.meter, read[use.meter]), read[use.meter].codes) for use in reckoning.uses]
        known = [one.of(codes) for one, codes in wanted if one is not None]
        return prices(reckoning, known) if len(known) == len(wanted) else None

    def _whole(self, meter: str, column: Coded[Fraction | None]) -> Units | None:
        """The distinct values of a meter over one denominator, found once."""
        if meter not in self._units:
            self._units[meter] = units(column.values)
        return self._units[meter]

    def _by_use(self, first: int, used: Sequence[Coded[Fraction | None]]) -> Whole:
        """By the rule alone, once for each distinct use."""
        keys, size = np.zeros(len(used[0].codes), np.int64), 1
        for each in used:
            keys, size = finer(keys, size, each.codes, len(each.values))
        which, firsts = distinct(keys, size)
        table = [self._price(first, tuple([each.values[each.codes[place]] for each in used])) for place in firsts]
        return np.asarray(np.array(table, np.int64)[which], np.int64)

    def _price(self, first: int, used: tuple[Fraction | None, ...]) -> int:
        """The price of the call at a place, had it used so much."""
        code = int(self._columns.facts.codes[first])
        facts, terms = self._columns.facts.values[code], self._terms[code]
        return self._rule.credits(self._operation(first), facts, terms, int(self._minute[first]), used)

    def _operation(self, at: int) -> str:
        return self._columns.operation.values[int(self._columns.operation.codes[at])]

    def _likeness(self) -> tuple[Codes, int]:
        """The likeness of each call's minute, as a code, and how many there are."""
        of = likeness(self._rule.policy, self._terms)
        starts = np.flatnonzero(np.diff(self._minute, prepend=self._minute[:1] - 1))
        known: dict[object, int] = {}
        codes = [known.setdefault(of(minute), len(known)) for minute in self._minute[starts].tolist()]
        return np.repeat(np.array(codes, np.int32), np.diff(starts, append=len(self._minute))), len(known)


def split(places: Whole, groups: NDArray[np.integer]) -> Iterator[Whole]:
    """Places by group; those of one group stand together."""
    if len(places):
        yield from np.split(places, np.flatnonzero(np.diff(groups)) + 1)


def finer(keys: Whole, size: int, codes: NDArray[np.integer], more: int) -> tuple[Whole, int]:
    """Keys that tell one more thing apart."""
    if size * more > KEYS_MAX:
        found, keys = np.unique(keys, return_inverse=True)
        size = len(found)
    return keys * more + codes, size * more


def distinct(keys: Whole, size: int) -> tuple[NDArray[np.integer], Whole]:
    """Which of its distinct keys each key is, and the first place of each of those."""
    if size > TABLE_MAX:
        _, firsts, which = np.unique(keys, return_index=True, return_inverse=True)
        return which, firsts
    places = np.full(size, -1, np.int64)
    places[keys[::-1]] = np.arange(len(keys) - 1, -1, -1)
    found = np.flatnonzero(places >= 0)
    number = np.zeros(size, np.int32)
    number[found] = np.arange(len(found), dtype=np.int32)
    return number[keys], places[found]
