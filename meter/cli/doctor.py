"""``meter doctor``: all that must be right for the books to be right, and what to do where it is not."""

import asyncio

import typer

from meter.cli.ends import Exit
from meter.cli.options import Data, Json, Policies, Redis, settings
from meter.cli.printing import show_json, show_table


def doctor(*, policies: Policies = None, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """Check the store, the policies and the workers: what was found, and the fix."""
    from meter.cli.checkup import STORE, findings  # noqa: PLC0415 - the store's client takes longer to import than to ask

    found = asyncio.run(findings(settings(policies=policies, redis=redis, data=data)))
    if json:
        show_json({"findings": found})
    else:
        show_table("", ("check", "", "result", "fix"), [(one.check, one.verdict, one.result, one.fix) for one in found])
    bad = {one.check for one in found if one.verdict == "bad"}
    if bad:
        raise typer.Exit(Exit.STORE if STORE in bad else Exit.FINDINGS)
