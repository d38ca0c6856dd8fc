"""A quote's record: one compact JSON object that a ledger entry keeps, and that re-rates by itself.

Amounts are whole micro-credits and factors are fractions, both as text, so that no reader can round them.
"""

import json
from datetime import datetime
from fractions import Fraction
from typing import Any

from meter.credits import ZERO, Credits, Rounding, RoundingMode, parse_micro
from meter.policy.model import CommitmentAdjustment, LoadAdjustment, Operation
from meter.pricing import trace
from meter.pricing.conditions import Conditions, Factor, LoadReading
from meter.pricing.reckoning import Reckoning, Use
from meter.pricing.versions import version_name
from meter.pricing.words import moment_text


def written(operation: Operation, conditions: Conditions, policy: str, reckoning: Reckoning, moment: datetime) -> str:
    """Write down all that re-rating needs, and the conditions that the operation's adjustments looked at."""
    record: dict[str, object] = {
        "operation": operation.name,
        "policy": policy,
        "moment": f"{moment:%Y-%m-%dT%H:%M:00Z}",
    }
    if (version := version_name(operation, conditions)) is not None:
        record["prices"] = version
        if conditions.pin is not None:
            record["pin"] = [conditions.pin.version, moment_text(conditions.pin.until)]
    record |= _numbers(reckoning)
    kinds = {type(adjustment) for adjustment in operation.adjustments}
    if LoadAdjustment in kinds:
        record["load"] = _load(operation, conditions.load)
    if CommitmentAdjustment in kinds:
        record["commitment"] = str(conditions.commitment)
    if conditions.drill or conditions.load.drill:
        record["drill"] = True
    return json.dumps(record, separators=(",", ":"))


def re_rate(record: str) -> Credits:
    """The price that a record's own numbers come to; equal to its ``credits``, or the record is wrong."""
    return _reckoning(json.loads(record)).credits


def retold(record: str) -> tuple[str, ...]:
    """How the price of a record comes about, a sentence a step."""
    said = json.loads(record)
    prices = f" and its prices {said['prices']}" if "prices" in said else ""
    when = f"By policy {said['policy']}{prices}, for a call at {said['moment']}:"
    return when, *trace.retold(said["operation"], _reckoning(said))


def _numbers(reckoning: Reckoning) -> dict[str, object]:
    rounding = reckoning.rounding
    numbers: dict[str, object] = {"base": str(reckoning.base)}
    if reckoning.uses:
        numbers["usage"] = [[use.meter, _text(use.units), str(use.micro_per_unit)] for use in reckoning.uses]
    if reckoning.list_price is not None:
        numbers["list_price"] = str(reckoning.list_price)
    if reckoning.added:
        numbers["added"] = str(reckoning.added)
    if reckoning.at_most is not None:
        numbers["at_most"] = str(reckoning.at_most)
    if reckoning.factors:
        numbers["factors"] = [[factor.name, str(factor.multiply)] for factor in reckoning.factors]
    numbers["rounding"] = [rounding.mode, str(rounding.step), str(rounding.minimum)]
    if reckoning.maximum is not None:
        numbers["maximum"] = str(reckoning.maximum)
    return numbers | {"exact": str(reckoning.exact), "credits": str(reckoning.credits)}


def _text(units: Fraction | None) -> str | None:
    return None if units is None else str(units)


def _load(operation: Operation, load: LoadReading) -> dict[str, object]:
    names = {adjustment.name for adjustment in operation.adjustments}
    return {"on": sorted(load.on & names), "sample": str(load.sample), "since": load.since}


def _reckoning(record: dict[str, Any]) -> Reckoning:
    mode, step, minimum = record["rounding"]
    return Reckoning(
        base=parse_micro(record["base"]),
        uses=tuple(_use(*written_use) for written_use in record.get("usage", ())),
        list_price=_amount(record.get("list_price")),
        added=_amount(record.get("added")) or ZERO,
        at_most=_amount(record.get("at_most")),
        factors=tuple(
            Factor(name=name, multiply=Fraction(multiply), reason="") for name, multiply in record.get("factors", ())
        ),
        rounding=Rounding(mode=RoundingMode(mode), step=parse_micro(step), minimum=parse_micro(minimum)),
        maximum=_amount(record.get("maximum")),
    )


def _use(meter: str, units: str | None, micro_per_unit: str) -> Use:
    return Use(meter=meter, units=None if units is None else Fraction(units), micro_per_unit=Fraction(micro_per_unit))


def _amount(micro: str | None) -> Credits | None:
    return None if micro is None else parse_micro(micro)
