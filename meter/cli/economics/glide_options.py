"""What the options of ``meter glide`` say; each that can't be is a wrong option, with the value and the fix."""

from datetime import UTC, date, datetime, time
from fractions import Fraction

import typer

from meter.cli.economics.asked import asked
from meter.credits import AmountError, Credits, parse
from meter.economics.exact import EconomicsError, parse_share
from meter.economics.exact import parse as number
from meter.economics.glide.cohorts import Schedule
from meter.economics.glide.plan import Kept, Worth, target_credits
from meter.economics.table.margins import check_cost, check_price

MARGIN = "0.7"

RISE_DECIMALS = 9
"""As many as a policy's transition may have."""


def schedule(start: str, notice: str, cohorts: int) -> Schedule:
    """When the target is in force, and when cohorts start."""
    day, days = _day(start, "--start"), _days(notice)
    try:
        return Schedule.of(day, days, cohorts)
    except EconomicsError as error:
        raise typer.BadParameter(str(error)) from error


def target(to: str | None, known: Worth | None, margin: str | None) -> Credits:
    """What a call is to cost: as said, or by the margin that it is to leave."""
    if to is not None:
        if margin is not None:
            raise typer.BadParameter(
                "the target is said by --to, or by a margin: leave one out.", param_hint="--margin"
            )
        return _credits("--to", to)
    if known is None:
        raise typer.BadParameter(
            "there is no target: say --to CREDITS, or --cost of a call and --price of a credit.", param_hint="--to"
        )
    left = asked("--margin", margin or MARGIN, parse_share)
    return asked("--margin", margin or MARGIN, lambda _: target_credits(known.cost, known.price, left))


def worth(cost: str | None, price: str | None) -> Worth | None:
    """What a call costs and a credit is worth; None where neither is said."""
    if cost is None and price is None:
        return None
    if cost is None or price is None:
        missing = "--cost" if cost is None else "--price"
        raise typer.BadParameter(
            "money needs both: --cost of a call, and --price, what a credit is worth.", param_hint=missing
        )
    return Worth(
        cost=asked("--cost", cost, lambda written: check_cost(number(written))),
        price=asked("--price", price, lambda written: check_price(number(written))),
    )


def kept(grandfather: str | None, end: str | None) -> Kept | None:
    """What stays at the old price, and until when; None where nothing does."""
    if grandfather is None and end is None:
        return None
    if grandfather is None or end is None:
        missing = "--grandfather" if grandfather is None else "--end"
        raise typer.BadParameter("what is kept has an amount and an end: say both.", param_hint=missing)
    amount = _credits("--grandfather", grandfather)
    if not amount:
        raise typer.BadParameter("0 credits are nothing to keep; leave it out.", param_hint="--grandfather")
    return Kept(credits=amount, end=datetime.combine(_day(end, "--end"), time.min, tzinfo=UTC))


def rise(written: str) -> Fraction:
    """The share of the month before that a month may add."""
    share = asked("--rise", written, parse_share)
    if not 0 < share <= 1:
        raise typer.BadParameter(
            f"{written} is no rise: write a share above 0 and at most 1 (100%); 10% to 20% are bearable.",
            param_hint="--rise",
        )
    if (share * 10**RISE_DECIMALS).denominator != 1:
        raise typer.BadParameter(f"{written} has more than {RISE_DECIMALS} decimals as a share.", param_hint="--rise")
    return share


def _days(written: str) -> int:
    digits = written.removesuffix("d")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 4):  # noqa: PLR2004 - digits of days
        raise typer.BadParameter(f"{written!r} is no number of days; write 30d.", param_hint="--notice")
    return int(digits)


def _day(written: str, option: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise typer.BadParameter(f"{written!r} is no day; write it as 2027-01-01.", param_hint=option) from error


def _credits(option: str, written: str) -> Credits:
    try:
        return parse(written)
    except AmountError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
