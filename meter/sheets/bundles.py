"""What bundles are measured by, from files: observed use, what credits cost, and what competitors offer.

Observed use is one row a month of an account (``account``, ``credits``, maybe ``plan``), or calls, whose credits are
summed by account and month (UTC). Costs are a row an operation: ``operation``, ``cost``, ``credits``, ``volume``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from meter.credits import MICRO
from meter.economics.bundles.methods import Basket, Competitor
from meter.economics.bundles.use import Use, collected
from meter.economics.exact import EconomicsError
from meter.economics.traffic import Call
from meter.policy.model import Policy
from meter.sheets.calls import TABLES, calls
from meter.sheets.left_out import LeftOut
from meter.sheets.rows import Row, Sheet, SheetError

OFFERED = ("name", "price", "credits", "calls")
"""Columns of a competitor that are no operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What operations cost, at what price in credits, and how often each is called."""

    per_credit: Fraction
    """Money for a credit, over all of their volume."""
    prices: Mapping[str, Fraction]
    """Credits a call."""
    basket: Basket


@dataclass(frozen=True, slots=True, kw_only=True)
class _Month:
    plan: str | None
    credits: Fraction


def observed_use(path: Path, policy: Policy, left_out: LeftOut) -> Use:
    """Read observed use.

    Args:
        path: a table of months, a table of calls, an exported ledger file or a folder of them, or an access log.
        policy: whose plans may be named, and whose routes say what an access log called.
        left_out: is told of months on plans that the policy no longer has, and of log lines that are no calls.

    Raises:
        SheetError: something in the file can't be used, or there is nothing in it.
    """
    if path.suffix.lower() in TABLES and not _holds_calls(path):
        return collected(_months(Sheet(path).rows("account", "credits"), policy))
    return _summed(path, calls([path], policy=policy, left_out=left_out), policy, left_out)


def costs(path: Path, policy: Policy) -> Costs:
    """Read a table of operations.

    Args:
        path: with ``operation``, ``cost`` (money a call), ``volume`` and ``credits``.
        policy: whose price is that of an operation without ``credits``.

    Raises:
        SheetError: a cell is missing, negative or no number; or nothing was called, or all of it was free.
    """
    rows = Sheet(path).rows("operation", "cost", "volume")
    prices = {row.text("operation"): _price(row, policy) for row in rows}
    _refuse_twice(rows)
    basket = Basket({row.text("operation"): row.number("volume") for row in rows})
    money = {row.text("operation"): row.number("cost") for row in rows}
    try:
        return Costs(per_credit=basket.cost_per_credit(money, prices), prices=prices, basket=basket)
    except EconomicsError as error:
        raise SheetError(f"{path}: {error}") from error


def competitors(path: Path, basket: Basket) -> tuple[Competitor, ...]:
    """Read what competitors offer, in calls of the basket.

    Args:
        path: with ``name``, ``price``, and either ``calls`` (of the basket, included) or ``credits`` and a column for
            each operation of the basket: the credits that a call of it takes there.
        basket: the mix of operations that offers are compared by.

    Raises:
        SheetError: a cell is missing, negative or no number; an offer includes nothing.
    """
    return tuple(_competitor(row, basket) for row in Sheet(path).rows("name", "price"))


def policy_prices(policy: Policy, basket: Basket) -> dict[str, Fraction]:
    """The credits that the operations of a basket cost by the policy, before what usage adds."""
    known = (policy.operations[name] for name in basket.volumes if name in policy.operations)
    return {one.name: Fraction(one.price.base, MICRO) for one in known}


def _holds_calls(path: Path) -> bool:
    first = next(iter(Sheet(path)), None)
    return first is not None and {"at", "operation"} <= first.cells.keys()


def _months(rows: Iterable[Row], policy: Policy) -> Iterator[tuple[str | None, Fraction]]:
    rows = tuple(rows)
    named = any("plan" in row.cells for row in rows)
    for row in rows:
        row.text("account")
        plan = row.text("plan") if named else None
        if plan is not None and plan not in policy.plans:
            raise row.wrong(
                "plan", f"{plan!r} is no plan of the policy; there are {', '.join(policy.plans) or 'none'}."
            )
        yield plan, row.number("credits")


def _summed(path: Path, made: Iterable[Call], policy: Policy, left_out: LeftOut) -> Use:
    months: dict[tuple[str, int, int], _Month] = {}
    volumes: dict[str, Fraction] = {}
    for call in made:
        moment = datetime.fromtimestamp(call.at, UTC)
        key = (call.account, moment.year, moment.month)
        before = months.get(key)
        used = Fraction(call.credits, MICRO) + (before.credits if before else 0)
        months[key] = _Month(plan=call.plan or (before.plan if before else None), credits=used)
        volumes[call.operation] = volumes.get(call.operation, Fraction(0)) + 1
    if not months:
        raise SheetError(f"{path}: there is no call in it; bring at least a month of them.")
    return collected(_known(path, months, policy, left_out), Basket(volumes))


def _known(
    path: Path, months: Mapping[tuple[str, int, int], _Month], policy: Policy, left_out: LeftOut
) -> Iterator[tuple[str | None, Fraction]]:
    for (account, year, month), seen in months.items():
        if seen.plan is None or seen.plan in policy.plans:
            yield seen.plan, seen.credits
        else:
            left_out.add(
                f"{path}: {account} was on {seen.plan!r} in {year}-{month:02}, which is no plan of the policy; "
                "its month is left out."
            )


def _price(row: Row, policy: Policy) -> Fraction:
    if "credits" in row.cells:
        return row.number("credits")
    operation = policy.operations.get(row.text("operation"))
    if operation is None:
        named = row.text("operation")
        raise row.wrong("credits", f"it is empty, and {named!r} is no operation of the policy; write its price.")
    return Fraction(operation.price.base, MICRO)


def _refuse_twice(rows: Iterable[Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        operation = row.text("operation")
        if operation in seen:
            raise row.wrong("operation", f"{operation!r} stands twice; keep one row for each.")
        seen.add(operation)


def _competitor(row: Row, basket: Basket) -> Competitor:
    bought = row.number("calls") if "calls" in row.cells else _bought(row, basket)
    if not bought:
        raise row.wrong("calls" if "calls" in row.cells else "credits", "0 buys nothing; write what is included.")
    if not row.number("price"):
        raise row.wrong("price", "0 can't be met by any price; leave the row out.")
    return Competitor(name=row.text("name"), price=row.number("price"), calls=bought)


def _bought(row: Row, basket: Basket) -> Fraction:
    prices = {name: row.number(name) for name in row.cells if name not in OFFERED and name in basket.volumes}
    try:
        return basket.calls(row.number("credits"), prices)
    except EconomicsError as error:
        raise row.wrong("credits", f"{row.text('name')}: {error}") from error
