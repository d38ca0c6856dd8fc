"""Whether the caller is still there: servers say so through ``receive`` alone, which an app that streams never calls.

So somebody looks in its place: at the next message, once nothing but a hang-up or one piece of the body can come. What
is found is kept for the app, in order, and the server is asked by one at a time.
"""

import asyncio
from collections import deque

from meter.gateway.asgi import Message, Receive

_GONE = "http.disconnect"
_TURNS = 3
"""Of the event loop: a server that has the end of a body and a hang-up to tell needs two, and one is to spare."""


class HangUpWatch:
    """The wrapped ``receive`` of one call. Its owner awaits ``aclose`` when the call is over."""

    __slots__ = ("_kept", "_look", "_receive", "_turn", "_watching", "left")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._turn = asyncio.Lock()
        self._kept: deque[Message] = deque()
        self._look: asyncio.Task[None] | None = None
        self._watching = False
        self.left = False
        """Whether the caller is known to have hung up."""

    def start(self) -> None:
        """Look out for a hang-up from now on.

        A caller that waits for leave to send its body (``Expect: 100-continue``) gets it when its server is asked for a
        message before the answer's head has left.
        """
        self._watching = True
        self._look_out()

    async def has_left(self) -> bool:
        """Whether the caller has hung up by now, as far as the server knows without waiting."""
        self.start()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        return self.left

    async def receive(self) -> Message:
        """Give the app its next message; a hang-up again and again."""
        try:
            async with self._turn:
                message = await self._next()
        except asyncio.CancelledError:
            self._look_out()
            raise
        self._look_out()
        return message

    async def aclose(self) -> None:
        """Stop looking. What was found can still be received."""
        self._watching = False
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])

    async def _next(self) -> Message:
        if not self._kept and self._look is not None:
            await asyncio.wait([self._look])
        if not self._kept:
            await self._ask()
        return self._kept[0] if self._kept[0]["type"] == _GONE else self._kept.popleft()

    async def _ask(self) -> None:
        message = await self._receive()
        self.left = self.left or message["type"] == _GONE
        self._kept.append(message)

    def _look_out(self) -> None:
        """Look for the next message, unless the app does so itself or has one to take first."""
        there_is_room = not self._kept or _is_last(self._kept[-1])
        if self._watching and self._look is None and there_is_room and not self._turn.locked():
            self._look = asyncio.create_task(self._looked())

    async def _looked(self) -> None:
        """Ask the server once; one that fails is not asked again, so that the app that receives is told of it."""
        await self._ask()
        self._look = None
        self._look_out()


def _is_last(message: Message) -> bool:
    """Whether nothing but a hang-up can follow."""
    return message["type"] == "http.request" and not message.get("more_body", False)
