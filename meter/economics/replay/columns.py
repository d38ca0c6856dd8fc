"""Traffic column by column: whole numbers in numpy arrays, and all else as codes of few distinct values.

Whoever makes columns sorts them by time first (``ordered``), calls of one second as they came.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from meter.credits import Credits
from meter.economics.exact import EconomicsError
from meter.economics.replay.rule import Facts
from meter.economics.traffic import Call
from meter.policy.model import Rate

Whole = NDArray[np.int64]
Codes = NDArray[np.int32]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Coded(Generic[T]):
    """A column of few distinct values."""

    codes: Codes
    values: tuple[T, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What serving some calls cost, as far as it was measured."""

    calls: int = 0
    money: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Calls in order of time."""

    at: Whole
    account: Coded[str]
    operation: Coded[str]
    micro: Whole
    """What each cost."""
    facts: Coded[Facts]
    usage: Mapping[str, Coded[Fraction | None]] = field(default_factory=dict)
    """By meter."""
    costs: Mapping[str, Measured] = field(default_factory=dict)
    """By operation."""

    def __len__(self) -> int:
        """How many calls."""
        return len(self.at)

    def calls(self) -> Iterator[Call]:
        """The calls, one by one, without what they cost to serve."""
        meters = [(meter, column.codes.tolist(), column.values) for meter, column in self.usage.items()]
        accounts, operations, facts = self.account.values, self.operation.values, self.facts.values
        columns = zip(
            self.at.tolist(),
            self.account.codes.tolist(),
            self.operation.codes.tolist(),
            self.micro.tolist(),
            self.facts.codes.tolist(),
            strict=True,
        )
        nothing: dict[str, Fraction] = {}
        for number, (at, account, operation, micro, code) in enumerate(columns):
            fact = facts[code]
            yield Call(
                at=at,
                account=accounts[account],
                operation=operations[operation],
                credits=Credits(micro),
                plan=fact.plan,
                commitment=fact.commitment,
                load=fact.load,
                charged=fact.charged,
                terms=fact.terms,
                usage=_units(meters, number) if meters else nothing,
            )

    def counts(self) -> dict[str, int]:
        """How many calls each operation has."""
        many = np.bincount(self.operation.codes, minlength=len(self.operation.values)).tolist()
        return {name: calls for name, calls in zip(self.operation.values, many, strict=True) if calls}

    def unread(self, rates: Mapping[str, Sequence[Rate]]) -> Iterator[tuple[str, str, int]]:
        """Operation, meter and number of calls for each meter that a price depends on, and calls do not say."""
        for code, name in enumerate(self.operation.values):
            here = self.operation.codes == code
            for meter in (rate.meter for rate in rates.get(name, ())):
                column = self.usage.get(meter) or unsaid(len(self))
                silent = np.array([units is None for units in column.values])
                many = int(np.count_nonzero(here & silent[column.codes]))
                if many:
                    yield name, meter, many


def columns_of(calls: Iterable[Call]) -> Columns:
    """Put calls into columns.

    Raises:
        EconomicsError: there is no call.
    """
    made = _Maker()
    for call in calls:
        made.take(call)
    return ordered(made.columns())


def ordered(columns: Columns) -> Columns:
    """The same calls in order of time.

    Raises:
        EconomicsError: there is none.
    """
    if not len(columns):
        raise EconomicsError("There is no call in the traffic; name files that hold some, or another window of time.")
    if bool(np.all(columns.at[1:] >= columns.at[:-1])):
        return columns
    return taken(columns, np.argsort(columns.at, kind="stable"))


def taken(columns: Columns, which: NDArray[np.int64]) -> Columns:
    """The calls at these places; the measured costs stay those of all."""
    return replace(
        columns,
        at=columns.at[which],
        account=_of(columns.account, which),
        operation=_of(columns.operation, which),
        micro=columns.micro[which],
        facts=_of(columns.facts, which),
        usage={meter: _of(column, which) for meter, column in columns.usage.items()},
    )


def between(columns: Columns, since: int | None, until: int | None) -> Columns:
    """The calls of a window of time, [since, until); the measured costs stay those of all.

    Raises:
        EconomicsError: there is none.
    """
    begin = 0 if since is None else int(np.searchsorted(columns.at, since))
    end = len(columns) if until is None else int(np.searchsorted(columns.at, until))
    return ordered(taken(columns, np.arange(begin, max(begin, end))))


def joined(parts: Iterable[Columns]) -> Columns:
    """The calls of several columns, in order of time; of one second, in the order of the parts.

    Raises:
        EconomicsError: there is no call.
    """
    found = list(parts)
    if len(found) == 1:
        return ordered(found[0])
    meters = list(dict.fromkeys(meter for part in found for meter in part.usage))
    return ordered(
        Columns(
            at=np.concatenate([part.at for part in found]),
            account=_joined([part.account for part in found]),
            operation=_joined([part.operation for part in found]),
            micro=np.concatenate([part.micro for part in found]),
            facts=_joined([part.facts for part in found]),
            usage={meter: _joined([part.usage.get(meter) or unsaid(len(part)) for part in found]) for meter in meters},
            costs=_summed(found),
        )
    )


def unsaid(calls: int) -> Coded[Fraction | None]:
    """A meter of which the traffic says nothing."""
    return Coded(np.zeros(calls, np.int32), (None,))


def _units(meters: list[tuple[str, list[int], tuple[Fraction | None, ...]]], number: int) -> dict[str, Fraction]:
    said = ((meter, values[codes[number]]) for meter, codes, values in meters)
    return {meter: units for meter, units in said if units is not None}


def _of(column: Coded[T], which: NDArray[np.int64]) -> Coded[T]:
    return Coded(column.codes[which], column.values)


def _joined(columns: list[Coded[T]]) -> Coded[T]:
    known: dict[T, int] = {}
    found = []
    for column in columns:
        new = np.array([known.setdefault(value, len(known)) for value in column.values], np.int32)
        found.append(new[column.codes])
    return Coded(np.concatenate(found), tuple(known))


def _summed(parts: list[Columns]) -> dict[str, Measured]:
    sums: dict[str, Measured] = {}
    for part in parts:
        for operation, one in part.costs.items():
            before = sums.get(operation, Measured())
            sums[operation] = Measured(calls=before.calls + one.calls, money=before.money + one.money)
    return sums


class _Maker:
    """Columns while they grow."""

    def __init__(self) -> None:
        self._at: list[int] = []
        self._micro: list[int] = []
        self._account: list[int] = []
        self._operation: list[int] = []
        self._facts: list[int] = []
        self._accounts: dict[str, int] = {}
        self._operations: dict[str, int] = {}
        self._known_facts: dict[Facts, int] = {}
        self._usage: dict[str, tuple[dict[int, int], dict[Fraction | None, int]]] = {}
        self._costs: dict[str, tuple[int, Fraction]] = {}

    def take(self, call: Call) -> None:
        """Add a call."""
        facts = Facts(
            plan=call.plan, commitment=call.commitment, load=call.load, charged=call.charged, terms=call.terms
        )
        for meter, units in call.usage.items():
            places, values = self._usage.setdefault(meter, ({}, {None: 0}))
            places[len(self._at)] = values.setdefault(units, len(values))
        if call.cost is not None:
            measured, money = self._costs.get(call.operation, (0, Fraction(0)))
            self._costs[call.operation] = measured + 1, money + call.cost
        self._at.append(call.at)
        self._micro.append(call.credits)
        self._account.append(self._accounts.setdefault(call.account, len(self._accounts)))
        self._operation.append(self._operations.setdefault(call.operation, len(self._operations)))
        self._facts.append(self._known_facts.setdefault(facts, len(self._known_facts)))

    def columns(self) -> Columns:
        """What there is by now."""
        return Columns(
            at=np.array(self._at, np.int64),
            account=Coded(np.array(self._account, np.int32), tuple(self._accounts)),
            operation=Coded(np.array(self._operation, np.int32), tuple(self._operations)),
            micro=np.array(self._micro, np.int64),
            facts=Coded(np.array(self._facts, np.int32), tuple(self._known_facts)),
            usage={meter: self._column(*said) for meter, said in self._usage.items()},
            costs={name: Measured(calls=calls, money=money) for name, (calls, money) in self._costs.items()},
        )

    def _column(self, places: dict[int, int], values: dict[Fraction | None, int]) -> Coded[Fraction | None]:
        codes = np.zeros(len(self._at), np.int32)
        codes[list(places)] = list(places.values())
        return Coded(codes, tuple(values))
