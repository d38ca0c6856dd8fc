"""``meter glide``: an underpriced operation's way to its target: who pays what when, and what that costs."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from meter.cli.ends import Exit, Refusal
from meter.cli.options import Json, Policies, settings
from meter.cli.policy_commands import read
from meter.cli.printing import show_json
from meter.credits import AmountError, Credits, text
from meter.credits import parse as parse_credits
from meter.economics.exact import EconomicsError, parse
from meter.policy.mistakes import instead, shown
from meter.policy.model import Operation, Policy
from meter.policy.versions import ORIGINAL

if TYPE_CHECKING:
    from meter.economics.glide.cohorts import Schedule
    from meter.economics.glide.plan import Kept, Worth

T = TypeVar("T")

MARGIN = "0.7"

RISE_DECIMALS = 9
"""As many as a policy's transition may have."""

Name = Annotated[str, typer.Argument(metavar="OPERATION", help="The operation that is underpriced.")]
To = Annotated[str | None, typer.Option("--to", metavar="CREDITS", help="What a call is to cost in the end.")]
Cost = Annotated[
    str | None,
    typer.Option("--cost", metavar="MONEY", help="What serving a call costs."),
]
Price = Annotated[str | None, typer.Option("--price", metavar="MONEY", help="What a credit is worth.")]
Margin = Annotated[
    str | None, typer.Option("--margin", metavar="SHARE", help="That the target leaves; 0.7 by default, 0 breaks even.")
]
Rise = Annotated[
    str, typer.Option("--rise", metavar="SHARE", help="Of the old price, at most more each month: 20%, or 0.2.")
]
Start = Annotated[
    str, typer.Option("--start", metavar="DATE", help="New customers pay the target from here on.", show_default=False)
]
Notice = Annotated[
    str, typer.Option("--notice", metavar="DAYS", help="How long nobody who is there pays more: 30d, or 30.")
]
Cohorts = Annotated[int, typer.Option("--cohorts", help="Groups of accounts that start a month apart.")]
Use = Annotated[
    Path,
    typer.Option(
        "--use",
        metavar="FILE",
        help="Calls a month: a table of account, volume; or calls, or exported ledger files (the last 30 days).",
        show_default=False,
    ),
]
Grandfather = Annotated[
    str | None,
    typer.Option("--grandfather", metavar="CREDITS", help="So much use a month that stays at the old price."),
]
End = Annotated[str | None, typer.Option("--end", metavar="DATE", help="The first day on which nothing is kept.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", metavar="FILE", help="Write the policy file that carries it out, too.")
]
Letters = Annotated[
    Path | None, typer.Option("--letters", metavar="DIR", help="Write the customers' notice of each cohort, too.")
]
Pins = Annotated[
    Path | None, typer.Option("--pins", metavar="FILE", help="Write the commands that pin the accounts, too.")
]


def glide(
    operation: Name,
    *,
    start: Start,
    use: Use,
    to: To = None,
    cost: Cost = None,
    price: Price = None,
    margin: Margin = None,
    rise: Rise = "20%",
    notice: Notice = "30d",
    cohorts: Cohorts = 3,
    grandfather: Grandfather = None,
    end: End = None,
    policies: Policies = None,
    policy: PolicyFile = None,
    letters: Letters = None,
    pins: Pins = None,
    json: Json = False,
) -> None:
    """Plan the way of an operation's price to its target: months, cohorts, losses, letters, policy.

    Exit 1 where something has to be done before the policy can carry it out.
    """
    from meter.cli.economics import glide_files, glide_view  # noqa: PLC0415 - only who plans a way needs them
    from meter.economics.glide.cohorts import cohorts_of  # noqa: PLC0415
    from meter.economics.glide.findings import findings  # noqa: PLC0415
    from meter.economics.glide.plan import Glide  # noqa: PLC0415
    from meter.economics.glide.rebate import fitting  # noqa: PLC0415
    from meter.sheets.volumes import volumes  # noqa: PLC0415

    share, schedule = _rise(rise), _schedule(start, notice, cohorts)
    worth, kept = _worth(cost, price), _kept(grandfather, end)
    target = _target(to, worth, margin)
    folder = settings(policies=policies).policies
    moved = _operation(read(folder), operation, target)
    pinned, old = _old(moved, schedule.start)
    plan = Glide(
        operation=operation,
        title=moved.title,
        old=old,
        new=target,
        share=share,
        present=moved.rounding,
        rounding=fitting(old, target, share, moved.rounding),
        schedule=schedule,
        cohorts=cohorts_of(volumes(use, operation), cohorts),
        pinned=pinned,
        worth=worth,
        kept=kept,
    )
    found = tuple(findings(plan))
    glide_files.write(plan, moved, folder, policy=policy, letters=letters, pins=pins)
    if json:
        show_json(glide_view.glide_object(plan, found))
    else:
        glide_view.show_glide(plan, found)
    if any(finding.fails for finding in found):
        raise typer.Exit(Exit.FINDINGS)


def _operation(policy: Policy, name: str, target: Credits) -> Operation:
    """An operation that can be moved: one that has a price, and a fixed one.

    Raises:
        Refusal: there is none of that name, it is free, its price depends on use, or it never costs the target.
    """
    found = policy.operations.get(name)
    if found is None:
        raise Refusal(f"The policy has no operation {shown(name)}; {instead(name, policy.operations)}")
    if found.free:
        raise Refusal(
            f"{found.place}: {name} is free, and a share of nothing is nothing: no rise leads anywhere from there; "
            "write its credits in place of `free: true`, with notice."
        )
    if found.rates:
        meters = ", ".join(rate.meter for rate in found.rates)
        raise Refusal(
            f"{found.place}: the price of {name} depends on use ({meters}), and only fixed prices are planned; "
            "write the version of its prices by hand: the transition walks it call by call."
        )
    if found.maximum is not None and target > found.maximum:
        raise Refusal(
            f"{found.place}: {name} costs at most {text(found.maximum)} by its rounding's maximum, and the target is "
            f"{text(target)}; raise the maximum, or aim lower."
        )
    return found


def _old(operation: Operation, start: datetime) -> tuple[str, Credits]:
    """The version and the price in force just before the target."""
    from meter.pricing.versions import in_force  # noqa: PLC0415

    if not operation.versions:
        return ORIGINAL, operation.price.base
    version = in_force(operation.versions, start - timedelta(minutes=1))
    return version.name, version.price.base


def _schedule(start: str, notice: str, cohorts: int) -> "Schedule":
    from meter.economics.glide.cohorts import Schedule  # noqa: PLC0415

    day, days = _day(start, "--start"), _days(notice)
    try:
        return Schedule.of(day, days, cohorts)
    except EconomicsError as error:
        raise typer.BadParameter(str(error)) from error


def _target(to: str | None, worth: "Worth | None", margin: str | None) -> Credits:
    from meter.economics.glide.plan import target_credits  # noqa: PLC0415

    if to is not None:
        if margin is not None:
            raise typer.BadParameter(
                "the target is said by --to, or by a margin: leave one out.", param_hint="--margin"
            )
        return _option("--to", to, parse_credits)
    if worth is None:
        raise typer.BadParameter(
            "there is no target: say --to CREDITS, or --cost of a call and --price of a credit.", param_hint="--to"
        )
    left = _share(margin or MARGIN, "--margin")
    return _option("--margin", margin or MARGIN, lambda _: target_credits(worth.cost, worth.price, left))


def _worth(cost: str | None, price: str | None) -> "Worth | None":
    from meter.economics.glide.plan import Worth  # noqa: PLC0415
    from meter.economics.table.margins import check_cost, check_price  # noqa: PLC0415

    if cost is None and price is None:
        return None
    if cost is None or price is None:
        missing = "--cost" if cost is None else "--price"
        raise typer.BadParameter(
            "money needs both: --cost of a call, and --price, what a credit is worth.", param_hint=missing
        )
    return Worth(
        cost=_option("--cost", cost, lambda written: check_cost(parse(written))),
        price=_option("--price", price, lambda written: check_price(parse(written))),
    )


def _kept(grandfather: str | None, end: str | None) -> "Kept | None":
    from meter.economics.glide.plan import Kept  # noqa: PLC0415

    if grandfather is None and end is None:
        return None
    if grandfather is None or end is None:
        missing = "--grandfather" if grandfather is None else "--end"
        raise typer.BadParameter("what is kept has an amount and an end: say both.", param_hint=missing)
    kept = _option("--grandfather", grandfather, parse_credits)
    if not kept:
        raise typer.BadParameter("0 credits are nothing to keep; leave it out.", param_hint="--grandfather")
    return Kept(credits=kept, end=datetime.combine(_day(end, "--end"), time.min, tzinfo=UTC))


def _rise(written: str) -> Fraction:
    share = _share(written, "--rise")
    if not 0 < share <= 1:
        raise typer.BadParameter(
            f"{written} is no rise: write a share above 0 and at most 1 (100%); 10% to 20% are bearable.",
            param_hint="--rise",
        )
    if (share * 10**RISE_DECIMALS).denominator != 1:
        raise typer.BadParameter(f"{written} has more than {RISE_DECIMALS} decimals as a share.", param_hint="--rise")
    return share


def _share(written: str, option: str) -> Fraction:
    """A share, written as ``20%`` or ``0.2``."""
    number = _option(option, written.removesuffix("%").strip(), parse)
    return number / 100 if written.endswith("%") else number


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


def _option(name: str, written: str, read_it: Callable[[str], T]) -> T:
    try:
        return read_it(written)
    except (EconomicsError, AmountError) as error:
        raise typer.BadParameter(str(error), param_hint=name) from error
