"""The commands of the economics. Imported only when one of them is asked for, so that no other command waits for it."""

import typer

from meter.cli.economics import forecast, margins, plans, simulate, table

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.add_typer(table.app, name="table")
app.add_typer(plans.app, name="plans")
app.command()(margins.margins)
app.command()(simulate.simulate)
app.command()(forecast.forecast)
