"""``meter cost``: what calls cost, by what they used; with the whole bill, where it is known."""

from pathlib import Path
from typing import Annotated

import typer

from meter.cli.economics.asked import amount, asked
from meter.cli.economics.cost_json import costs_object
from meter.cli.economics.cost_view import Report, findings, show_report
from meter.cli.ends import Exit
from meter.cli.options import Json
from meter.cli.printing import show_json
from meter.economics.cost.calls import costs
from meter.economics.cost.sharing import Rule, rule_of
from meter.economics.cost.sizes import Buckets, buckets_of
from meter.sheets.measured import Seen, measured
from meter.sheets.rate_card import rate_card

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE…",
        help="Measured calls: tables (.csv, .jsonl, .parquet) with operation and columns named by their units, such "
        "as cpu_ms; or the gateway's access log (.jsonl).",
    ),
]
Rates = Annotated[Path, typer.Option("--rates", metavar="FILE", help="The rate card: what a unit of each costs.")]
Bill = Annotated[
    str | None,
    typer.Option("--bill", metavar="MONEY", help="What was paid for all of it; what that exceeds is shared out."),
]
ShareBy = Annotated[
    str, typer.Option("--share-by", metavar="RULE", help=f"What idle and overhead are shared by: {', '.join(Rule)}.")
]
Size = Annotated[
    str | None,
    typer.Option("--size", metavar="COLUMN", help="Also by the size of a call, such as bytes_out or duration_ms."),
]
Divided = Annotated[
    str, typer.Option("--buckets", metavar="WAY", help=f"How sizes are divided: {', '.join(Buckets)} (powers of ten).")
]


def cost(
    files: Files,
    *,
    rates: Rates,
    bill: Bill = None,
    share_by: ShareBy = Rule.DIRECT.value,
    size: Size = None,
    buckets: Divided = Buckets.QUARTILES.value,
    json: Json = False,
) -> None:
    """Say what calls cost by operation; exit 1 where the bill is below that, or no call was billed."""
    paid = None if bill is None else amount("--bill", bill)
    rule, way = asked("--share-by", share_by, rule_of), asked("--buckets", buckets, buckets_of)
    card, seen = rate_card(rates), Seen()
    found = costs(measured(files, card, size=size, seen=seen), bill=paid, rule=rule, step=card.step, buckets=way)
    report = Report(found, card, seen, size)
    if json:
        show_json(costs_object(report))
    else:
        show_report(report)
    if any(finding.serious for finding in findings(report)):
        raise typer.Exit(Exit.FINDINGS)
