"""How loaded the service is: one elected worker samples each second, all read what it published.

The watch owns its task; ``reading`` never waits. A reading that is older than five seconds counts as calm, so a
store that is gone can never leave a surge on.
"""

import asyncio
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import httpx

from meter.gateway.calls import CallsInProgress
from meter.ledger.load_board import LoadBoard, Sighting
from meter.ledger.promise import LedgerUnavailable
from meter.policy.model import LoadAdjustment, LoadSignal
from meter.pricing.load import FRESH_SECONDS, OFF, LoadState, fixed, step
from meter.pricing.quote import CALM, LoadReading

log = logging.getLogger("meter")

SAMPLE_SECONDS = 1.0
URL_SECONDS_MAX = 0.5
TEXT_MAX = 64
LOAD_MAX = 1_000_000

Signal = Callable[[], float]
Rules = Callable[[], Mapping[str, LoadAdjustment]]


class FixedLoad:
    """The load of a drill: as high as somebody said."""

    def __init__(self, load: Fraction, rules: Rules) -> None:
        self._load = load
        self._rules = rules

    async def run(self) -> None:
        """Do nothing: what is fixed needs no sampling."""

    def reading(self) -> LoadReading:
        """Every adjustment whose threshold the fixed load passes is on."""
        return fixed(self._rules().values(), self._load)


class LoadWatch:
    """What one worker knows of the load."""

    def __init__(self, board: LoadBoard, rules: Rules, *, calls: CallsInProgress, signal: Signal | None = None) -> None:
        """Keep the parts.

        Args:
            board: where workers meet.
            rules: the load adjustments of the policy in force, by name.
            calls: those that this worker has in progress.
            signal: the load, where the application itself knows it; else each rule names its own.
        """
        self._board = board
        self._rules = rules
        self._calls = calls
        self._signal = signal
        self._worker = secrets.token_hex(8)
        self._reading = CALM
        self._fresh_until = 0.0
        self._lag_seconds = 0.0

    def reading(self) -> LoadReading:
        """What was last published, or calm where that is too long ago."""
        return self._reading if time.monotonic() < self._fresh_until else CALM

    async def run(self) -> None:
        """Report, sample and read once a second, until cancelled."""
        async with httpx.AsyncClient(timeout=URL_SECONDS_MAX, trust_env=False) as client:
            while True:
                await self._sleep()
                if self._rules():
                    await self.beat(client)

    async def beat(self, client: httpx.AsyncClient) -> None:
        """Report and read once, and sample where this worker is the one to do so."""
        try:
            sighting = await self._board.report(self._worker, self._calls.count)
            published = await self._lead(sighting, client) if sighting.leads else sighting.published
        except LedgerUnavailable as error:
            log.warning("The load could not be shared: %s", error)
            return
        if published:
            self._follow(json.loads(published), sighting.now_ms)

    async def _sleep(self) -> None:
        due = time.monotonic() + SAMPLE_SECONDS
        await asyncio.sleep(SAMPLE_SECONDS)
        self._lag_seconds = max(0.0, time.monotonic() - due)

    async def _lead(self, sighting: Sighting, client: httpx.AsyncClient) -> str:
        """Go on from what was last published, by whomever: a change of leader is no change of load."""
        before, states = _states(sighting.published), {}
        highest = Fraction(0)
        for name, rule in self._rules().items():
            sample = await self._sample(rule, sighting.calls, client)
            states[name] = step(rule, before.get(name, OFF), sample, sighting.now_ms // 1000)
            highest = max(highest, sample)
        published = _written(states, highest, sighting.now_ms)
        await self._board.publish(self._worker, published)
        return published

    def _follow(self, published: dict[str, Any], now_ms: int) -> None:
        states = published["states"]
        self._reading = LoadReading(
            on=frozenset(name for name, (on, _) in states.items() if on),
            sample=Fraction(published["sample"]),
            since=max((since for on, since in states.values() if on), default=0),
        )
        self._fresh_until = time.monotonic() + FRESH_SECONDS - (now_ms - published["at_ms"]) / 1000

    async def _sample(self, rule: LoadAdjustment, calls: int, client: httpx.AsyncClient) -> Fraction:
        if self._signal is not None:
            return _asked(self._signal)
        match rule.signal:
            case LoadSignal.INFLIGHT:
                return Fraction(calls, rule.capacity)
            case LoadSignal.CPU:
                return _fraction(os.getloadavg()[0] / (os.cpu_count() or 1))
            case LoadSignal.LAG:
                return _fraction(self._lag_seconds)
            case LoadSignal.URL:
                return await _number_at(client, rule.url or "")


def _states(published: str) -> dict[str, LoadState]:
    if not published:
        return {}
    return {name: LoadState(on=on, since=since) for name, (on, since) in json.loads(published)["states"].items()}


def _written(states: Mapping[str, LoadState], sample: Fraction, now_ms: int) -> str:
    marks = {name: [state.on, state.since] for name, state in states.items()}
    return json.dumps({"states": marks, "sample": str(sample), "at_ms": now_ms})


def _fraction(number: float) -> Fraction:
    """A measured load to four decimals: what can be said again in a trace."""
    if not 0 <= number < LOAD_MAX:
        raise ValueError(f"{number} is no load; a load is 0 to {LOAD_MAX}.")
    return Fraction(round(number * 10_000), 10_000)


def _asked(signal: Signal) -> Fraction:
    """Ask the application; whatever it fails with, a load that can't be read is no load."""
    try:
        return _fraction(signal())
    except Exception:
        log.exception("The application could not say its load, so it counts as 0.")
        return Fraction(0)


async def _number_at(client: httpx.AsyncClient, url: str) -> Fraction:
    """Read one number at a URL; a load that can't be read is no load."""
    try:
        async with asyncio.timeout(URL_SECONDS_MAX), client.stream("GET", url) as answer:
            answer.raise_for_status()
            return _fraction(float(await _beginning(answer)))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
        log.warning("The load at %s could not be read (%s); it counts as 0.", url, error)
        return Fraction(0)


async def _beginning(answer: httpx.Response) -> str:
    """The text of an answer, of which nobody reads more than a number needs."""
    text = b""
    async for chunk in answer.aiter_bytes():
        text += chunk
        if len(text) > TEXT_MAX:
            raise ValueError(f"the answer is longer than {TEXT_MAX} bytes")
    return text.decode("ascii")
