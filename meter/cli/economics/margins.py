"""``meter margins``: what is left of what calls brought in, who is surely underpaid, and what invites arbitrage."""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from meter.cli.economics.asked import amount, asked, margin
from meter.cli.ends import Exit, Refusal
from meter.cli.options import Json, Policies, second, settings
from meter.cli.policy_commands import read
from meter.cli.printing import say
from meter.economics.exact import EconomicsError
from meter.economics.margins.groups import BY, Paid, keys
from meter.economics.margins.window import Kept, Window
from meter.economics.margins.worth import Worth
from meter.economics.traffic import Call
from meter.policy.model import Policy
from meter.settings import variable
from meter.sheets.calls import TABLES, calls
from meter.sheets.entries import ENDING
from meter.sheets.extra import needed
from meter.sheets.lots import lots
from meter.sheets.operation_costs import operation_costs
from meter.sheets.rows import SheetError

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE…", help="Exported ledger files or folders of them; tables of calls (CSV, Parquet, …)."
    ),
]
By = Annotated[
    str,
    typer.Option("--by", metavar="NAMES", help=f"What to group by, with commas between: {', '.join(BY)}, size:METER."),
]
Floor = Annotated[str, typer.Option("--floor", metavar="SHARE", help="The margin that there should be, such as 0.5.")]
Price = Annotated[
    str | None,
    typer.Option("--price", metavar="MONEY", help="What a credit is worth whose lot and plan don't say it."),
]
Costs = Annotated[
    Path | None,
    typer.Option("--costs", metavar="FILE", help="A table of operation, cost: for calls whose cost was not measured."),
]
From = Annotated[str | None, typer.Option("--from", metavar="RFC3339", help="The first moment of the window.")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="RFC3339", help="Its end. Without: just after the last call.")
]
Days = Annotated[int | None, typer.Option("--days", min=1, max=3660, help="How long it is; 7 by default.")]


def margins(
    files: Files,
    *,
    by: By = "operation",
    floor: Floor = "0.5",
    price: Price = None,
    costs: Costs = None,
    policies: Policies = None,
    since: From = None,
    until: Until = None,
    days: Days = None,
    json: Json = False,
) -> None:
    """Say which margins are surely below a floor, worst first, and which prices invite arbitrage."""
    least, value = margin("--floor", floor), None if price is None else amount("--price", price)
    window, names = _window(since, until, days), _names(by)
    needed("scipy")
    from meter.cli.economics import margins_view  # noqa: PLC0415 - numpy and scipy are slow to import
    from meter.economics.margins.groups import grouped  # noqa: PLC0415
    from meter.economics.margins.verdicts import confirmed, judged  # noqa: PLC0415

    policy = _policy(policies)
    kept = window.kept(calls(_known(files)))
    worth = Worth(plans=policy.plans if policy else {}, lots=lots(files), price=value)
    groups = grouped(_paid(kept, worth, {} if costs is None else operation_costs(costs)), names)
    report = margins_view.Report(
        kept, least, names, judged(groups, least), margins_view.open_ways(groups, kept, policy)
    )
    margins_view.show_report(report, json=json)
    if confirmed(report.judged):
        raise typer.Exit(Exit.FINDINGS)


def _names(by: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in by.split(",")))
    asked("--by", by, lambda _: keys(names))
    return names


def _window(since: str | None, until: str | None, days: int | None) -> Window:
    if since and until and days:
        raise typer.BadParameter("two of --from, --until and --days say it all; leave one out.", param_hint="--days")
    try:
        return Window.of(_second(since, "--from"), _second(until, "--until"), days)
    except EconomicsError as error:
        raise typer.BadParameter(str(error), param_hint="--until") from error


def _second(written: str | None, option: str) -> int | None:
    try:
        return second(written)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint=option) from error


def _policy(folder: Path | None) -> Policy | None:
    """The policy that is named, by the option or in the environment; a folder that happens to be there is not meant."""
    if folder is None and variable("policies") not in os.environ:
        return None
    return read(settings(policies=folder).policies)


def _known(files: Iterable[Path]) -> list[Path]:
    """The files, none of them an access log: such a line tells no credits, and would look free."""
    found = list(files)
    for path in found:
        if not (path.is_dir() or path.name.endswith(ENDING) or path.suffix.lower() in TABLES):
            raise SheetError(
                f"{path}: an access log says nothing of credits, so nobody knows what its calls brought in; name "
                f"exported ledger files ({ENDING}) or a table of calls ({', '.join(TABLES)})."
            )
    return found


def _paid(kept: Kept, worth: Worth, profile: dict[str, Fraction]) -> Iterator[Paid]:
    assumed = 0
    for call in kept.calls:
        assumed += call.cost is None
        yield call, worth.parts(call), profile_cost(call, profile)
    if assumed:
        say(f"Of {len(kept.calls)} calls {assumed} have the cost of the table: bounds know nothing of its spread.")


def profile_cost(call: Call, profile: dict[str, Fraction]) -> Fraction:
    """What serving a call cost: as measured, else as the table says.

    Raises:
        Refusal: neither is known.
    """
    cost = call.cost if call.cost is not None else profile.get(call.operation)
    if cost is None:
        at = datetime.fromtimestamp(call.at, UTC).isoformat().replace("+00:00", "Z")
        raise Refusal(
            f"Nobody knows what a call of {call.operation} cost (that of {call.account} at {at}, for one); measure it, "
            f"in a column cost, or name a table of operation, cost with --costs that has a row for it."
        )
    return cost
