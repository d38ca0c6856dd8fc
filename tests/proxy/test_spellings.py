"""No spelling of a dear path is cheap: not at one's own door, not behind any server that forgives."""

import re
import socket
from pathlib import Path

import pytest

from tests.proxy.gateways import Gateway, gateway
from tests.proxy.spellings import CANONICAL, Spelling, spellings
from tests.proxy.upstreams import UPSTREAMS

FORGIVEN_LEAST = {"nginx alias": 20, "nginx proxy_pass": 20, "express": 15, "starlette": 10}
"""How many other spellings reach the dear handler of each server, where nobody stands before it."""


@pytest.fixture(scope="module", params=UPSTREAMS, ids=lambda name: name.replace(" ", "-"))
def upstream(request, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("upstream")
    with UPSTREAMS[request.param](folder) as url:
        yield request.param, url


def ask(host: str, port: int, raw: bytes) -> bytes:
    """The whole answer to one request, or what came of it."""
    with socket.create_connection((host, port), timeout=10) as plug:
        plug.sendall(raw)
        answer = b""
        try:
            while piece := plug.recv(65536):
                answer += piece
        except ConnectionError:
            pass
        return answer


def is_dear(answer: bytes) -> bool:
    return answer.endswith((b"dear", b"4\r\ndear\r\n0\r\n\r\n"))


def consumed(answer: bytes) -> int:
    said = re.search(rb"^x-credits-consumed: ([0-9]+)\r$", answer, re.MULTILINE)
    return int(said[1]) if said else 0


def reached_cheaply(spelling: Spelling, door: Gateway) -> bool:
    answer = ask(door.host, door.port, spelling.request(door.authority, ((b"X-API-Key", door.key.encode()),)))
    return is_dear(answer) and consumed(answer) < 2500


def test_there_are_more_than_a_hundred_spellings():
    assert len({(spelling.target, spelling.headers) for spelling in spellings(b"a:1")}) > 100


def test_servers_forgive_many_spellings(upstream):
    name, url = upstream
    host, _, port = url.removeprefix("http://").partition(":")
    reach = [
        spelling.name
        for spelling in spellings(f"{host}:{port}".encode())
        if spelling.target.partition(b"?")[0] != CANONICAL
        and is_dear(ask(host, int(port), spelling.request(f"{host}:{port}".encode())))
    ]

    assert len(reach) >= FORGIVEN_LEAST[name], reach


def test_no_spelling_reaches_the_dear_handler_for_less_than_its_price(upstream, tmp_path):
    _, url = upstream
    with gateway(url, tmp_path) as door:
        plain = Spelling(name="canonical", target=CANONICAL)
        paid = ask(door.host, door.port, plain.request(door.authority, ((b"X-API-Key", door.key.encode()),)))
        cheap = [spelling.name for spelling in spellings(door.authority) if reached_cheaply(spelling, door)]

    assert (is_dear(paid), consumed(paid)) == (True, 2500), paid
    assert cheap == []
