"""The options of ``meter check --economics``; light, since every start of the command line imports them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """A way of writing findings."""

    FULL = "full"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


Economics = Annotated[bool, typer.Option("--economics", help="Look for what loses money or customers, too.")]
Costs = Annotated[
    list[Path] | None,
    typer.Option(
        "--costs",
        metavar="FILE",
        help="What calls cost: operation and cost (.csv, .jsonl, .parquet), or declared economics (.yaml).",
    ),
]
Price = Annotated[
    str | None, typer.Option("--price", metavar="MONEY", help="The list price of a credit, such as 0.001.")
]
Margin = Annotated[str | None, typer.Option("--margin", metavar="SHARE", help="The target margin, such as 0.7.")]
Floor = Annotated[
    str | None, typer.Option("--floor", metavar="SHARE", help="The margin below which to warn, such as 0.5.")
]
Ladder = Annotated[
    str | None,
    typer.Option("--ladder", metavar="NAME", help="The prices that may be: 1-5-10, 1-2-5, article, or steps: 1,5,10."),
]
Blended = Annotated[
    str | None,
    typer.Option("--blended-cost", metavar="MONEY", help="What a credit costs on the average, such as 0.0003."),
]
OpenApi = Annotated[
    Path | None,
    typer.Option("--openapi", metavar="FILE", help="The API's document (JSON or YAML): what of it has no route?"),
]
Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="CODE", help="A rule to leave out, such as MTR311.")
]
How = Annotated[Format | None, typer.Option("--format", help="How findings are written; full by default.")]


def chosen(how: Format | None, *, json: bool) -> Format:
    """The format that is meant; ``--json`` is short for ``--format json``."""
    if json and how not in {None, Format.JSON}:
        raise typer.BadParameter(f"--json and --format {how} contradict each other; give one.", param_hint="--format")
    return Format.JSON if json else how or Format.FULL
