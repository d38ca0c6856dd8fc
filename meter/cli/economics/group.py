"""The commands of the economics. Imported only when one of them is asked for, so that no other command waits for it."""

import typer

from meter.cli.economics import cost, forecast, glide, margins, plans, rates, simulate, table

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(cost.cost)
app.add_typer(rates.app, name="rates")
app.add_typer(table.app, name="table")
app.add_typer(plans.app, name="plans")
app.command()(margins.margins)
app.command()(glide.glide)
app.command()(simulate.simulate)
app.command()(forecast.forecast)
