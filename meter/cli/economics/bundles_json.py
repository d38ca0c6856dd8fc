"""How bundles are written for scripts: exact numbers under names that stay."""

from fractions import Fraction

import msgspec

from meter.cli.economics.bundles import Report
from meter.cli.economics.writing import json_number
from meter.economics.bundles.holes import Breakeven, Cliff, Farm, Stack
from meter.economics.bundles.methods import Competitor
from meter.economics.bundles.suggest import Suggestion
from meter.gateway.account_view import JsonObject


def report_object(report: Report) -> JsonObject:
    """Shape everything for scripts."""
    market, bundles = report.market, report.bundles
    return {
        "currency": report.offers.currency,
        "period": report.offers.period,
        "cost_per_credit": json_number(market.cost),
        "list_price": _maybe(market.list_price),
        "target": json_number(market.target),
        "quantile": json_number(market.share),
        "plans": [_plan_object(plan) for plan in bundles.plans],
        "breakevens": [_breakeven_object(one) for one in bundles.breakevens],
        "cliffs": [_cliff_object(name, one) for name, one in bundles.cliffs],
        "free_accounts": [_farm_object(one) for one in bundles.farms],
        "stacks": [_stack_object(one) for one in bundles.stacks],
        "competitors": [_competitor_object(one) for one in market.competitors],
        "findings": [{"code": one.code, "subject": one.subject, "sentence": one.sentence} for one in report.findings],
        "left_out": list(report.left_out),
    }


def _plan_object(plan: Suggestion) -> JsonObject:
    return {
        "plan": plan.offer.name,
        "price": json_number(plan.offer.price),
        "included": json_number(plan.offer.credits),
        "overage": _maybe(plan.offer.overage),
        "standing_multiplier": json_number(plan.offer.standing),
        "per_credit": json_number(plan.per_credit),
        "list_discount": _maybe(plan.list_discount),
        "cost_multiple": {"at_list": _maybe(plan.at_list), "at_target": _maybe(plan.at_target)},
        "use_case": _anchor_object(plan),
        "parity": _parity_object(plan),
        "margins": [
            {
                "quantile": _maybe(one.share),
                "utilisation": json_number(one.utilisation),
                "margin": json_number(one.margin),
            }
            for one in plan.margins
        ],
        "utilisation_for_target": _maybe(plan.target_reached),
        "net_per_base_credit": {"net": json_number(plan.stacked.net), "margin": _maybe(plan.stacked.margin)},
    }


def _breakeven_object(one: Breakeven) -> JsonObject:
    return {
        "plan": one.plan,
        "other": one.other,
        "second_account": one.second,
        "credits": json_number(one.credits),
        "pays": one.pays,
    }


def _cliff_object(name: str, one: Cliff) -> JsonObject:
    return {
        "adjustment": name,
        "above": json_number(one.above),
        "below": json_number(one.below),
        "threshold": json_number(one.threshold),
        "multiply": json_number(one.multiply),
        "total": json_number(one.total),
        "saved_below": json_number(one.dearest),
    }


def _farm_object(one: Farm) -> JsonObject:
    return {
        "free": one.free,
        "plan": one.paid,
        "accounts": one.accounts,
        "saved": json_number(one.saved),
        "cost": json_number(one.cost),
        "calls": _maybe(one.calls),
    }


def _stack_object(one: Stack) -> JsonObject:
    return {
        "plan": one.big,
        "pieces": [{"plan": name, "number": number} for name, number in one.pieces],
        "price": json_number(one.price),
        "credits": json_number(one.credits),
    }


def _competitor_object(one: Competitor) -> JsonObject:
    return {
        "name": one.name,
        "price": json_number(one.price),
        "calls": json_number(one.calls),
        "per_thousand_calls": json_number(one.per_thousand_calls),
    }


def _anchor_object(plan: Suggestion) -> JsonObject | None:
    anchor = plan.anchor
    if anchor is None:
        return None
    return {
        "periods": anchor.seen,
        "all_accounts": anchor.everyone,
        "mean": json_number(anchor.mean),
        "quantiles": [
            {"quantile": json_number(share), "credits": json_number(used)} for share, used in anchor.quantiles.items()
        ],
        "credits": json_number(anchor.credits),
        "covered": json_number(anchor.covered),
    }


def _parity_object(plan: Suggestion) -> JsonObject | None:
    parity = plan.parity
    if parity is None:
        return None
    return {
        "calls": json_number(parity.calls),
        "per_thousand_calls": json_number(parity.per_thousand_calls),
        "credits_at_median": json_number(parity.credits_at_median),
        "credits_at_cheapest": json_number(parity.credits_at_cheapest),
    }


def _maybe(number: Fraction | None) -> msgspec.Raw | None:
    return None if number is None else json_number(number)
