"""The command ``meter``: data on standard output, talk on standard error.

Commands say what they do and let errors pass; ``main`` is the one place that ends them (``ends.py``).
"""

import sys
from collections.abc import Sequence
from io import TextIOWrapper

import typer
from typer.core import TyperGroup

from meter.cli import (
    account,
    alerts,
    audit,
    budget,
    demo,
    doctor,
    exporting,
    grant,
    holds,
    importing,
    key,
    ledger,
    pin,
    plan,
    policy_commands,
    pricing_commands,
    serve,
)
from meter.cli.ends import exit_code, sentence
from meter.cli.printing import say

app = typer.Typer(
    help="Charge credits for API calls: policies say what a call costs, Redis holds the books.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command()(demo.demo)
app.command()(policy_commands.check)
app.command()(policy_commands.schema)
app.command("quote")(pricing_commands.quote)
app.command("explain")(pricing_commands.explain)
app.add_typer(account.app, name="account")
app.add_typer(key.app, name="key")
app.add_typer(budget.app, name="budget")
app.add_typer(plan.app, name="plan")
app.command(context_settings={"ignore_unknown_options": True})(grant.grant)
app.command()(grant.balance)
app.command()(grant.revoke)
app.add_typer(ledger.app, name="ledger")
app.command("import")(importing.import_accounts)
app.command("export")(exporting.export_accounts)
app.command()(holds.holds)
app.command("audit")(audit.audit_books)
app.command("re-rate")(audit.re_rate)
app.command()(doctor.doctor)
app.add_typer(alerts.app, name="alerts")
app.command()(pin.pin)
app.command()(pin.unpin)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and leave with its exit code. Python's development mode lets tracebacks through."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        _commands(words).main(args=words, prog_name="meter")
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        say(sentence(error))
        sys.exit(exit_code(error))


def _commands(words: Sequence[str]) -> TyperGroup:
    """All commands, or all that are quick to import where one of these is asked for."""
    group = typer.main.get_group(app)
    if not words or words[0] not in group.commands:
        from meter.cli.economics.group import app as economics  # noqa: PLC0415 - a tenth of the time to start

        group.commands.update(typer.main.get_group(economics).commands)
    return group
