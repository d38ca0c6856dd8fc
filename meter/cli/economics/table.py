"""``meter table build``: what each operation should cost in credits, and a credit in money."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from meter.cli.economics.asked import asked
from meter.cli.economics.table_view import show_built, table_object
from meter.cli.ends import Exit, Refusal
from meter.cli.options import Json
from meter.cli.printing import say, show_json
from meter.economics.exact import EconomicsError, parse, parse_share
from meter.economics.table.build import Choices, Table, build
from meter.economics.table.findings import findings
from meter.economics.table.ladders import LADDERS, Ladder, ladder
from meter.economics.table.margins import check_cost, check_price, check_target
from meter.economics.table.policy import policy_text
from meter.economics.table.rounding import Mode, mode_of
from meter.sheets.ladder import ladder_file
from meter.sheets.profile import profile
from meter.sheets.rate_card import rate_card

app = typer.Typer(no_args_is_help=True, help="The credit table: what operations should cost, and why.")

File = Annotated[
    Path,
    typer.Argument(
        metavar="PROFILE",
        help="A table (.csv, .jsonl, .parquet) with the columns operation and cost (money a call) or, beside --rates, "
        "measured ones; and where they are known value (a multiplier), volume (calls a month) and title.",
    ),
]
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="OPERATION", help="What one raw credit stands for. Without: the cheapest."),
]
LadderName = Annotated[
    str,
    typer.Option(
        "--ladder", metavar="LADDER", help=f"{', '.join(LADDERS)}, numbers such as 1,3,10, or a file with numbers."
    ),
]
RoundingName = Annotated[str, typer.Option("--rounding", metavar="MODE", help=f"{', '.join(Mode)}.")]
Target = Annotated[
    str, typer.Option("--margin", metavar="SHARE", help="The margin aimed at, from 0 to below 1: 0.7 is 70 %.")
]
Price = Annotated[
    str | None,
    typer.Option(
        "--price",
        metavar="MONEY",
        help="Money a credit. Without: the least round price that reaches the margin, over the calls of a month where "
        "their volume is known, else on each operation.",
    ),
]
Blended = Annotated[
    str | None,
    typer.Option("--blended-cost", metavar="MONEY", help="What a credit costs on average, in place of known volumes."),
]
Rates = Annotated[
    Path | None,
    typer.Option(
        "--rates",
        metavar="FILE",
        help="A rate card (.yaml, or a table), where the profile has measured columns, such as cpu_ms, and no cost.",
        exists=True,
        dir_okay=False,
    ),
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", metavar="FILE", help="Write the table as a new policy file, too.")
]


@app.callback()
def table() -> None:
    """The credit table: what operations should cost, and why."""


@app.command("build")
def build_table(
    file: File,
    *,
    rates: Rates = None,
    base: Base = None,
    ladder: LadderName = "article",
    rounding: RoundingName = Mode.NEAREST_LOG.value,
    margin: Target = "0.7",
    price: Price = None,
    blended_cost: Blended = None,
    policy: PolicyFile = None,
    json: Json = False,
) -> None:
    """Turn measured costs into friendly credits, and price the credit; exit 1 where the margin is missed."""
    choices = Choices(
        target=asked("--margin", margin, lambda written: check_target(parse_share(written))),
        ladder=_ladder(ladder),
        mode=asked("--rounding", rounding, mode_of),
        base=base,
        price=None if price is None else asked("--price", price, lambda written: check_price(parse(written))),
        blended=None if blended_cost is None else asked("--blended-cost", blended_cost, _cost),
    )
    built = _built(file, rates, choices)
    found = findings(built)
    if policy is not None:
        _write_policy(policy, built)
    if json:
        show_json(table_object(built, found))
    else:
        show_built(built, found)
    if any(finding.misses for finding in found):
        raise typer.Exit(Exit.FINDINGS)


def _cost(written: str) -> Fraction:
    return check_cost(parse(written))


def _ladder(written: str) -> Ladder:
    path = Path(written)
    if written not in LADDERS and path.is_file():
        return ladder_file(path)
    return asked("--ladder", written, ladder)


def _built(file: Path, rates: Path | None, choices: Choices) -> Table:
    profiles = profile(file, rate_card(rates) if rates else None)
    try:
        return build(profiles, choices)
    except EconomicsError as error:
        said = str(error)
        raise EconomicsError(said if said.startswith(str(file)) else f"{file}: {said}") from error


def _write_policy(path: Path, built: Table) -> None:
    """Write the policy, once its own check accepts it; never over a file that is there."""
    from meter.policy.compile import Source, compile_policy  # noqa: PLC0415 - reading YAML is slow to import

    text = policy_text(built)
    compile_policy([Source(file=str(path), text=text)])
    try:
        with path.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise Refusal(f"{path} is there already, and is not written over; remove it, or name another file.") from error
    say(f"Wrote {path}; add the routes that lead to its operations.")
