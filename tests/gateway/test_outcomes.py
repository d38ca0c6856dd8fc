"""The table of outcomes, cell by cell: each end has a share of its own here, so that a price tells which row it was.

Each row is played by an app that answers, fails, or is left, with a price that is taken at once, one that is held, and
one that is known only in the end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction

import pytest

from meter.gateway.asgi import Message, Receive, Scope, Send
from meter.gateway.upstream import UpstreamTimeout
from meter.policy.ends import End
from tests.support.asgi import GONE, Exchange, scope_of
from tests.support.metering import metered

SHARES = {end: Fraction(number, 100) for number, end in enumerate(End, 1)} | {End.SUCCESS: Fraction(1)}
"""An answer that began as a success is paid for until it turns out to be none."""
HEAD: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
EVENT: Message = {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True}
LAST: Message = {"type": "http.response.body", "body": b""}

TABLE = ", ".join(f"{end.value!r}: {float(share)}" for end, share in SHARES.items() if end is not End.KILLED)
POLICY = """
version: 1
operations:
  work: {title: Work, credits: CREDITS}
routes: [{match: /work, operation: work}]
rounding: {step: 0.01, minimum: 0.01}
charge: {TABLE}
plans: {small: {included: 100000, period: month}}
"""
PRICES = {
    "taken": ("1000", "'killed': full"),
    "held": ("1000", "'killed': 0.5"),
    "metered": ("{base: 1000, per: {response_events: 0.0001}, at_most: 2000, step: 1100}", "'killed': 0.5"),
}


@dataclass
class Play:
    """One call: what its caller does, and what its app does."""

    scope: Scope
    receive: Receive
    send: Send
    leave: Callable[[], None]


Act = Callable[[Play], Awaitable[None]]


def answers(status: int) -> Act:
    async def act(play: Play) -> None:
        await play.send(HEAD | {"status": status})
        await play.send(LAST)

    return act


def fails(error: BaseException, *, midway: bool) -> Act:
    async def act(play: Play) -> None:
        if midway:
            await play.send(HEAD)
            await play.send(EVENT)
        raise error

    return act


def is_left(*, midway: bool) -> Act:
    async def act(play: Play) -> None:
        if midway:
            await play.send(HEAD)
            await play.send(EVENT)
        play.leave()
        while (await play.receive())["type"] != "http.disconnect":
            pass

    return act


def gives_up(end: End) -> Act:
    """What the proxy does that has no answer of its upstream's."""

    async def act(play: Play) -> None:
        play.scope["meter.failure"] = end.value
        await answers(502)(play)

    return act


ROWS = {
    End.INFORMATIONAL: answers(150),
    End.SUCCESS: answers(200),
    End.REDIRECTION: answers(302),
    End.NOT_MODIFIED: answers(304),
    End.CLIENT_ERROR: answers(404),
    End.SERVER_ERROR: answers(500),
    End.CONNECT_ERROR: gives_up(End.CONNECT_ERROR),
    End.TIMEOUT: gives_up(End.TIMEOUT),
    End.TIMEOUT_MIDWAY: fails(UpstreamTimeout("It took too long."), midway=True),
    End.RAISED: fails(RuntimeError("broken"), midway=False),
    End.RAISED_MIDWAY: fails(RuntimeError("broken"), midway=True),
    End.HANGUP: is_left(midway=False),
    End.HANGUP_MIDWAY: is_left(midway=True),
    End.SHUTDOWN: fails(asyncio.CancelledError(), midway=True),
}


def test_every_row_but_the_killed_one_is_played_here() -> None:
    assert set(ROWS) == set(End) - {End.KILLED}


@pytest.mark.parametrize("price", PRICES)
@pytest.mark.parametrize("end", ROWS)
async def test_a_call_pays_the_share_of_how_it_ended(store_url, tmp_path, end, price):
    cost, killed = PRICES[price]
    policy = POLICY.replace("CREDITS", cost).replace("TABLE", f"{TABLE}, {killed}")
    left = asyncio.Event()
    waiting = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await left.wait()
        return GONE

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await ROWS[end](Play(scope, receive, send, left.set))

    exchange = Exchange(scope_of("GET /work"))
    async with metered(app, tmp_path, store_url, policy) as here:
        (ended,) = await asyncio.gather(here.app(exchange.scope, receive, exchange.send), return_exceptions=True)
        books = await here.books.of()
        entries = await here.books.entries()

    assert (ended is None) == (end not in (End.TIMEOUT_MIDWAY, End.RAISED, End.RAISED_MIDWAY, End.SHUTDOWN))
    assert books.consumed == 1_000_000_000 * SHARES[end]
    assert (books.reserved, books.granted) == (0, books.consumed + books.remaining)
    assert [entry["kind"] for entry in entries][1] == ("charge" if price == "taken" else "hold")


@pytest.mark.parametrize("price", PRICES)
async def test_a_caller_that_had_left_before_the_app_was_called_pays_nothing(store_url, tmp_path, monkeypatch, price):
    monkeypatch.setattr("meter.gateway.meter.LONG_SECONDS", -1.0)
    cost, killed = PRICES[price]
    policy = POLICY.replace("CREDITS", cost).replace("TABLE", f"{TABLE}, {killed}")
    called = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            called.append(scope)

    async def receive() -> Message:
        return GONE

    exchange = Exchange(scope_of("GET /work"))
    async with metered(app, tmp_path, store_url, policy) as here:
        await here.app(exchange.scope, receive, exchange.send)
        books = await here.books.of()

    assert (called, exchange.sent) == ([], [])
    assert (books.consumed, books.reserved) == (0, 0)
