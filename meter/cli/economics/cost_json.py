"""Costs as scripts read them."""

from fractions import Fraction

from meter.cli.economics.cost_view import Report, estimate, findings
from meter.cli.economics.writing import json_number
from meter.economics.cost.calls import Operation
from meter.economics.cost.spread import Spread
from meter.gateway.account_view import JsonObject


def costs_object(report: Report) -> JsonObject:
    """What scripts read."""
    costs = report.costs
    return {
        "currency": report.card.currency,
        "share_by": costs.rule.value,
        "bill": None if costs.bill is None else json_number(costs.bill),
        "direct": json_number(costs.direct),
        "overhead": json_number(costs.overhead),
        "allocated": json_number(sum((one.allocated for one in costs.operations), Fraction(0))),
        "operations": [_operation(one) for one in costs.operations],
        "findings": [{"code": one.code, "sentence": one.sentence} for one in findings(report)],
    }


def _operation(one: Operation) -> JsonObject:
    each = one.per_billed_call
    return {
        "operation": one.name,
        **_spread(one.spread),
        "billed_calls": json_number(one.billed),
        "direct": json_number(one.direct),
        "third_party": json_number(one.third_party),
        "unbilled": json_number(one.unbilled),
        "allocated": json_number(one.allocated),
        "carried": json_number(one.carried),
        "per_billed_call": None if each is None else json_number(each),
        "averaged": one.averaged,
        "sizes": [
            {"from": json_number(bucket.least), "to": json_number(bucket.most), "open": bucket.open, **_spread(known)}
            for bucket, known in one.sizes
        ],
    }


def _spread(known: Spread) -> JsonObject:
    return {
        "calls": json_number(known.calls),
        "mean": json_number(known.mean),
        "sd": json_number(estimate(known.sd)),
        "cv": None if known.cv is None else json_number(estimate(known.cv)),
        "p95": json_number(known.p95),
    }
