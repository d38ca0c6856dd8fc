"""Whether the caller is still there: servers say so through ``receive`` alone, which an app that streams never calls.

So somebody looks in its place: at the next message, once nothing but a hang-up or one piece of the body can come. What
is found is kept for the app, in order.
"""

import asyncio
from collections import deque

from meter.gateway.asgi import Message, Receive


class HangUpWatch:
    """The wrapped ``receive`` of one call."""

    __slots__ = ("_body_is_over", "_kept", "_look", "_receive", "_waiting", "_watching", "left")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()
        self._look: asyncio.Task[None] | None = None
        self._waiting = 0
        self._watching = False
        self._body_is_over = False
        self.left = False
        """Whether the caller is known to have hung up."""

    def start(self) -> None:
        """Look out for a hang-up from now on."""
        self._watching = True
        self._look_out()

    async def has_left(self) -> bool:
        """Whether the caller has hung up by now, as far as the server knows without waiting."""
        self.start()
        for _ in range(3):
            await asyncio.sleep(0)
        return self.left

    async def receive(self) -> Message:
        """Give the app its next message."""
        while not self._kept and self._look is not None:
            await asyncio.wait([self._look])
        if self._kept:
            message = self._kept.popleft()
        else:
            message = await self._asked()
        self._look_out()
        return message

    async def aclose(self) -> None:
        """Stop looking."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])

    def _look_out(self) -> None:
        """Look for the next message, unless the app does so itself or has one to take first."""
        taken = not self._kept or (self._body_is_over and len(self._kept) == 1)
        if self._watching and taken and not self.left and not self._waiting and self._look is None:
            self._look = asyncio.create_task(self._looked())

    async def _looked(self) -> None:
        try:
            self._kept.append(await self._asked())
        finally:
            self._look = None
        self._look_out()

    async def _asked(self) -> Message:
        self._waiting += 1
        try:
            message = await self._receive()
        finally:
            self._waiting -= 1
        self.left = self.left or message["type"] == "http.disconnect"
        self._body_is_over = self._body_is_over or not message.get("more_body", False)
        return message
