"""The options that commands share, each written once; what an option takes is checked by ``Settings``."""

import os
from pathlib import Path
from typing import Annotated

import typer

from meter.ledger.names import check_account_id
from meter.settings import Settings, moment, variable

Redis = Annotated[
    str | None,
    typer.Option(
        "--redis", metavar="URL", help=f"The store [{variable('redis')}]. Without: a server of our own in --data."
    ),
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help=f"The data folder [{variable('data')}; default .meter].")
]
Policies = Annotated[
    Path | None,
    typer.Option(
        "--policies", metavar="DIR", help=f"The policy folder, or a file [{variable('policies')}; default policies]."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
AccountId = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT",
        help="The account's id, such as acme or acme/web.",
        callback=lambda written: check_account_id(written) or written,
    ),
]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="RFC3339", help="When it ends, such as 2027-01-01T00:00:00Z. Without: never."),
]
Zone = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="Whose days the account's are, such as Europe/Berlin. Without: UTC."),
]
Commitment = Annotated[
    str | None,
    typer.Option("--commitment", metavar="CREDITS", help="What is committed to a month. Without: what the plan says."),
]


def settings(**flags: str | Path | None) -> Settings:
    """Read the settings of a command: its flags, then the environment, then the defaults."""
    return Settings.from_environment(os.environ, **flags)


def second(expires: str | None) -> int | None:
    """The Unix second of ``--expires``."""
    try:
        return None if expires is None else int(moment(expires).timestamp())
    except ValueError as error:
        raise typer.BadParameter(
            f"{expires!r} is no moment; write it with its offset, as 2027-01-01T00:00:00Z.", param_hint="--expires"
        ) from error
