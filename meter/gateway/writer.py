"""The ``send`` of one metered call: it tells what the call cost, in the headers and, where it can, in the body.

The answer's head leaves when its figures are known, and these are asked for as late as that: right before it leaves.
Only a body that may get members is held back; whatever else the app sends passes as it came.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Protocol

from meter.gateway import place
from meter.gateway.asgi import Message, Scope, Send
from meter.gateway.borders import Format, Standing, format_of
from meter.gateway.endings import Cut, Endings
from meter.gateway.figures import Figures
from meter.gateway.headers import CreditHeaders, Headers, lowered, rewritten
from meter.gateway.splice import Path, splice
from meter.gateway.wire import members
from meter.policy.model import Meta


class Telling(Protocol):
    """What a call costs, asked for as late as it can be told; None tells nothing."""

    async def at_head(self, status: int) -> Figures | None:
        """The answer's head leaves, and its body is not complete."""
        ...

    async def at_end(self, status: int) -> Figures | None:
        """The answer's body is complete."""
        ...


_SPACE = b" \t\n\r"
_LINE_ENDS = (b"\n", b"\r")
_BLANK_LINES = (b"\n\n", b"\r\r", b"\n\r\n")
_SEEN_BYTES = 3
_BODIES = frozenset({"http.response.body", "http.response.pathsend", "http.response.zerocopysend"})
_OBJECT_BEGINS = re.compile(rb"[ \t\n\r]*+\{")
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLimits:
    """How much of a body is held back, and for how long; past either, it goes out as it came."""

    body_bytes: int = 256 * 1024
    seconds: float = 1.0
    """From a body's first byte."""


class HeldBytes:
    """What all calls of one worker hold back together, within a limit."""

    __slots__ = ("_left",)

    def __init__(self, bytes_max: int = 64 * 1024 * 1024) -> None:
        self._left = bytes_max

    def take(self, count: int) -> bool:
        """Reserve bytes, all or none."""
        if count > self._left:
            return False
        self._left -= count
        return True

    def give_back(self, count: int) -> None:
        """Free bytes that were taken."""
        self._left += count


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterParts:
    """What the writers of one worker share."""

    headers: CreditHeaders = field(default_factory=CreditHeaders)
    endings: Endings = field(default_factory=lambda: Endings(problems_url="/problems"))
    limits: HoldLimits = field(default_factory=HoldLimits)
    held: HeldBytes = field(default_factory=HeldBytes)


class AnswerWriter:
    """The wrapped ``send`` of one call. Its owner awaits ``finish`` or ``abandon`` when the app is done."""

    __slots__ = (
        "_bytes", "_chunks", "_format", "_headers", "_last_bytes", "_meta", "_method", "_opened", "_parts", "_passing",
        "_path",
        "_send", "_start", "_status", "_telling", "_timer", "_turn", "begun", "ended",
    )  # fmt: skip

    def __init__(self, send: Send, scope: Scope, *, meta: Meta, telling: Telling, parts: WriterParts) -> None:
        self._send = send
        self._method: str = scope["method"]
        self._meta = meta
        self._telling = telling
        self._parts = parts
        self._turn = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._start: Message | None = None
        self._headers: Headers = []
        self._path: Path | None = None
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._opened = False
        self._passing = False
        self._status = 0
        self._format = Format.WHOLE
        self._last_bytes = b""
        self.begun = False
        """Whether the answer's head has left; until then an app that fails may still be answered for."""
        self.ended = False
        """Whether the answer's body is complete."""

    @property
    def holds(self) -> bool:
        """Whether the answer is held back, so that nothing of it has left."""
        return self._start is not None

    async def __call__(self, message: Message) -> None:
        """Pass a message on, or hold it back."""
        if self._passing:
            await self._stream(message)
            return
        async with self._turn:
            await self._take(message)

    async def cut(self, why: Cut, *, last_line: bool) -> None:
        """End the answer here, in its own format; one that said how long it is stays short of that."""
        async with self._turn:
            await self._let_go()
            figures = await self._telling.at_end(self._status)
            if b"content-length" in dict(self._headers):
                return
            ending = b""
            if self._format is not Format.WHOLE and figures is not None:
                ending = self._parts.endings.cut(self._format, self._standing, figures, why, last_line=last_line)
            self.ended = True
            await self._send({"type": "http.response.body", "body": ending, "more_body": False})

    async def finish(self) -> None:
        """Let out what is still held: the app is done, even if it never ended its answer."""
        async with self._turn:
            await self._let_go()
        failure = await self._stop_timer()
        if failure is not None:
            raise failure

    async def abandon(self) -> None:
        """Forget what is still held: the app failed, or the call was cancelled."""
        await self._stop_timer()
        self._drop()

    async def _take(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._start is None:
            await self._begin(message)
        elif message["type"] == "http.response.body" and self._start is not None:
            await self._hold(self._start, message)
        else:
            await self._pass(message)

    async def _begin(self, start: Message) -> None:
        self._start = start
        self._status = start["status"]
        self._headers = lowered(start.get("headers", ()))
        if self._meta is Meta.BODY and self._method != "HEAD":
            self._format = _format_of(self._headers)
        if self._meta is Meta.BODY and not start.get("trailers", False):
            self._path = place.path(start["status"], self._headers, bytes_max=self._parts.limits.body_bytes)
        if self._path is None or self._method == "HEAD":
            await self._let_go()

    async def _hold(self, start: Message, message: Message) -> None:
        chunk = bytes(message.get("body", b""))
        if not self._kept(chunk):
            await self._pass(message)
        elif not message.get("more_body", False):
            await self._complete(start, message)
        elif self._bytes and self._timer is None:
            self._timer = asyncio.create_task(self._expire())

    def _kept(self, chunk: bytes) -> bool:
        """Keep a piece, if it is within the limits and the body may still be an object."""
        self._opened = self._opened or _OBJECT_BEGINS.match(chunk) is not None
        if not self._opened and chunk.strip(_SPACE):
            return False
        if self._bytes + len(chunk) > self._parts.limits.body_bytes or not self._parts.held.take(len(chunk)):
            return False
        self._bytes += len(chunk)
        self._chunks.append(chunk)
        return True

    async def _complete(self, start: Message, last: Message) -> None:
        """Send the whole body that was held, with its members where it can have them."""
        body = self._taken()
        figures = await self._telling.at_end(self._status)
        spliced = self._spliced(body, figures)
        if spliced is not None:
            self._headers = rewritten(self._headers, len(spliced))
        await self._send_head(start, figures)
        await self._send({**last, "body": body if spliced is None else spliced})
        self._passing = self.ended = True

    def _spliced(self, body: bytes, figures: Figures | None) -> bytes | None:
        """A body that is not as long as its head says stays wrong, so that the server notices."""
        declared = dict(self._headers).get(b"content-length")
        if figures is None or self._path is None or (declared is not None and int(declared) != len(body)):
            return None
        return splice(body, members(figures), self._path)

    async def _pass(self, message: Message) -> None:
        """Let out what is held, then this message, which cannot be held or has nothing to do with it."""
        await self._let_go()
        await self._stream(message)

    async def _stream(self, message: Message) -> None:
        """Send a message of an answer whose head has left; what the call cost is known before its last piece leaves."""
        if message["type"] not in _BODIES or self.ended:
            await self._send(message)
            return
        if self._format is not Format.WHOLE:
            self._last_bytes = (self._last_bytes + bytes(message.get("body", b""))[-_SEEN_BYTES:])[-_SEEN_BYTES:]
        if not message.get("more_body", False):
            message = await self._last(message)
        await self._send(message)

    async def _last(self, message: Message) -> Message:
        """The last piece of a stream, with what it says of its cost."""
        self.ended = True
        figures = await self._telling.at_end(self._status)
        if self._format is Format.WHOLE or figures is None:
            return message
        cost = self._parts.endings.told(self._format, self._standing, figures)
        return {**message, "body": bytes(message.get("body", b"")) + cost}

    @property
    def _standing(self) -> Standing:
        """Where the stream is, as far as its last bytes tell."""
        if not self._last_bytes or self._last_bytes.endswith(_BLANK_LINES):
            return Standing.BETWEEN
        return Standing.WITHIN if self._last_bytes.endswith(_LINE_ENDS) else Standing.IN_A_LINE

    async def _let_go(self) -> None:
        """Send the head if it is held, and what is held of the body as it came."""
        start = self._start
        if start is None:
            return
        body = self._taken()
        figures = await self._telling.at_head(self._status)
        if figures is not None and (self._format is Format.SSE or self._stands_for_another(start)):
            self._headers = rewritten(self._headers, None)
        await self._send_head(start, figures)
        self._passing = True
        if body:
            await self._stream({"type": "http.response.body", "body": body, "more_body": True})

    def _stands_for_another(self, start: Message) -> bool:
        """Whether the answer has no body, and is told as the one that has: the body that we change (RFC 9110, 8.6)."""
        if start["status"] == _NOT_MODIFIED:
            return self._meta is Meta.BODY
        return self._method == "HEAD" and self._path is not None

    async def _send_head(self, start: Message, figures: Figures | None) -> None:
        self.begun = True
        await self._send({**start, "headers": self._parts.headers.told(self._headers, figures)})

    def _taken(self) -> bytes:
        body = b"".join(self._chunks)
        self._drop()
        return body

    def _drop(self) -> None:
        self._parts.held.give_back(self._bytes)
        self._start, self._chunks, self._bytes = None, [], 0

    async def _expire(self) -> None:
        await asyncio.sleep(self._parts.limits.seconds)
        async with self._turn:
            await self._let_go()

    async def _stop_timer(self) -> BaseException | None:
        """End the timer, and give what it failed with."""
        timer, self._timer = self._timer, None
        if timer is None:
            return None
        timer.cancel()
        await asyncio.wait([timer])
        return None if timer.cancelled() else timer.exception()


def _format_of(headers: Headers) -> Format:
    """What a body is made of; nothing can be put into one that is encoded."""
    facts = dict(headers)
    if b"content-encoding" in facts:
        return Format.WHOLE
    return format_of(facts.get(b"content-type", b"").decode("latin-1"))
