"""How bundles are shown: tables and bars for people, exact numbers for scripts."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor

import msgspec

from meter.cli.economics.bundles import Report
from meter.cli.economics.writing import json_number, money_text
from meter.cli.printing import show, show_table
from meter.economics.bundles.suggest import Suggestion
from meter.economics.exact import decimal_text, percent_text
from meter.gateway.account_view import JsonObject

BAR = 20
NONE = "–"


def show_report(report: Report) -> None:
    """Print tables, the margins as bars, and the findings."""
    show_table("Plans", ("plan", "price", "included", "a credit", "off list"), _plan_rows(report))
    show("")
    show_table("Credits that a plan should include", _method_columns(report), _method_rows(report))
    _show_use(report)
    show("")
    title = f"Margin as credits are used (| is the target, {percent_text(report.market.target, 0)})"
    show_table(title, ("plan", "used", "", "margin", "at"), _margin_rows(report))
    _show_between(report)
    _show_competitors(report)
    show("")
    for finding in report.findings:
        show(f"{finding.code} {finding.sentence}")


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
        "breakevens": [
            {
                "plan": one.plan,
                "other": one.other,
                "second_account": one.second,
                "credits": json_number(one.credits),
                "pays": one.pays,
            }
            for one in bundles.breakevens
        ],
        "cliffs": [
            {
                "adjustment": name,
                "above": json_number(one.above),
                "below": json_number(one.below),
                "threshold": json_number(one.threshold),
                "multiply": json_number(one.multiply),
                "total": json_number(one.total),
                "saved_below": json_number(one.dearest),
            }
            for name, one in bundles.cliffs
        ],
        "free_accounts": [
            {
                "free": one.free,
                "plan": one.paid,
                "accounts": one.accounts,
                "saved": json_number(one.saved),
                "cost": json_number(one.cost),
                "calls": _maybe(one.calls),
            }
            for one in bundles.farms
        ],
        "stacks": [
            {
                "plan": one.big,
                "pieces": [{"plan": name, "number": number} for name, number in one.pieces],
                "price": json_number(one.price),
                "credits": json_number(one.credits),
            }
            for one in bundles.stacks
        ],
        "competitors": [
            {
                "name": one.name,
                "price": json_number(one.price),
                "calls": json_number(one.calls),
                "per_thousand_calls": json_number(one.per_thousand_calls),
            }
            for one in market.competitors
        ],
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


def _plan_rows(report: Report) -> Iterator[tuple[str, ...]]:
    for plan in report.bundles.plans:
        offer = plan.offer
        off = NONE if plan.list_discount is None else percent_text(plan.list_discount)
        yield offer.name, _money(report, offer.price), _credits(offer.credits), _money(report, plan.per_credit), off


def _method_columns(report: Report) -> tuple[str, ...]:
    market = report.market
    return (
        "plan",
        "included",
        *(["cost multiple"] if market.list_price else []),
        f"at {percent_text(market.target, 0)} if all is used",
        *([f"use case ({_quantile(market.share)})"] if market.use else []),
        *(["parity, median to cheapest"] if market.competitors else []),
    )


def _method_rows(report: Report) -> Iterator[tuple[str, ...]]:
    market = report.market
    for plan in report.bundles.plans:
        yield (
            plan.offer.name,
            _credits(plan.offer.credits),
            *([_credits(plan.at_list)] if market.list_price else []),
            _credits(plan.at_target),
            *([_credits(plan.anchor.credits if plan.anchor else None, up=True)] if market.use else []),
            *([_parity(plan)] if market.competitors else []),
        )


def _parity(plan: Suggestion) -> str:
    if plan.parity is None:
        return NONE
    return f"{_credits(plan.parity.credits_at_median)} to {_credits(plan.parity.credits_at_cheapest)}"


def _show_use(report: Report) -> None:
    anchors = [(plan.offer.name, plan.anchor) for plan in report.bundles.plans if plan.anchor]
    if not anchors:
        return
    shares = [_quantile(share) for share in anchors[0][1].quantiles]
    rows = [
        (
            name + (" (all accounts)" if anchor.everyone else ""),
            anchor.seen,
            _credits(anchor.mean),
            *(_credits(used, up=True) for used in anchor.quantiles.values()),
            percent_text(anchor.covered),
        )
        for name, anchor in anchors
    ]
    show("")
    show_table("Observed use, in credits", ("plan", "periods", "mean", *shares, "covered"), rows)


def _margin_rows(report: Report) -> Iterator[tuple[str, ...]]:
    target = report.market.target
    for plan in report.bundles.plans:
        points = [
            (one.utilisation, one.margin, "" if one.share is None else _quantile(one.share)) for one in plan.margins
        ]
        if plan.target_reached is not None and plan.target_reached <= 1:
            points.append((plan.target_reached, target, "target"))
        for utilisation, margin, name in sorted(points):
            yield plan.offer.name, percent_text(utilisation), _bar(margin, target), percent_text(margin), name


def _bar(margin: Fraction, target: Fraction) -> str:
    """A margin as a bar, with the target as a line; nothing where money is lost."""
    filled = round(max(Fraction(0), min(Fraction(1), margin)) * BAR)
    cells = ["█" if cell < filled else "·" for cell in range(BAR)]
    if round(target * BAR) < BAR:
        cells.insert(round(target * BAR), "|")
    return "".join(cells)


def _show_between(report: Report) -> None:
    bundles = report.bundles
    if bundles.breakevens:
        rows = [
            (
                one.plan,
                f"a second {one.other}" if one.second else one.other,
                _credits(one.credits, up=True),
                "" if one.pays else "never pays",
            )
            for one in bundles.breakevens
        ]
        show("")
        show_table("Cheaper than overage", ("plan", "instead", "from, in credits", ""), rows)
    if bundles.farms:
        farms = [
            (
                one.free,
                one.paid,
                f"{one.accounts:,}",
                _money(report, one.saved),
                _money(report, one.cost),
                *([] if one.calls is None else [_credits(one.calls)]),
            )
            for one in bundles.farms
        ]
        calls = ["calls"] if len(farms[0]) > len(_FARM_COLUMNS) else []
        show("")
        show_table("Free accounts in place of a plan", (*_FARM_COLUMNS, *calls), farms)


_FARM_COLUMNS = ("free", "plan", "accounts", "saved", "costs you")


def _show_competitors(report: Report) -> None:
    offered = [(one.name, one.price, one.calls, one.per_thousand_calls) for one in report.market.competitors]
    own = [
        (plan.offer.name, plan.offer.price, plan.parity.calls, plan.parity.per_thousand_calls)
        for plan in report.bundles.plans
        if plan.parity
    ]
    if not offered:
        return
    ranked = sorted([*offered, *own], key=lambda row: row[3])
    rows = [(name, _money(report, price), _credits(calls), _money(report, each)) for name, price, calls, each in ranked]
    show("")
    show_table("Calls of the basket", ("offer", "price", "calls", "1,000 calls"), rows)


def _quantile(share: Fraction) -> str:
    return f"p{decimal_text(share * 100)}"


def _credits(credits: Fraction | None, *, up: bool = False) -> str:  # noqa: A002
    """Whole credits: rounded down where they are given, up where they are needed."""
    if credits is None:
        return NONE
    return f"{ceil(credits) if up else floor(credits):,}"


def _money(report: Report, money: Fraction) -> str:
    """Money with its currency's sign, or its name where it has none here."""
    currency = report.offers.currency
    signs = {None: "$", "USD": "$", "EUR": "€", "GBP": "£"}
    return money_text(money, signs.get(currency, f"{currency} "))
