"""One try of a call, as the metering sees its caller; of a call that claimed its ``Idempotency-Key``, recorded.

Made for one call. A claim is ended exactly once: before the last byte of the answer leaves, so that whoever has it
whole can ask for it again, or when the call is over without a whole answer.
"""

import asyncio
from types import TracebackType
from typing import Self

from meter.gateway.asgi import ASGIApp, Message, Receive, Scope, Send
from meter.gateway.beginning import Replayed
from meter.gateway.kept_answer import Recording
from meter.gateway.served import CHARGE, FAILURE
from meter.ledger.claims import Claim
from meter.ledger.open_claims import OpenClaims


class Attempt:
    """One try of a call; where it is not to be made, ``answer`` is what answers it."""

    __slots__ = ("answer", "op", "receive", "send")

    def __init__(self, receive: Receive, send: Send, *, answer: ASGIApp | None = None, op: str | None = None) -> None:
        self.receive = receive
        self.send = send
        self.answer = answer
        self.op = op
        """The operation id under which it is charged, where it has one already."""

    async def __aenter__(self) -> Self:
        """Begin the call."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, however that came."""


class ClaimedAttempt(Attempt):
    """The call that runs for its key, and for all others that come with it."""

    __slots__ = ("_claim", "_claims", "_decided", "_ended", "_receive", "_recording", "_scope", "_send")

    def __init__(
        self, claims: OpenClaims, claim: Claim, scope: Scope, receive: Replayed, send: Send, *, keeps: bool
    ) -> None:
        super().__init__(self._received, self._sent, op=claim.op)
        self._claims = claims
        self._claim = claim
        self._scope = scope
        self._receive = receive
        self._send = send
        self._recording = Recording(keeps=keeps)
        self._ended = False
        self._decided = asyncio.Event()
        """Whether it is settled what a retry gets; until then the call runs on, even without its caller."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the claim, of a cancelled call too; where the event loop is gone nothing can be awaited any more."""
        if not self._ended and kind is not GeneratorExit:
            await asyncio.shield(self._end())

    async def _received(self) -> Message:
        """Pass what the caller sends; its leaving only when no retry needs the answer any more."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and self._runs_on():
            await self._decided.wait()
        return message

    def _runs_on(self) -> bool:
        """Whether the call goes on though its caller has left: it was dispatched whole, and can be answered again."""
        return CHARGE in self._scope and self._receive.whole and self._recording.keeps

    async def _sent(self, message: Message) -> None:
        self._recording.note(message)
        if self._recording.complete and not self._ended:
            await self._end()
        elif not self._recording.keeps:
            self._decided.set()
        await self._send(message)

    async def _end(self) -> None:
        """Keep the answer, or that there is none to give again, or forget a call that may be made again."""
        self._ended = True
        if self._may_be_made_again():
            await self._claims.drop(self._claim)
        else:
            await self._claims.finish(self._claim, self._recording.text() if self._recording.complete else "")
        self._decided.set()

    def _may_be_made_again(self) -> bool:
        """Whether it was refused, got no answer from its upstream, or broke off and cost nothing."""
        charge = self._scope.get(CHARGE)
        if charge is None or FAILURE in self._scope:
            return True
        return not self._recording.complete and charge.closed and not charge.consumed
