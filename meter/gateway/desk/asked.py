"""What a request to one of our own desks asks: its path, its query and its body, each bounded and checked here."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from meter.credits import AmountError, Credits, from_micro
from meter.gateway.asgi import Receive, Scope
from meter.gateway.desk.numbers import micro

BODY_BYTES_MAX = 64 * 1024
BODY_SECONDS_MAX = 10.0
QUERY_BYTES_MAX = 4096
PARAMETERS_MAX = 20

T = TypeVar("T", bound=msgspec.Struct)


class BadRequest(Exception):
    """What is asked can't be meant; the message is a sentence for the caller."""


class TooLarge(Exception):
    """The body is longer than one of ours can be."""


class Gone(Exception):
    """The caller left before its body was complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as far as it was read; the rest is read when an endpoint asks for it."""

    scope: Scope
    receive: Receive
    names: Mapping[str, str] = field(default_factory=dict)
    """What the placeholders of the endpoint's path stand for."""

    def query(self, kind: type[T]) -> T:
        """Read the query's parameters.

        Raises:
            BadRequest: one is not known, is given twice, or is not what it must be.
        """
        written: bytes = self.scope["query_string"]
        if len(written) > QUERY_BYTES_MAX:
            raise BadRequest(f"The query is longer than {QUERY_BYTES_MAX} bytes.")
        try:
            pairs = parse_qsl(written.decode(), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
            if len(dict(pairs)) != len(pairs):
                raise BadRequest("The query has a parameter more than once; send each once.")
            return msgspec.convert(dict(pairs), kind, strict=False)
        except ValueError as error:
            raise BadRequest(f"The query can't be read: {error}.") from error

    async def body(self, kind: type[T]) -> T:
        """Read the JSON object that is sent.

        Raises:
            BadRequest: it is no such object.
            TooLarge: it is longer than ``BODY_BYTES_MAX``.
            Gone: the caller left.
        """
        written = await _read(self.receive)
        try:
            return msgspec.json.decode(written, type=kind)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"The body can't be read: {error}.") from error


def segments(scope: Scope, desk: str) -> tuple[str, ...] | None:
    """The parts of a path below a desk, each unescaped by itself: ``acme%2Fweb`` is one; None where it is not below it.

    Args:
        scope: the request's.
        desk: the desk's own path, as in ``/_meter``.
    """
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    above = _above(scope) + desk.split("/")[1:]
    try:
        parts = [unquote(part, errors="strict") for part in raw.decode("ascii").partition("?")[0].split("/")[1:]]
    except ValueError:
        return None
    return tuple(parts[len(above) :]) if parts[: len(above)] == above else None


def mounted_at(scope: Scope) -> str:
    """The path that the app is mounted at; empty where that is the root."""
    return "".join(f"/{part}" for part in _above(scope))


def amount(written: msgspec.Raw) -> Credits:
    """Read an amount of credits from JSON: a number, exactly as it is written.

    Raises:
        BadRequest: it is none.
    """
    try:
        return from_micro(micro(bytes(written)))
    except AmountError as error:
        raise BadRequest(str(error)) from error
    except ValueError as error:
        raise BadRequest(f"{bytes(written)[:40].decode(errors='replace')} is no amount of credits: {error}.") from error


def _above(scope: Scope) -> list[str]:
    """The parts of the path that the app is mounted at."""
    root, path = scope.get("root_path", ""), scope["path"]
    return root.split("/")[1:] if root and (path == root or path.startswith(root + "/")) else []


async def _read(receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _whole(receive)
    except TimeoutError as error:
        raise BadRequest(f"The body did not come within {BODY_SECONDS_MAX:g} s.") from error


async def _whole(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge
    return bytes(body)
