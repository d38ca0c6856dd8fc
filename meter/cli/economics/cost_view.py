"""How costs are shown to people: tables, dearest first, with bars, and what should be known before relying on them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from meter.cli.economics.writing import money_text
from meter.cli.printing import show, show_table
from meter.economics.cost.calls import Costs, Operation
from meter.economics.cost.rates import RateCard
from meter.economics.cost.sizes import Bucket
from meter.economics.cost.spread import Spread
from meter.economics.exact import decimal_text, percent_text
from meter.sheets.measured import Seen

BARS = " ▁▂▃▄▅▆▇█"
NOTHING = "–"
SIGNS: Mapping[str, str] = {"USD": "$", "EUR": "€", "GBP": "£"}
ESTIMATE_DIGITS = 6
SHORT_DIGITS = 3
THOUSAND = 1000
LARGE = ("", "k", "M", "G", "T", "P")
NAMES_MAX = 5


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown."""

    costs: Costs
    card: RateCard
    seen: Seen
    size: str | None

    def money(self, amount: Fraction) -> str:
        """Write money in the card's currency."""
        return money_text(amount, sign(self.card))

    def short(self, amount: Fraction) -> str:
        """Write money for a table: cents, and below one to three significant digits."""
        return self.money(_rounded(amount))


@dataclass(frozen=True, slots=True)
class Finding:
    """What people should know before they rely on the numbers."""

    code: str
    sentence: str
    serious: bool = False


def sign(card: RateCard) -> str:
    """What stands before an amount: a currency's sign, or its letters."""
    return SIGNS.get(card.currency, f"{card.currency} ")


def findings(report: Report) -> tuple[Finding, ...]:
    """What should be known."""
    return tuple(_findings(report))


def show_report(report: Report) -> None:
    """Print it."""
    _show_operations(report)
    _show_carried(report)
    _show_money(report)
    if report.size is not None:
        _show_sizes(report, report.size)
    for finding in findings(report):
        show("")
        show(f"{finding.code}: {finding.sentence}")


def estimate(number: float) -> Fraction:
    """A statistic, to as many digits as are worth showing."""
    return Fraction(f"{number:.{ESTIMATE_DIGITS}g}")


def _findings(report: Report) -> Iterator[Finding]:
    costs, money = report.costs, report.money
    if costs.overhead < 0:
        yield Finding(
            "bill_below_cost",
            f"The bill of {money(costs.bill or Fraction(0))} is {money(-costs.overhead)} below what the rate card says "
            f"({money(costs.direct)}); it is shared out in proportion to that. Are the rates too high, or is the bill "
            "not whole?",
            serious=True,
        )
    if costs.nobodys:
        yield Finding("nothing_billed", "No call was billed, so nobody carries what they cost.", serious=True)
    if averaged := [one.name for one in costs.operations if one.averaged]:
        yield Finding("averages", f"Single calls differ more than averages do, as were given of {_list(averaged)}.")
    if report.seen.assumed_durations:
        yield Finding(
            "assumed_duration",
            f"{report.seen.assumed_durations} rows have memory and no duration: it counts for the processor's time, "
            "and was held for longer.",
        )
    if report.seen.passed_over:
        yield Finding("no_unit", f"No rate prices {', '.join(report.seen.passed_over)}; it is left out.")


def _show_operations(report: Report) -> None:
    operations = report.costs.operations
    show_table(
        f"What a call costs ({report.card.currency})",
        ("operation", "calls", "mean", "sd", "CV", "p95"),
        [(one.name, _count(one.spread.calls), *_spread_cells(report, one.spread)) for one in operations],
    )


def _show_carried(report: Report) -> None:
    """What billed calls carry: of others too, where no call of theirs was billed."""
    operations = report.costs.operations
    most = max(one.allocated for one in operations)
    carrying = ("carried",) if any(one.carried for one in operations) else ()
    show("")
    show_table(
        "What billed calls carry",
        ("operation", "billed", *(carrying or ("direct",)), "allocated", "a billed call"),
        [_carried_row(report, one, most, carrying=bool(carrying)) for one in operations],
    )


def _carried_row(report: Report, one: Operation, most: Fraction, *, carrying: bool) -> tuple[str, ...]:
    each = one.per_billed_call
    return (
        *(one.name, percent_text(one.billed / one.spread.calls), report.short(one.carried if carrying else one.direct)),
        f"{report.short(one.allocated)} {_bar(one.allocated, most)}".rstrip(),
        NOTHING if each is None else report.short(each),
    )


def _spread_cells(report: Report, known: Spread) -> tuple[str, str, str, str]:
    cv = NOTHING if known.cv is None else f"{known.cv:.2f}"
    return report.short(known.mean), report.money(Fraction(f"{known.sd:.2g}")), cv, report.short(known.p95)


def _show_money(report: Report) -> None:
    costs, money = report.costs, report.money
    direct = costs.direct
    show("")
    show(f"Direct cost {money(direct)}{_of_it(report, 'third_party', 'third-party money')}.")
    unbilled = sum((one.unbilled for one in costs.operations), Fraction(0))
    if unbilled and not costs.nobodys:
        show(f"Calls that paid nothing cost {money(unbilled)} ({_share(unbilled, direct)}); billed ones carry it.")
    if costs.bill is not None and costs.overhead >= 0:
        show(
            f"The bill of {money(costs.bill)} exceeds it by {money(costs.overhead)} "
            f"({_share(costs.overhead, costs.bill)} of it), idle and overhead: shared out by {costs.rule}."
        )
    if costs.bill is not None:
        allocated = sum((one.allocated for one in costs.operations), Fraction(0))
        show(f"Allocated {decimal_text(allocated)} = billed {decimal_text(costs.bill)}.")


def _of_it(report: Report, name: str, called: str) -> str:
    money: Fraction = sum((getattr(one, name) for one in report.costs.operations), Fraction(0))
    return f", of which {report.money(money)} is {called}" if money else ""


def _show_sizes(report: Report, size: str) -> None:
    show("")
    show_table(
        f"By {size}",
        ("operation", size, "calls", "mean", "CV", "p95"),
        [
            (one.name, _range(bucket), _count(known.calls), *_sized_cells(report, one, known))
            for one in report.costs.operations
            for bucket, known in one.sizes
        ],
    )


def _sized_cells(report: Report, one: Operation, known: Spread) -> tuple[str, ...]:
    most = max(found.mean for _, found in one.sizes)
    mean, _, cv, p95 = _spread_cells(report, known)
    return f"{mean} {_bar(known.mean, most)}".rstrip(), cv, p95


def _bar(amount: Fraction, most: Fraction) -> str:
    return BARS[ceil(amount / most * (len(BARS) - 1))] if most else ""


def _rounded(money: Fraction) -> Fraction:
    return Fraction(round(money * 100), 100) if money >= 1 else _three_digits(money)


def _size(size: Fraction) -> str:
    """A size for people, to three significant digits: ``118k``."""
    place = next((place for place in range(len(LARGE)) if size < THOUSAND ** (place + 1)), len(LARGE) - 1)
    return f"{decimal_text(_three_digits(size / THOUSAND**place))}{LARGE[place]}"


def _three_digits(number: Fraction) -> Fraction:
    return Fraction(f"{float(number):.{SHORT_DIGITS}g}")


def _range(bucket: Bucket) -> str:
    if bucket.least == bucket.most:
        return _size(bucket.least)
    return f"{_size(bucket.least)} to {'<' if bucket.open else ''}{_size(bucket.most)}"


def _list(names: Sequence[str]) -> str:
    rest = len(names) - NAMES_MAX
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:NAMES_MAX])} and {rest} more"


def _count(calls: Fraction) -> str:
    return f"{int(calls):,}" if calls.denominator == 1 else decimal_text(calls)


def _share(part: Fraction, whole: Fraction) -> str:
    return percent_text(part / whole) if whole else NOTHING
