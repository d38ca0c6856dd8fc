"""Sending a letter over HTTP: one signed POST, whose answer's status is all that is read of it.

A transport and no client: a client keeps cookies, follows redirects and logs URLs, and ours may hold a secret.
"""

import asyncio
import contextlib
from collections.abc import Callable

import httpx

from meter.ledger.noticing import Letter
from meter.notices.events import CONTENT_TYPE, body
from meter.notices.signing import Signer

SECONDS_MAX = 15.0
"""For one attempt in all, as long as the standard gives a receiver at least..."""
CONNECT_SECONDS_MAX = 5.0
"""...and of that, to connect."""

_TIMEOUT = {"connect": CONNECT_SECONDS_MAX, "read": SECONDS_MAX, "write": SECONDS_MAX, "pool": SECONDS_MAX}


class Webhook:
    """One receiver."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, url: str, signer: Signer, *, source: str, clock: Callable[[], int]
    ) -> None:
        """Take where it is and how it is signed for.

        Args:
            transport: sends; whoever made it closes it.
            url: of the receiver; never logged.
            signer: has the secrets that the receiver knows.
            source: who says all this, in each event.
            clock: the Unix second.
        """
        self._transport = transport
        self._url = url
        self._signer = signer
        self._source = source
        self._clock = clock

    async def send(self, letter: Letter) -> str | None:
        """Deliver a letter; in one word why it did not arrive: the status, ``timeout`` or ``unreachable``."""
        try:
            async with asyncio.timeout(SECONDS_MAX):
                return await self._status(self._request(letter))
        except (TimeoutError, httpx.TimeoutException):
            return "timeout"
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return "unreachable"

    async def _status(self, request: httpx.Request) -> str | None:
        answer = await self._transport.handle_async_request(request)
        async with contextlib.aclosing(answer):
            return None if answer.is_success else str(answer.status_code)

    def _request(self, letter: Letter) -> httpx.Request:
        text = body(letter, self._source)
        headers = {
            "content-type": CONTENT_TYPE,
            "user-agent": "asgi-meter",
            **self._signer.headers(letter.id, self._clock(), text),
        }
        return httpx.Request("POST", self._url, headers=headers, content=text, extensions={"timeout": _TIMEOUT})
