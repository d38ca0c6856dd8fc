"""Whoever signs tokens: its keys, and the place where it publishes them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://auth.example/", "https://api.example"


@cache
def private_key(kind: str) -> Any:
    """A key for all tests: to make one of RSA takes a while."""
    if kind.startswith("RSA"):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def public(kind: str, kid: str, **facts: Any) -> dict[str, Any]:
    """The public half of a key, as its issuer publishes it."""
    writer = RSAAlgorithm if kind.startswith("RSA") else ECAlgorithm
    return writer.to_jwk(private_key(kind).public_key(), as_dict=True) | {"kid": kid} | facts


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def token(kind: str = "EC", kid: str | None = "one", algorithm: str = "ES256", **claims: Any) -> str:
    """A token that is good, but for the claims that are given; None leaves one out."""
    said = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 600, "sub": "acme"} | claims
    head = {} if kid is None else {"kid": kid}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, private_key(kind), algorithm=algorithm, headers=head)


@dataclass
class Place:
    """A server that publishes a key set, and counts who asks for it."""

    answer: bytes
    url: str = ""
    asked: int = 0
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: nobody is answered."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await self.held.wait()
        writer.write(self.answer)
        await writer.drain()
        writer.close()


def document(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
    return head.encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def publishing(body: bytes, status: str = "200 OK") -> AsyncIterator[Place]:
    """Publish a key set on a real socket."""
    place = Place(document(body, status))
    place.held.set()
    server = await asyncio.start_server(place.serve, "127.0.0.1", 0)
    async with server:
        place.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
        yield place
