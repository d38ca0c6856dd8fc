"""The versions of a folder's prices: checked against each other, and given to the operations that they price."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from meter.policy.document import MeterPart
from meter.policy.mistakes import instead, shown
from meter.policy.model import Operation, Price
from meter.policy.operations import check_price, price_of
from meter.policy.price_parts import PinPart, VersionPart
from meter.policy.sheet import Path, Sheet
from meter.policy.transition_part import CompoundPart
from meter.policy.versions import ORIGINAL, PriceVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One version as a file says it."""

    sheet: Sheet
    path: Path
    part: VersionPart


def versioned(
    sheets: Sequence[Sheet], operations: Mapping[str, Operation], known: set[str] | None
) -> dict[str, Operation]:
    """The operations with all versions of their prices; what is wrong with these is reported to the sheets.

    Args:
        sheets: the files.
        operations: those that are valid, at their own prices.
        known: the names of all that are declared; None where a file could not be read.
    """
    written = [Written(sheet=made, path=path, part=part) for made in sheets for path, part in _parts(made)]
    _check_names(written)
    _check_moments(written)
    _check_operations(written, operations, known)
    _check_transition(sheets)
    meters = {name: part.meters or {} for made in sheets for name, part in (made.document.operations or {}).items()}
    transition = next((made.document.transition for made in sheets if made.document.transition is not None), None)
    return {
        name: _with_versions(operation, written, meters.get(name, {}), transition)
        for name, operation in operations.items()
    }


def check_pin(sheets: Sequence[Sheet], made: Sheet, path: Path, part: PinPart | None) -> None:
    """Report a plan's pin to a version that no file has."""
    if part is None:
        return
    names = [name for one in sheets for name, _ in one.names("prices")]
    named = any(one.document.prices and one.document.prices[0].effective_at is None for one in sheets)
    known = names if named or not names else [ORIGINAL, *names]
    if part.version not in known:
        made.report(path, f"{shown(part.version)} is not a version of the prices", instead(part.version, known))


def _check_names(written: Sequence[Written]) -> None:
    for one in written:
        if one.part.version == ORIGINAL:
            problem = f"{ORIGINAL!r} is what the operations' own prices are called"
            one.sheet.report((*one.path, "version"), problem, "give the version another name.")


def _check_moments(written: Sequence[Written]) -> None:
    """Each version but the first has its moment, and each moment is after the one before."""
    last: tuple[datetime, str] | None = None
    for position, one in enumerate(written):
        moment = one.part.effective_at
        if moment is None and position:
            problem = f"{shown(one.part.version)} has no effective_at, and is not the first"
            one.sheet.report(one.path, problem, "write when it comes into force: effective_at: 2027-01-01T00:00:00Z.")
        elif moment is None and one.part.operations:
            problem = f"{shown(one.part.version)} has no effective_at, so it names the operations' own prices"
            one.sheet.report((*one.path, "operations"), problem, "leave its operations out, or write effective_at.")
        elif moment is not None and last is not None and moment <= last[0]:
            problem = f"{_said(moment)} is not after {_said(last[0])} of {shown(last[1])}"
            fix = "write the versions in the order of their moments."
            one.sheet.report((*one.path, "effective_at"), problem, fix)
        if moment is not None:
            last = moment, one.part.version


def _check_operations(written: Sequence[Written], operations: Mapping[str, Operation], known: set[str] | None) -> None:
    for one in written:
        for name in one.part.operations or {}:
            path = (*one.path, "operations", name)
            if known is not None and name not in known:
                problem = f"{shown(name)} is not an operation"
                one.sheet.report(path, problem, instead(name, sorted(known)), key=True)
            elif name in operations and operations[name].free:
                problem = f"{shown(name)} is free, and no version can price it"
                one.sheet.report(
                    path, problem, "leave it out, or write its credits in place of `free: true`.", key=True
                )


def _check_transition(sheets: Sequence[Sheet]) -> None:
    if any(made.says("prices") for made in sheets):
        return
    for made in sheets:
        if made.document.transition is not None:
            problem = "transition leads from one version of the prices to another, and there are none"
            made.report(("transition",), problem, "write prices, or leave it out.", key=True)


def _with_versions(
    operation: Operation,
    written: Sequence[Written],
    meters: Mapping[str, MeterPart],
    transition: Fraction | CompoundPart | None,
) -> Operation:
    if operation.free or not written:
        return operation
    versions, compounds = tuple(_versions(operation, written, meters)), isinstance(transition, CompoundPart)
    share = transition.compound if isinstance(transition, CompoundPart) else transition
    return replace(operation, versions=versions, transition=share, compounds=compounds)


def _versions(
    operation: Operation, written: Sequence[Written], meters: Mapping[str, MeterPart]
) -> Iterator[PriceVersion]:
    price = operation.price
    if written[0].part.effective_at is not None:
        yield PriceVersion(name=ORIGINAL, effective_at=None, price=price)
    for one in written:
        price = _price(operation, one, meters) or price
        yield PriceVersion(name=one.part.version, effective_at=one.part.effective_at, price=price)


def _price(operation: Operation, one: Written, meters: Mapping[str, MeterPart]) -> Price | None:
    """What a version says of an operation's price; None where it says nothing, or nothing that can be."""
    said = (one.part.operations or {}).get(operation.name)
    if said is None:
        return None
    path = (*one.path, "operations", operation.name)
    price = price_of(one.sheet, path, said, meters)
    if price is not None:
        check_price(one.sheet, path, price, operation)
        _check_unbounded(one.sheet, path, price, operation)
    return price


def _check_unbounded(sheet: Sheet, path: Path, price: Price, operation: Operation) -> None:
    """Report a price that asks of a request what the operation's own does not ask, or the other way round.

    A request that a price without a ceiling can't read is refused, whichever version is in force.
    """
    if _asked(price) != _asked(operation.price):
        meters = ", ".join(sorted(_asked(price) | _asked(operation.price)))
        problem = f"without at_most, {meters} must be read of every request, and not by all versions"
        sheet.report(path, problem, f"write a ceiling in each version and in {operation.name} itself: at_most: 50.")


def _asked(price: Price) -> frozenset[str]:
    return frozenset(rate.meter for rate in price.rates) if price.at_most is None else frozenset()


def _parts(made: Sheet) -> Iterator[tuple[Path, VersionPart]]:
    return made.items("prices", made.document.prices or [])


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:00Z}"
