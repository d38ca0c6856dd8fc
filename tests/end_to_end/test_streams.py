"""Streams under a hold, over real sockets: nothing piles up, nothing is miscounted, and a ceiling ends them."""

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.house import Gateway, House, Store
from tests.proxy.upstreams import free_port, process

MIB = 1 << 20
GIB = 1 << 30
POLICY = """
version: 1
operations:
  bytes: {title: Bytes, credits: {base: 0, per: {response_bytes: 0.00001}, at_most: 20000, step: 100}}
  events: {title: Events, credits: {base: 0, per: {response_events: 1}, at_most: 20000, step: 50}}
  short: {title: Short, credits: {base: 0, per: {response_events: 1}, at_most: 1234, step: 50}}
  kilobytes: {title: Kilobytes, credits: {base: 0, per: {response_bytes: 0.001}, at_most: 5000, step: 500}}
routes:
  - {match: "/bytes/{n}", operation: bytes}
  - {match: "/events/{n}", operation: events}
  - {match: "/short/{n}", operation: short}
  - {match: "/kilobytes/{n}", operation: kilobytes}
rounding: {step: 0.01}
plans: {big: {included: 1000000, period: none}}
"""
API = '''
"""Sends so many bytes, or so many events."""

CHUNK = b"x" * 65536


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    _, kind, count = scope["path"].split("/")
    form = b"text/event-stream" if kind in ("events", "short") else b"application/octet-stream"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", form)]})
    left = int(count)
    while left > 0:
        events = b"".join(b"data: %d\\n\\n" % (left - n) for n in range(min(7, left)))
        piece = events if b"event" in form else CHUNK[:left]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        left -= min(7, left) if b"event" in form else len(piece)
    await send({"type": "http.response.body", "body": b""})
'''


@contextmanager
def installation(folder: Path) -> Iterator[tuple[House, Gateway, str]]:
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "streams.py").write_text(API)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "streams:app", "--port", str(port), "--log-level", "warning"]
    with Store(folder=folder) as store, process([*command, "--app-dir", str(folder)], port) as url:
        house = House(folder=folder, redis_url=store.url, policies=folder / "policy.yaml")
        key = house.customer("acme", "big")
        with house.gateway(url) as gateway:
            yield house, gateway, key


def read(port: int, key: str, path: str, *, keep: int = 1 << 22) -> tuple[bytes, int]:
    """Read an answer to its end: its first bytes, and how many there were."""
    kept, count, buffer = bytearray(), 0, bytearray(1 << 18)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n".encode())
        while got := line.recv_into(buffer):
            count += got
            kept += buffer[: min(got, keep - len(kept))]
    return bytes(kept), count


def peak_bytes(gateway: Gateway) -> int:
    """The most memory that the gateway ever had."""
    assert gateway.process is not None
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def unchunked(raw: bytes) -> bytes:
    """The body of a chunked answer."""
    body, rest = b"", raw.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body


@pytest.mark.slow
def test_a_gibibyte_streams_past_without_piling_up(tmp_path: Path) -> None:
    with installation(tmp_path) as (house, gateway, key):
        read(gateway.port, key, f"/bytes/{MIB}")
        before, paid = peak_bytes(gateway), house.balance("acme")["consumed"]
        _, count = read(gateway.port, key, f"/bytes/{GIB}")
        after, balance = peak_bytes(gateway), house.balance("acme")

    assert count > GIB
    assert after - before < 20 * MIB
    assert balance["consumed"] - paid == pytest.approx(10737.42, abs=0.001)
    assert balance["reserved"] == 0


def test_ten_thousand_events_are_metered_to_the_credit(tmp_path: Path) -> None:
    with installation(tmp_path) as (house, gateway, key):
        raw, _ = read(gateway.port, key, "/events/10000")
        balance = house.balance("acme")

    assert unchunked(raw).count(b"data: ") == 10_000
    assert (balance["consumed"], balance["reserved"]) == (10_000, 0)
    assert b'"credits_consumed":10000,' in unchunked(raw)[-200:]


def test_a_stream_ends_at_its_ceiling(tmp_path: Path) -> None:
    with installation(tmp_path) as (house, gateway, key):
        raw, _ = read(gateway.port, key, "/short/10000")
        balance = house.balance("acme")

    assert unchunked(raw).count(b"data: ") == 1234 + 1
    assert b"event: error" in unchunked(raw)[-400:]
    assert (balance["consumed"], balance["reserved"]) == (1234, 0)


def test_bytes_end_within_a_step_of_their_ceiling(tmp_path: Path) -> None:
    with installation(tmp_path) as (house, gateway, key):
        raw, _ = read(gateway.port, key, "/kilobytes/10000000", keep=1 << 23)
        balance = house.balance("acme")

    sent = len(unchunked(raw))
    assert 4500 * 1000 < sent <= 5000 * 1000
    assert balance["consumed"] == pytest.approx(sent / 1000, abs=0.01)
    assert balance["reserved"] == 0
