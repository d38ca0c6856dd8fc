"""Callers who leave, over real sockets, at each of the awaits of a call: what they pay is the cell of the table."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.house import Gateway, House, Store, until
from tests.proxy.upstreams import free_port, process

POLICY = """
version: 1
operations:
  fixed: {title: Fixed, credits: 100}
  used: {title: Used, credits: {base: 100, per: {response_events: 10}, at_most: 1000, step: 100}}
routes:
  - {match: "/fixed/{rest:path}", operation: fixed}
  - {match: "/used/{rest:path}", operation: used}
charge: {hangup: 0.5, hangup_midway: 0.8}
plans: {big: {included: 1000000, period: none}}
"""
API = '''
"""Sends so many events and waits until its caller leaves; without events, nothing at all."""


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    count = int(scope["path"].rpartition("/")[2])
    if count:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(count):
        await send({"type": "http.response.body", "body": b"data: %d\\n\\n" % number, "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
'''
EVENTS = 3
STALLED_SECONDS = 0.15
CALLS = {
    ("fixed", "before"): (70, 0),
    ("used", "before"): (70, 0),
    ("fixed", "working"): (90, 50),
    ("used", "working"): (90, 50),
    ("fixed", "midway"): (90, 80),
    ("used", "midway"): (90, (100 + 10 * EVENTS) * 80 // 100),
}
"""How many callers leave where, and what each pays; 500 in all."""


@contextmanager
def installation(folder: Path) -> Iterator[tuple[Store, House, Gateway]]:
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "endless.py").write_text(API)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "endless:app", "--port", str(port), "--log-level", "warning"]
    with Store(folder=folder) as store, process([*command, "--app-dir", str(folder)], port) as url:
        house = House(folder=folder, redis_url=store.url, policies=folder / "policy.yaml")
        with house.gateway(url) as gateway:
            yield store, house, gateway


async def left(port: int, key: str, path: str, *, after: bytes = b"", seconds: float = 0.0) -> bool:
    """Make a call and leave it: when so much of its answer has come, or so much time has passed.

    Returns:
        Whether it was served until then: on a machine that is too busy, the ledger may be out of reach.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\nX-API-Key: {key}\r\n\r\n".encode())
    await writer.drain()
    try:
        status = await asyncio.wait_for(reader.readline(), 10 if after else seconds)
        if b" 200 " in status:
            await asyncio.wait_for(reader.readuntil(after), 10)
    except TimeoutError:
        return not after
    else:
        return b" 200 " in status
    finally:
        writer.transport.abort()


async def leave(store: Store, port: int, key: str, call: tuple[str, str], count: int) -> None:
    operation, moment = call
    if moment == "before":
        await leave_before(store.process, port, key, f"/{operation}/0", count)
        return
    path, last = (f"/{operation}/0", b"") if moment == "working" else (f"/{operation}/{EVENTS}", b"data: 2\n\n")
    turn = asyncio.Semaphore(16)

    async def one() -> None:
        async with turn:
            while not await left(port, key, path, after=last, seconds=0.3):
                pass

    await asyncio.gather(*(one() for _ in range(count)))


async def leave_before(store: subprocess.Popen[bytes], port: int, key: str, path: str, count: int) -> None:
    """Leave while the store is silent: the calls are charged, and nobody is there any more to serve."""
    for first in range(0, count, 10):
        store.send_signal(signal.SIGSTOP)
        await asyncio.gather(*(left(port, key, path, seconds=STALLED_SECONDS) for _ in range(min(10, count - first))))
        await asyncio.sleep(STALLED_SECONDS / 2)
        store.send_signal(signal.SIGCONT)
        await asyncio.sleep(STALLED_SECONDS)


@pytest.mark.slow
def test_whoever_leaves_pays_what_the_table_says(tmp_path: Path) -> None:
    expected = {call: (count * price, 0) for call, (count, price) in CALLS.items()}
    assert sum(count for count, _ in CALLS.values()) == 500
    with installation(tmp_path) as (store, house, gateway):
        keys = {call: house.customer("-".join(call), "big") for call in CALLS}
        for call, (count, _) in CALLS.items():
            asyncio.run(leave(store, gateway.port, keys[call], call, count))
        until(lambda: {call: of(house, call) for call in CALLS} == expected, f"{expected} is consumed")
        assert house.undone()


def of(house: House, call: tuple[str, str]) -> tuple[int, int]:
    """What the callers of one kind have consumed, and what is still held for them."""
    balance = house.balance("-".join(call))
    return balance["consumed"], balance["reserved"]
