"""One call on its way: its body out, its answer back, and its end wherever the caller hangs up.

One piece of a body is in flight at a time, each way, so a slow reader slows its writer and nothing piles up here.
"""

import asyncio
from collections.abc import AsyncIterator

from meter.gateway.asgi import Message, Receive, Send
from meter.gateway.forwarding import answer_headers
from meter.gateway.upstream import Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest


class BodyTooLarge(Exception):
    """The request's body turned out longer than the limit."""


class CallerGone(Exception):
    """The caller hung up before its body, or its answer, was complete."""


class Caller:
    """The caller's side of one call: its body, then its hang-up. The only one that reads from the server."""

    def __init__(self, receive: Receive, *, bytes_max: int, has_body: bool) -> None:
        self._receive = receive
        self._bytes_left = bytes_max
        self._body_is_over = asyncio.Event()
        if not has_body:
            self._body_is_over.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece, read as it is asked for.

        Raises:
            BodyTooLarge: more came than the limit.
            CallerGone: the caller hung up.
        """
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerGone
            more = message.get("more_body", False)
            chunk = self._counted(message.get("body", b""))
            if chunk:
                yield chunk
        self._body_is_over.set()

    def drop_body(self) -> None:
        """Say that nobody reads the body any more: what is left of it is thrown away."""
        self._body_is_over.set()

    async def gone(self) -> None:
        """Wait until the caller hangs up, or has its whole answer."""
        await self._body_is_over.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _counted(self, chunk: bytes) -> bytes:
        self._bytes_left -= len(chunk)
        if self._bytes_left < 0:
            raise BodyTooLarge
        return chunk


class Relay:
    """The two directions of one call."""

    def __init__(self, upstream: Upstream, caller: Caller, send: Send) -> None:
        self._upstream = upstream
        self._caller = caller
        self._send = send
        self._is_sending = False
        self._caller_is_gone = False

    async def run(self, request: UpstreamRequest) -> UpstreamError | BodyTooLarge | None:
        """Relay one call, in a task of its own so that a hang-up ends it wherever it waits for the upstream.

        Returns:
            Why there is no answer; None where there is one, or nobody left to read it.

        Raises:
            UpstreamError: the answer broke after its head.
        """
        relaying = asyncio.create_task(self._relay(request))
        watching = asyncio.create_task(self._caller.gone())
        try:
            await asyncio.wait((relaying, watching), return_when=asyncio.FIRST_COMPLETED)
            self._caller_is_gone = watching.done()
            if self._is_sending:
                await asyncio.wait((relaying,))
        finally:
            await _end(watching, relaying)
        if not watching.cancelled():
            watching.result()
        return None if relaying.cancelled() else relaying.result()

    async def _relay(self, request: UpstreamRequest) -> UpstreamError | BodyTooLarge | None:
        try:
            answer = await self._upstream.send(request)
        except CallerGone:
            return None
        except (UpstreamError, BodyTooLarge) as refused:
            return refused
        self._caller.drop_body()
        try:
            await self._stream(answer)
        except CallerGone:
            return None
        finally:
            await answer.aclose()
        return None

    async def _stream(self, answer: UpstreamAnswer) -> None:
        headers = answer_headers(answer.status, answer.headers)
        await self._pass({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for chunk in answer.chunks():
            await self._pass({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._pass({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pass(self, message: Message) -> None:
        """Send a message whole, even to a caller who has gone: the metering around us may be closing a charge in it."""
        self._is_sending = True
        await self._send(message)
        self._is_sending = False
        if self._caller_is_gone:
            raise CallerGone


async def _end(*tasks: asyncio.Task[object]) -> None:
    """Stop what still runs, and wait until it has closed what it holds."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
