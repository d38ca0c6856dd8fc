"""``meter glide``: an underpriced operation's way to its target: who pays what when, and what that costs."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meter.cli.ends import Exit, Refusal
from meter.cli.options import Json, Policies, settings
from meter.cli.policy_commands import read
from meter.cli.printing import show_json
from meter.credits import Credits, text
from meter.economics.exact import EconomicsError
from meter.policy.mistakes import instead, shown
from meter.policy.model import Operation, Policy
from meter.policy.versions import ORIGINAL
from meter.sheets.extra import needed

if TYPE_CHECKING:
    from meter.economics.glide.elasticity import Elasticity

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
    str, typer.Option("--rise", metavar="SHARE", help="At most so much more than the month before: 20%, or 0.2.")
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
Seen = Annotated[
    Path | None,
    typer.Option(
        "--observed",
        metavar="FILE",
        help="A table of account, month, volume, price: what did the price do to use so far?",
    ),
]
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
    observed: Seen = None,
    policies: Policies = None,
    policy: PolicyFile = None,
    letters: Letters = None,
    pins: Pins = None,
    json: Json = False,
) -> None:
    """Plan the way of an operation's price to its target: months, cohorts, losses, letters, policy.

    Exit 1 where something has to be done before the policy can carry it out.
    """
    from meter.cli.economics import glide_files, glide_options, glide_view  # noqa: PLC0415 - only who plans a way needs them
    from meter.economics.glide.cohorts import cohorts_of  # noqa: PLC0415
    from meter.economics.glide.findings import findings  # noqa: PLC0415
    from meter.economics.glide.plan import Glide  # noqa: PLC0415
    from meter.economics.glide.rebate import fitting  # noqa: PLC0415
    from meter.sheets.volumes import volumes  # noqa: PLC0415

    share, schedule = glide_options.rise(rise), glide_options.schedule(start, notice, cohorts)
    worth, kept = glide_options.worth(cost, price), glide_options.kept(grandfather, end)
    target = glide_options.target(to, worth, margin)
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
    found, effect = tuple(findings(plan)), _effect(observed)
    glide_files.write(plan, moved, folder, policy=policy, letters=letters, pins=pins)
    if json:
        show_json(glide_view.glide_object(plan, found, effect))
    else:
        glide_view.show_glide(plan, found, effect)
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


def _effect(path: Path | None) -> "Elasticity | None":
    """What the price did to use, where somebody saw it."""
    if path is None:
        return None
    needed("numpy")
    from meter.economics.glide.elasticity import elasticity  # noqa: PLC0415 - numpy is slow to import
    from meter.sheets.observed import observed  # noqa: PLC0415

    rows = observed(path)
    try:
        return elasticity(rows)
    except EconomicsError as error:
        raise EconomicsError(f"{path}: {error}") from error
