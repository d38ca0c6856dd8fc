"""``meter simulate``: real traffic under a candidate policy, as a diff, with guardrails for the pipeline."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meter.cli.bulk.bar import Bar
from meter.cli.economics.asked import amount, asked
from meter.cli.economics.simulation import Simulation, as_object, show_markdown, show_tables
from meter.cli.ends import Exit
from meter.cli.options import Json
from meter.cli.policy_commands import read
from meter.cli.printing import counted, say, show_json
from meter.economics.exact import EconomicsError, parse_share
from meter.economics.replay.comparison import broken, compared
from meter.economics.replay.money import Earned, Prices, Window, cost, revenue
from meter.economics.replay.outcome import Replayed
from meter.economics.replay.rule import Tariff
from meter.policy.model import LoadAdjustment, Policy
from meter.settings import moment
from meter.sheets.extra import needed
from meter.sheets.left_out import LeftOut
from meter.sheets.operation_costs import operation_costs

if TYPE_CHECKING:
    from meter.economics.replay.columns import Columns

NAMED_MAX = 5


class Engine(StrEnum):
    """How calls are replayed; both say the same, to the micro-credit."""

    VECTORISED = "vectorised"
    STATEFUL = "stateful"


class Form(StrEnum):
    """How people read it."""

    TABLE = "table"
    MARKDOWN = "markdown"


Traffic = Annotated[
    list[Path],
    typer.Argument(
        metavar="TRAFFIC...",
        help="Exported ledger files or folders of them, CSV, JSON lines or Parquet of calls, access logs.",
    ),
]
Against = Annotated[Path, typer.Option("--against", metavar="DIR", help="The candidate: a policy folder, or a file.")]
Present = Annotated[
    Path | None,
    typer.Option(
        "--policies", metavar="DIR", help="The present policy, to price the old side by. Without: what was charged."
    ),
]
Price = Annotated[
    str | None, typer.Option("--price", metavar="MONEY", help="Of one credit. Without: what the plans cost.")
]
Costs = Annotated[
    Path | None,
    typer.Option("--costs", metavar="FILE", help="A table: operation, cost (of a call). Without: measured costs."),
]
Since = Annotated[str | None, typer.Option("--since", metavar="RFC3339", help="Leave out earlier calls.")]
Until = Annotated[str | None, typer.Option("--until", metavar="RFC3339", help="Leave out calls from then on.")]
MaxBillRise = Annotated[
    str | None, typer.Option("--max-bill-rise", metavar="20%", help="Fail if any customer's bill rises by more.")
]
MinMargin = Annotated[str | None, typer.Option("--min-margin", metavar="0.5", help="Fail if the margin is less.")]
EngineName = Annotated[Engine, typer.Option("--engine", help="Column by column, or call by call.")]
FormName = Annotated[Form, typer.Option("--format", help="A table, or Markdown for a pull request.")]
Worst = Annotated[int, typer.Option("--worst", min=0, help="So many customers are listed.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The traffic, and how both sides are priced."""

    columns: "Columns"
    old: Tariff
    new: Tariff


def simulate(
    traffic: Traffic,
    *,
    against: Against,
    policies: Present = None,
    price: Price = None,
    costs: Costs = None,
    since: Since = None,
    until: Until = None,
    max_bill_rise: MaxBillRise = None,
    min_margin: MinMargin = None,
    engine: EngineName = Engine.VECTORISED,
    form: FormName = Form.TABLE,
    worst: Worst = 10,
    json: Json = False,
) -> None:
    """Replay real traffic under a candidate policy: what changes, for whom, and whether the guardrails hold."""
    needed("numpy")
    rise, least = (
        None if one is None else asked(option, one, parse_share)
        for option, one in (("--max-bill-rise", max_bill_rise), ("--min-margin", min_margin))
    )
    per_credit = None if price is None else amount("--price", price)
    candidate, present = read(against), None if policies is None else read(policies)
    left_out = LeftOut()
    columns = _columns(traffic, present or candidate, left_out, _second(since, "--since"), _second(until, "--until"))
    sides = _Sides(
        columns=columns,
        old=Tariff(policy=present or candidate, as_charged=present is None),
        new=Tariff(policy=candidate),
    )
    _tell(sides, left_out)
    old, new = (_replayed(sides.columns, tariff, engine, title) for tariff, title in _titled(sides))
    each = _costs(costs, columns)
    earned = _earned(sides.old, columns, old, per_credit, each), _earned(sides.new, columns, new, per_credit, each)
    if least is not None:
        _refuse_unknown_margin(earned[1])
    comparison = compared(old, new, known=frozenset(candidate.operations), earned=earned, each=each)
    findings = broken(comparison, bill_rise=rise, margin=least)
    made = Simulation(
        comparison=comparison, window=_window(columns), left_out=left_out.count, broken=findings, worst=worst
    )
    if json:
        show_json(as_object(made))
    else:
        (show_markdown if form is Form.MARKDOWN else show_tables)(made)
    for finding in findings:
        say(finding)
    if findings:
        raise typer.Exit(Exit.FINDINGS)


def _titled(sides: _Sides) -> Iterator[tuple[Tariff, str]]:
    yield sides.old, "As it was"
    yield sides.new, "As it would be"


def _columns(paths: list[Path], routes: Policy, left_out: LeftOut, since: int | None, until: int | None) -> "Columns":
    """The traffic within the window."""
    from meter.economics.replay.columns import between  # noqa: PLC0415 - numpy is slow to import
    from meter.sheets.call_columns import traffic  # noqa: PLC0415

    columns = traffic(paths, policy=routes, left_out=left_out)
    return columns if since is None and until is None else between(columns, since, until)


def _replayed(columns: "Columns", tariff: Tariff, engine: Engine, title: str) -> Replayed:
    from meter.economics.replay import stateful, vectorised  # noqa: PLC0415 - numpy is slow to import

    with Bar(title, total=len(columns)) as bar:
        if engine is Engine.STATEFUL:
            return stateful.replayed(columns.calls(), tariff, bar.at)
        return vectorised.replayed(columns, tariff, bar.at)


def _window(columns: "Columns") -> Window:
    return Window(start=int(columns.at[0]), end=int(columns.at[-1]) + 1)


def _costs(path: Path | None, columns: "Columns") -> Mapping[str, Fraction] | None:
    """What serving a call costs, by operation; None where nothing says."""
    if path is not None:
        return operation_costs(path)
    return {name: one.money / one.calls for name, one in columns.costs.items()} or None


def _earned(
    tariff: Tariff,
    columns: "Columns",
    replayed: Replayed,
    per_credit: Fraction | None,
    each: Mapping[str, Fraction] | None,
) -> Earned | None:
    prices = Prices(per_credit=per_credit, plans=tariff.policy.plans, window=_window(columns))
    money = revenue(replayed, prices)
    if money is None:
        return None
    return Earned(revenue=money, cost=None if each is None else cost(replayed.operations, each))


def _refuse_unknown_margin(after: Earned | None) -> None:
    if after is None:
        raise EconomicsError(
            "There is no price, so there is no margin: give --price, the money of one credit, or plans with a price."
        )
    if after.cost is None:
        raise EconomicsError("There is no cost, so there is no margin: give --costs, or traffic with a column cost.")


def _tell(sides: _Sides, left_out: LeftOut) -> None:
    """Say all that the numbers do not."""
    columns, candidate = sides.columns, sides.new.policy
    if left_out.count:
        say(f"{counted(left_out.count, 'line')} left out; the first of them:")
        for sentence in left_out.first:
            say(f"  {sentence}")
    counts = columns.counts()
    unknown = {name: many for name, many in counts.items() if name not in candidate.operations}
    if unknown:
        listed = ", ".join(f"{name} ({counted(many, 'call')})" for name, many in list(unknown.items())[:NAMED_MAX])
        say(
            f"The candidate has no {listed}: {counted(sum(unknown.values()), 'call')} cost nothing by it, as nobody "
            "would be served; give it the operations, or look at their lines as lost."
        )
    for operation, meter, many in columns.unread({name: one.rates for name, one in candidate.operations.items()}):
        say(f"{counted(many, 'call')} of {operation} do not say {meter}: priced at the ceiling.")
    _tell_of_names(columns, candidate)


def _tell_of_names(columns: "Columns", candidate: Policy) -> None:
    facts = columns.facts.values
    plans = sorted({one.plan for one in facts if one.plan and one.terms is None} - set(candidate.plans))
    if plans:
        say(f"The candidate has no plan {', '.join(plans)}: nothing is included in it, and nothing is off.")
    rules = (rule for one in candidate.operations.values() for rule in one.adjustments)
    loads = {rule.name for rule in rules if isinstance(rule, LoadAdjustment)}
    never = sorted(loads.difference(*(one.load for one in facts)))
    if never:
        say(f"The traffic never says that {', '.join(never)} was on: all of it is priced as if it was off.")


def _second(written: str | None, option: str) -> int | None:
    try:
        return None if written is None else int(moment(written).timestamp())
    except ValueError as error:
        raise typer.BadParameter(
            f"{written!r} is no moment; write it with its offset, as 2026-11-01T00:00:00Z.", param_hint=option
        ) from error
