"""How bundles are shown to people: tables, margins as bars, and the findings in sentences."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor

from meter.cli.economics.bundles import Report
from meter.cli.economics.writing import money_text
from meter.cli.printing import show, show_table
from meter.economics.bundles.suggest import Suggestion
from meter.economics.exact import decimal_text, percent_text

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
