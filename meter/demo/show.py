"""The demo from its first process to its last sentence."""

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import msgspec
from rich.console import Console, RenderableType
from rich.live import Live

from meter.credits import Credits, text
from meter.demo import proof, screen, traffic
from meter.demo.customers import CUSTOMERS, sign_up
from meter.demo.interruption import Interruption
from meter.demo.processes import DemoError
from meter.demo.stage import Stage, set_up
from meter.demo.traffic import Shown, Tally

PAUSE_SECONDS = 0.3
"""Between two calls of a customer when the demo runs until Ctrl-C."""
LOOK_SECONDS = 0.5
"""How often the adjustments in force are asked for."""
FRAMES_PER_SECOND = 5

_FACTOR = re.compile(r'^credits_adjustment_factor\{adjustment="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the audience asked for."""

    once: bool
    """A bounded number of calls, then the summary."""
    keep: bool
    """Stay up after it."""
    as_json: bool


@dataclass(slots=True, kw_only=True)
class Performance:
    """One run: who called, and what was seen."""

    stage: Stage
    wishes: Wishes
    talk: Console
    tallies: list[Tally] = field(default_factory=list)
    factors: dict[str, str] = field(default_factory=dict)


def run(wishes: Wishes) -> list[str]:
    """Perform the demo; what did not add up, a sentence each.

    Raises:
        DemoError: a process or a command failed.
        KeyboardInterrupt: stopping was wished before the first call.
    """
    talk = Console(stderr=True)
    interruption = Interruption()
    interruption.listen()
    talk.print("Starting the store, the image API and the gateway …")
    with set_up(interruption) as stage:
        talk.print(f"The gateway listens on {stage.gateway}; opening three accounts …", highlight=False)
        performance = Performance(stage=stage, wishes=wishes, talk=talk)
        for customer in CUSTOMERS:
            interruption.check()
            performance.tallies.append(Tally(customer=customer, key=sign_up(stage, customer)))
        return asyncio.run(_perform(performance, interruption))


async def _perform(performance: Performance, interruption: Interruption) -> list[str]:
    stopping = interruption.event()
    async with httpx.AsyncClient(base_url=performance.stage.gateway) as client:
        await _traffic(performance, client, stopping)
    faults = await asyncio.to_thread(_close, performance)
    if performance.wishes.keep and not stopping.is_set():
        performance.talk.print("Everything stays up until Ctrl-C.")
        await stopping.wait()
    return faults


async def _traffic(performance: Performance, client: httpx.AsyncClient, stopping: asyncio.Event) -> None:
    """Let all customers call at once, with the table moving meanwhile.

    Raises:
        DemoError: one of them got no answer.
    """
    seen = asyncio.create_task(_watch(performance, client))
    try:
        with Live(
            console=performance.talk, refresh_per_second=FRAMES_PER_SECOND, get_renderable=lambda: _frame(performance)
        ):
            await _all_calls(performance, client, stopping)
    except* DemoError as errors:
        raise DemoError(str(errors.exceptions[0])) from errors
    finally:
        seen.cancel()
        await asyncio.gather(seen, return_exceptions=True)
        performance.talk.print()


async def _all_calls(performance: Performance, client: httpx.AsyncClient, stopping: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        for tally in performance.tallies:
            if _bounded(performance.wishes):
                group.create_task(traffic.calls(tally, client, stopping, tally.customer.calls_once))
            else:
                pause = PAUSE_SECONDS
                group.create_task(traffic.calls_for_ever(tally, client, stopping, performance.stage, pause))


def _bounded(wishes: Wishes) -> bool:
    return wishes.once or wishes.keep or wishes.as_json


async def _watch(performance: Performance, client: httpx.AsyncClient) -> None:
    """Ask which adjustments are in force; show the first metered answer where there is no end to wait for."""
    shown = _bounded(performance.wishes)
    while True:
        await _look(performance, client)
        if not shown and (first := _shown(performance.tallies)):
            screen.answer(performance.talk, performance.stage.gateway, first)
            shown = True
        await asyncio.sleep(LOOK_SECONDS)


async def _look(performance: Performance, client: httpx.AsyncClient) -> None:
    operator = {"Authorization": f"Bearer {performance.stage.operator_token}"}
    metrics = (await client.get("/_meter/metrics", headers=operator)).text
    performance.factors = {name: factor for name, factor in _FACTOR.findall(metrics) if factor not in ("1.0", "0.0")}


def _frame(performance: Performance) -> RenderableType:
    return screen.live(performance.tallies, performance.factors)


def _close(performance: Performance) -> list[str]:
    """Read every balance, print the summary, and check it."""
    names = [tally.customer.account for tally in performance.tallies]
    found = [proof.books(performance.stage.meter("balance", name)) for name in names]
    if performance.wishes.as_json:
        sys.stdout.write(f"{_json(performance.tallies, found)}\n")
        sys.stdout.flush()
    else:
        _print(performance, found)
    return [
        fault for books, tally in zip(found, performance.tallies, strict=True) for fault in proof.faults(books, tally)
    ]


def _print(performance: Performance, found: Sequence[proof.Books]) -> None:
    out = Console()
    screen.summary(out, performance.tallies, found)
    if _bounded(performance.wishes) and (first := _shown(performance.tallies)):
        screen.answer(out, performance.stage.gateway, first)


def _json(tallies: Sequence[Tally], found: Sequence[proof.Books]) -> str:
    """The summary for scripts, with exact numbers."""
    first = _shown(tallies)
    summary: Mapping[str, object] = {
        "calls": sum(tally.calls for tally in tallies),
        "refused": sum(tally.refused for tally in tallies),
        "customers": [_customer(books) for books in found],
        "answer": msgspec.Raw(first.body.encode()) if first else None,
    }
    return msgspec.json.encode(summary).decode()


def _customer(books: proof.Books) -> Mapping[str, object]:
    amounts = {name: getattr(books, name) for name in ("granted", "consumed", "reserved", "remaining")}
    return {"account": books.account, **{name: _number(amount) for name, amount in amounts.items()}}


def _number(amount: Credits) -> msgspec.Raw:
    return msgspec.Raw(text(amount).encode())


def _shown(tallies: Sequence[Tally]) -> Shown | None:
    """The last customer's metered answer: the one with the commitment."""
    return tallies[-1].shown
