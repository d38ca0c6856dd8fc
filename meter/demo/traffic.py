"""The calls of the demo's customers, and what their answers said."""

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from meter.credits import ZERO, Credits, from_micro, parse, text
from meter.demo import pictures
from meter.demo.customers import Act, Customer
from meter.demo.processes import DemoError
from meter.demo.stage import Stage

CALL_SECONDS_MAX = 30.0
REFUSALS_BEFORE_TOP_UP = 8
"""So often is a customer refused before it buys credits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One call with its whole answer, for the audience."""

    path: str
    key: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one customer's answers said, added up."""

    customer: Customer
    key: str
    calls: int = 0
    refused: int = 0
    consumed: Credits = ZERO
    remaining: Credits | None = None
    last: str = ""
    refusal: str | None = None
    """The last refusal's sentence."""
    image: str | None = None
    """The stored image that it works on."""
    shown: Shown | None = None
    """Its first analysis."""
    refused_in_a_row: int = 0


async def calls(tally: Tally, client: httpx.AsyncClient, stopping: asyncio.Event, count: int) -> None:
    """Make a bounded number of calls, as fast as the answers come."""
    for act in itertools.islice(itertools.cycle(tally.customer.habits), count):
        if stopping.is_set():
            return
        await _call(tally, client, act)


async def calls_for_ever(
    tally: Tally, client: httpx.AsyncClient, stopping: asyncio.Event, stage: Stage, pause_seconds: float
) -> None:
    """Call at a walking pace until told to stop, and buy credits when they have run out."""
    for turn, act in enumerate(itertools.cycle(tally.customer.habits)):
        if stopping.is_set():
            return
        await _call(tally, client, act)
        if tally.refused_in_a_row >= REFUSALS_BEFORE_TOP_UP:
            tally.refused_in_a_row = 0
            await asyncio.to_thread(_top_up, stage, tally.customer, turn)
        await _pause(stopping, pause_seconds)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def _top_up(stage: Stage, customer: Customer, turn: int) -> None:
    stage.meter("grant", customer.account, customer.top_up, "--id", f"top-up-{turn}")


async def _call(tally: Tally, client: httpx.AsyncClient, act: Act) -> None:
    """Make one call and add its answer to the tally.

    Raises:
        DemoError: there was no answer.
    """
    path, sent = _request(tally, act)
    try:
        answer = await client.post(path, headers={"X-API-Key": tally.key}, timeout=CALL_SECONDS_MAX, **sent)
    except httpx.HTTPError as error:
        raise DemoError(f"POST {path} got no answer: {error!r}.") from error
    _add(tally, act, answer)
    if act is Act.ANALYSE and answer.is_success and tally.shown is None:
        headers = tuple(answer.headers.multi_items())
        tally.shown = Shown(path=path, key=tally.key, status=answer.status_code, headers=headers, body=answer.text)


def _request(tally: Tally, act: Act) -> tuple[str, Mapping[str, Any]]:
    """The path and the content of a call; without an image, every call on one becomes a call to store one."""
    if act is Act.FILM:
        return "/v1/videos", {"content": pictures.film(tally.calls)}
    if act is Act.STORE or tally.image is None:
        return "/v1/images", {"content": pictures.photo(tally.calls)}
    if act is Act.RESIZE:
        return f"/v1/images/{tally.image}/resize", {"json": {"width": 80 + tally.calls % 40, "height": 60}}
    return f"/v1/images/{tally.image}/{'cutout' if act is Act.CUT_OUT else 'analysis'}", {}


def _add(tally: Tally, act: Act, answer: httpx.Response) -> None:
    body = _object(answer)
    refused = "code" in body
    consumed = _amount(body.get("meta", {}).get("credits_consumed", answer.headers.get("X-Credits-Consumed", "0")))
    tally.calls += 1
    tally.refused += refused
    tally.refused_in_a_row = tally.refused_in_a_row + 1 if refused else 0
    tally.consumed = from_micro(tally.consumed + consumed)
    if left := answer.headers.get("X-Credits-Remaining"):
        tally.remaining = _amount(left)
    tally.last = f"{act} {answer.status_code} −{text(consumed)}"
    if refused:
        tally.refusal = body.get("detail")
    _remember_image(tally, answer, body)


def _remember_image(tally: Tally, answer: httpx.Response, body: Mapping[str, Any]) -> None:
    """Keep the first stored image as the one to work on, until it is gone."""
    if answer.request.url.path == "/v1/images" and answer.is_success and tally.image is None:
        tally.image = body["data"]["id"]
    if answer.status_code == httpx.codes.NOT_FOUND:
        tally.image = None


def _object(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON, with its numbers as they were written."""
    body: dict[str, Any] = json.loads(answer.content, parse_int=str, parse_float=str)
    return body


def _amount(written: str) -> Credits:
    return parse(written)
