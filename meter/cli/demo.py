"""``meter demo``: watch a real API being metered."""

import importlib.util
from typing import Annotated

import typer

from meter.cli.ends import Refusal

Once = Annotated[bool, typer.Option("--once", help="Make some 200 calls, print the summary, check the books, end.")]
Keep = Annotated[bool, typer.Option("--keep", help="As --once, but stay up afterwards, until Ctrl-C.")]
Json = Annotated[bool, typer.Option("--json", help="As --once, with the summary as JSON for scripts.")]


def demo(once: Once = False, keep: Keep = False, as_json: Json = False) -> None:
    """Meter a real image API: three customers on three plans, real calls, and the proof that the books add up.

    Without options it goes on until Ctrl-C.
    """
    if importlib.util.find_spec("PIL") is None:
        raise Refusal("The demo makes images and needs Pillow for it; install it with `pip install asgi-meter[demo]`.")
    from meter.demo import show  # noqa: PLC0415 - needs Pillow
    from meter.demo.processes import DemoError  # noqa: PLC0415 - as above

    try:
        faults = show.run(show.Wishes(once=once, keep=keep, as_json=as_json))
    except DemoError as error:
        raise Refusal(str(error)) from error
    if faults:
        raise Refusal("\n".join(faults))
