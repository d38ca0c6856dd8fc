"""What a merchant's own payment handling adds to a 402: headers and members by which a client can pay.

Nothing here takes a payment. Whoever does answers it with a grant, and may do so before the client calls again.
"""

import asyncio
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from meter.credits import Credits
from meter.gateway.account_view import json_text
from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.headers import Headers

CHALLENGE_SECONDS_MAX = 1.0

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)
_VALUE = re.compile(r"[\x20-\x7e]{0,8192}", re.ASCII)
_OURS = ("cache-control", "content-length", "content-type", "transfer-encoding", "connection")

log = logging.getLogger("meter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """What a refused call lacks."""

    required: Credits
    remaining: Credits
    reset_at: int | None
    """The Unix second at which credits come by themselves; None where none do."""

    @property
    def missing(self) -> Credits:
        """How much would have to be bought."""
        return Credits(self.required - self.remaining)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """How a client can pay: what x402 or the HTTP Payment scheme says, in headers, in members of the body, or in both.

    Members whose names the refusal has itself are left out, and so are headers about the answer's body.
    """

    headers: Sequence[tuple[str, str]] = ()
    members: Mapping[str, object] = field(default_factory=dict)


NO_CHALLENGE = Challenge()

PaymentHook = Callable[[Scope, Shortfall], Challenge | Awaitable[Challenge | None] | None]
"""What an application gives: how the caller of a scope can pay for what it lacks, or None. Plain, and then at once; or
async, and then within a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """A refusal that asks the hook, as an ASGI app; where that fails, a refusal without it."""

    hook: PaymentHook
    shortfall: Shortfall
    refusal: Callable[[Challenge], ASGIApp]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HTTP and WebSockets as the refusal does."""
        await self.refusal(await self._challenge(scope))(scope, receive, send)

    async def _challenge(self, scope: Scope) -> Challenge:
        try:
            async with asyncio.timeout(CHALLENGE_SECONDS_MAX):
                made = self.hook(scope, self.shortfall)
                challenge = await made if inspect.isawaitable(made) else made
            return NO_CHALLENGE if challenge is None else _checked(challenge)
        except Exception:
            log.exception("The application could not say how to pay, so a 402 left without it.")
            return NO_CHALLENGE


def challenge_headers(challenge: Challenge) -> Headers:
    """Its headers, as ASGI wants them."""
    return [(name.lower().encode(), value.encode()) for name, value in challenge.headers if name.lower() not in _OURS]


def _checked(challenge: Challenge) -> Challenge:
    for name, value in challenge.headers:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"{name[:80]!r} is no header, or its value can't be one.")
    json_text(challenge.members)
    return challenge
