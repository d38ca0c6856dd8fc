"""``meter serve``: the gateway in front of an upstream."""

from typing import Annotated

import typer

from meter.cli.ends import Refusal
from meter.cli.options import Data, Policies, Redis, settings
from meter.cli.printing import say
from meter.pricing.words import number
from meter.settings import Settings, SettingsError

Upstream = Annotated[
    str | None, typer.Option("--upstream", metavar="URL", help="The server behind the gateway [METER_UPSTREAM].")
]
Host = Annotated[str | None, typer.Option("--host", help="The address to listen on [METER_HOST; default 127.0.0.1].")]
Port = Annotated[
    str | None, typer.Option("--port", help="The port to listen on; 0 takes a free one [METER_PORT; default 8000].")
]
Workers = Annotated[
    str | None, typer.Option("--workers", metavar="N", help="Processes that serve [METER_WORKERS; default 1].")
]
OpenAccounts = Annotated[
    str | None,
    typer.Option("--open-accounts", metavar="PLAN", help="Open unknown accounts on a plan [METER_OPEN_ACCOUNTS]."),
]
Load = Annotated[str | None, typer.Option("--load", metavar="X", help="A drill: fix the load.")]
At = Annotated[str | None, typer.Option("--at", metavar="RFC3339", help="A drill: fix the moment that prices are of.")]


def serve(
    *,
    upstream: Upstream = None,
    policies: Policies = None,
    redis: Redis = None,
    data: Data = None,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    open_accounts: OpenAccounts = None,
    load: Load = None,
    at: At = None,
) -> None:
    """Serve an upstream, each call charged as the policies say. SIGTERM drains.

    Everything else is set in the environment: see docs/settings.md.
    """
    chosen = settings(
        upstream=upstream,
        policies=policies,
        redis=redis,
        data=data,
        host=host,
        port=port,
        workers=workers,
        open_accounts=open_accounts,
        load=load,
        at=at,
    )
    if chosen.upstream is None:
        raise SettingsError(
            "There is no upstream; say --upstream URL or METER_UPSTREAM, such as http://127.0.0.1:9000."
        )
    for warning in drills(chosen):
        say(warning)
    _run(chosen)


def drills(chosen: Settings) -> list[str]:
    """Warn of what decides prices and was fixed by hand."""
    fixed = []
    if chosen.at is not None:
        fixed.append(f"drill: every call is priced as if it came at {chosen.at.isoformat()} (--at, METER_AT).")
    if chosen.load is not None:
        fixed.append(f"drill: every call is priced as if the load were {number(chosen.load)} (--load, METER_LOAD).")
    return fixed


def _run(chosen: Settings) -> None:
    from meter.serve import serve as serve_forever  # noqa: PLC0415 - the gateway takes half a second to import

    try:
        serve_forever(chosen)
    except OSError as error:
        where = f"{chosen.host}:{chosen.port}"
        raise Refusal(
            f"The gateway can't listen on {where}: {error.strerror}; choose another --host or --port."
        ) from error
