"""``meter plans suggest``: what plans should include, what they earn, and where they leak."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from meter.cli.economics.asked import amount, asked, margin
from meter.cli.options import Json, Policies, settings
from meter.cli.policy_commands import read
from meter.cli.printing import say, show_json
from meter.economics.exact import parse_share

app = typer.Typer(no_args_is_help=True, help="What plans should include, for what price.")


@app.callback()
def _group() -> None:
    """Keep ``suggest`` a word of its own, though it is alone."""


@app.command()
def suggest(
    *,
    cost: Annotated[
        str,
        typer.Option(
            "--cost",
            metavar="MONEY|FILE",
            help="What the work of one credit costs; or a table of operations with cost, credits and volume.",
        ),
    ],
    price: Annotated[
        str | None, typer.Option("--price", metavar="MONEY", help="The list price of one credit. Without: none.")
    ] = None,
    target: Annotated[str, typer.Option("--target", metavar="SHARE", help="The margin to reach.")] = "0.7",
    use: Annotated[
        Path | None,
        typer.Option(
            "--use",
            metavar="FILE",
            help="Observed use: a table with account, credits, maybe plan, a row a month; or calls, or ledger files.",
        ),
    ] = None,
    competitors: Annotated[
        Path | None,
        typer.Option(
            "--competitors",
            metavar="FILE",
            help="Offers: name, price, and calls; or credits, and a column of credits for each operation.",
        ),
    ] = None,
    quantile: Annotated[
        str, typer.Option("--quantile", metavar="SHARE", help="The share of a plan's accounts that it should cover.")
    ] = "0.9",
    policies: Policies = None,
    json: Json = False,
) -> None:
    """Say of each plan what it should include, what it earns as it is used, and where plans leak."""
    from meter.cli.economics.bundles import Asked, reported  # noqa: PLC0415 - only who suggests needs the economics
    from meter.cli.economics.bundles_json import report_object  # noqa: PLC0415
    from meter.cli.economics.bundles_view import show_report  # noqa: PLC0415

    chosen = Asked(
        cost=cost if _is_file(cost) else amount("--cost", cost),
        list_price=_price(price),
        target=margin("--target", target),
        share=_share(quantile),
        use=use,
        competitors=competitors,
    )
    report = reported(chosen, read(settings(policies=policies).policies))
    if json:
        show_json(report_object(report))
        return
    show_report(report)
    for sentence in report.left_out:
        say(sentence)


def _is_file(written: str) -> bool:
    return Path(written).exists() or Path(written).suffix in {".csv", ".jsonl", ".ndjson", ".parquet"}


def _price(written: str | None) -> Fraction | None:
    if written is None:
        return None
    number = amount("--price", written)
    if not number:
        raise typer.BadParameter("0 is no price of a credit; leave it out where there is none.", param_hint="--price")
    return number


def _share(written: str) -> Fraction:
    number = asked("--quantile", written, parse_share)
    if not 0 < number <= 1:
        raise typer.BadParameter(f"{written} is not above 0 and at most 1; write 0.9.", param_hint="--quantile")
    return number
