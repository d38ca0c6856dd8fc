"""A lifespan around an app's own: our parts start before the app and stop after it.

An app without a lifespan gets ours alone.
"""

import logging
from collections.abc import Awaitable, Callable

from meter.gateway.asgi import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("meter")

Step = Callable[[], Awaitable[None]]

_STARTED = "lifespan.startup.complete"
_COMPLETE = "lifespan.shutdown.complete"


class Lifespan:
    """One run of the lifespan protocol (ASGI lifespan 2.0)."""

    def __init__(self, app: ASGIApp, start: Step, stop: Step) -> None:
        self._app = app
        self._start = start
        self._stop = stop
        self._startup: Message | None = None
        self._started = False
        self._asked_to_stop = False
        self._last: Message | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run until the server shuts down; the app's last word is passed on when our parts have stopped."""
        self._receive, self._send = receive, send
        self._startup = await receive()
        try:
            await self._start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        try:
            await self._run(scope)
        finally:
            await self._stop()
            if self._last is not None:
                await send(self._last)

    async def _run(self, scope: Scope) -> None:
        """Run the app's lifespan; an app that has none, or leaves it early, is served until the server stops."""
        try:
            await self._app(scope, self._app_receive, self._app_send)
        except Exception as error:
            if self._started or self._last is not None:
                raise
            log.info("The app raised %r in its lifespan, so it is served without one.", error)
        if self._last is None and not self._asked_to_stop:
            if not self._started:
                await self._send({"type": _STARTED})
            await self._receive()
        self._last = self._last or {"type": _COMPLETE}

    async def _app_receive(self) -> Message:
        if self._startup is not None:
            startup, self._startup = self._startup, None
            return startup
        message = await self._receive()
        self._asked_to_stop = True
        return message

    async def _app_send(self, message: Message) -> None:
        if message["type"] == _STARTED:
            self._started = True
            await self._send(message)
        else:
            self._last = message
