"""A file's operations: their prices, meters and rounding, with the rules that the whole file shares."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from meter.credits import ONE, ZERO, Credits, Rounding, RoundingMode, text
from meter.policy.adjustments import lowest
from meter.policy.bounds import check_most
from meter.policy.document import MeterPart, RoundingPart
from meter.policy.ends import table_of
from meter.policy.mistakes import instead, shown
from meter.policy.model import (
    Above,
    Adjustment,
    Meta,
    MeterKind,
    Operation,
    Outage,
    OutageKind,
    Price,
    Rate,
    Retries,
)
from meter.policy.outage_part import OutagePart
from meter.policy.price_parts import CreditsPart
from meter.policy.sheet import Path, Sheet
from meter.policy.values import decimal, header_name, query_name

_BUILT_IN = (
    MeterKind.REQUEST_BYTES,
    MeterKind.RESPONSE_BYTES,
    MeterKind.REQUEST_EVENTS,
    MeterKind.RESPONSE_EVENTS,
    MeterKind.DURATION,
)


def operations(sheet: Sheet, adjustments: tuple[Adjustment, ...]) -> Iterator[Operation]:
    """The valid operations of a file; what is wrong with the others is reported to the sheet."""
    document = sheet.document
    shared = document.rounding or RoundingPart()
    if document.rounding:
        _rounding(sheet, ("rounding",), shared)
    for name, part in (document.operations or {}).items():
        path: Path = ("operations", name)
        merged = shared if part.rounding is None else _merged(shared, part.rounding)
        rounding = _rounding(sheet, (*path, "rounding"), merged, silent=part.rounding is None)
        price = price_of(sheet, (*path, "credits"), part.credits, part.meters or {})
        if rounding is None or price is None:
            continue
        operation = Operation(
            name=name,
            title=part.title or name,
            free=bool(part.free),
            price=price,
            rounding=rounding,
            maximum=merged.maximum,
            adjustments=adjustments,
            charge=table_of(document.charge or {}),
            last_line=bool(part.last_line),
            retries=document.retries or Retries.STORED,
            outage=_outage(document.outage),
            meta=document.meta or Meta.BODY,
            observe=bool(document.observe) if part.observe is None else part.observe,
            place=sheet.place(path, key=True),
        )
        check_price(sheet, (*path, "credits"), price, operation)
        yield operation


def price_of(
    sheet: Sheet, path: Path, written: CreditsPart | Credits | None, meters: Mapping[str, MeterPart]
) -> Price | None:
    """The price that stands at a path; None where it can't be, reported to the sheet."""
    match written:
        case CreditsPart() as parts:
            return _metered(sheet, path, parts, meters)
        case None:
            return Price(base=ZERO)
        case fixed:
            return Price(base=fixed)


def check_price(sheet: Sheet, path: Path, price: Price, rules: Operation) -> None:
    """Report a price that an operation's adjustments can make nothing of, or too much."""
    _check_discounts(sheet, path, price, rules.rounding, rules.adjustments)
    if rules.maximum is None:
        check_most(sheet, path, price, rules.rounding, rules.adjustments)


def _merged(shared: RoundingPart, own: RoundingPart) -> RoundingPart:
    said = {key: value for key, value in own if value is not None}
    return shared.model_copy(update=said)


def _rounding(sheet: Sheet, path: Path, part: RoundingPart, *, silent: bool = False) -> Rounding | None:
    """The rounding that a part describes; None where it can't be, reported unless its file's own is at fault."""
    step = part.step or ONE
    minimum = part.minimum or step
    fault = _rounding_fault(step, minimum, part.maximum)
    if not fault:
        return Rounding(mode=part.mode or RoundingMode.HALF_UP, step=step, minimum=minimum)
    if not silent:
        key, problem, fix = fault
        sheet.report((*path, key), problem, fix)
    return None


def _rounding_fault(step: Credits, minimum: Credits, maximum: Credits | None) -> tuple[str, str, str] | None:
    if minimum % step:
        return "minimum", f"{text(minimum)} is not a multiple of the step {text(step)}", "write a multiple of the step."
    if maximum is not None and maximum < minimum:
        return "maximum", f"{text(maximum)} is less than the minimum {text(minimum)}", "write at least the minimum."
    if maximum is not None and maximum % step:
        return "maximum", f"{text(maximum)} is not a multiple of the step {text(step)}", "write a multiple of the step."
    return None


def _outage(part: OutagePart | str | None) -> Outage:
    match part:
        case OutagePart(allowance=None, serve=credits) if credits is not None:
            return Outage(kind=OutageKind.SERVE, credits=credits)
        case OutagePart(allowance=credits) if credits is not None:
            return Outage(kind=OutageKind.ALLOWANCE, credits=credits)
        case _:
            return Outage()


def _metered(sheet: Sheet, path: Path, parts: CreditsPart, meters: Mapping[str, MeterPart]) -> Price | None:
    named = (*path, "per")
    rates = tuple(_rate(sheet, (*named, name), name, rate, meters) for name, rate in (parts.per or {}).items())
    known = tuple(rate for rate in rates if rate is not None)
    if len(known) < len(rates):
        return None
    price = Price(
        base=parts.base or ZERO, rates=known, at_most=parts.at_most, above=parts.above or Above.CUT, step=parts.step
    )
    if price.at_most is None and not price.known_before:
        late = next(rate.meter for rate in known if not rate.kind.known_before)
        problem = f"at_most is missing, and {late} is known only when the call ends"
        sheet.report(path, problem, "write the ceiling: at_most: 50.")
        return None
    return price


def _rate(
    sheet: Sheet, path: Path, name: str, micro_per_unit: Fraction, meters: Mapping[str, MeterPart]
) -> Rate | None:
    found = _meter(name, meters)
    if found is None:
        known = [*meters, *_BUILT_IN, "query.NAME", "header.NAME"]
        sheet.report(path, f"{shown(name)} is not a meter", instead(name, known), key=True)
        return None
    kind, source = found
    return Rate(meter=name, kind=kind, source=source, micro_per_unit=micro_per_unit)


def _meter(name: str, meters: Mapping[str, MeterPart]) -> tuple[MeterKind, str] | None:
    """What a meter's name means: its kind and its source."""
    space, _, source = name.partition(".")
    if name in meters:
        pointer = meters[name].pointer
        return (MeterKind.REPORTED, name) if pointer is None else (MeterKind.JSON, pointer)
    if name in _BUILT_IN:
        return MeterKind(name), ""
    if space == "query" and query_name(source):
        return MeterKind.QUERY, source
    if space == "header" and header_name(source):
        return MeterKind.HEADER, source.lower()
    return None


def _check_discounts(
    sheet: Sheet, path: Path, price: Price, rounding: Rounding, adjustments: tuple[Adjustment, ...]
) -> None:
    """Report a price that a discount floors to nothing: the caller would pay the minimum, and see no discount."""
    factor = lowest(adjustments)
    if rounding.mode is not RoundingMode.FLOOR or price.rates or not price.base or factor == 1:
        return
    if price.base >= rounding.step > price.base * factor:
        problem = f"{text(price.base)} × {decimal(factor)} floors to 0 credits"
        fix = f"round half_up, or write a step below {text(rounding.step)} or a higher price."
        sheet.report(path, problem, fix, about_price=True)
