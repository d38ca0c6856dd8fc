"""One call that has been charged and is being served: who left, how it ended, what it cost.

Made for one call. The charge is closed exactly once: when the answer's status is known, or when the app is done
without one.
"""

import asyncio
import contextlib

from starlette.requests import HTTPConnection

from meter.credits import Credits
from meter.gateway import metrics
from meter.gateway.asgi import ASGIApp, Message, Receive, Scope, Send
from meter.gateway.figures import Figures
from meter.gateway.headers import CreditHeaders, lowered
from meter.gateway.writer import AnswerWriter, WriterParts
from meter.policy.model import End
from meter.till import Charge

CHARGE = "meter.charge"
"""Where the scope of a metered call holds its charge."""
FACTS = "meter.call"
"""Where the scope of a metered call holds what the access log says of it."""
FAILURE = "meter.failure"
"""Where the proxy says that the answer is its own, for want of one of the upstream's."""
CLOSE_SECONDS_MAX = 2
"""How long a call that failed may take to give its credits back; after that, it is on the list of undos."""

END_OF: dict[int, End] = {
    1: End.INFORMATIONAL,
    2: End.SUCCESS,
    3: End.REDIRECTION,
    4: End.CLIENT_ERROR,
    5: End.SERVER_ERROR,
}
"""By the first digit of the answer's status; anything else is a failure of the app."""


class ServedCall:
    """The wrapped ``receive`` and ``send`` of one call, and its end."""

    __slots__ = ("_charge", "_left", "_receive", "_scope", "send")

    def __init__(self, charge: Charge, scope: Scope, receive: Receive, send: Send, parts: WriterParts) -> None:
        self._charge = charge
        self._scope = scope
        self._receive = receive
        self._left = False
        self.send = AnswerWriter(send, scope, meta=charge.operation.meta, close=self._answered, parts=parts)

    async def receive(self) -> Message:
        """Pass what the caller sends, and note when it leaves."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._left = True
        return message

    async def serve(self, app: ASGIApp) -> None:
        """Call the app, and close the charge by how that ended, whatever happens."""
        self._scope[CHARGE] = self._charge
        try:
            await app(self._scope, self.receive, self.send)
            await self.send.finish()
        except GeneratorExit:
            raise  # the event loop is gone, and nothing can be awaited any more
        except BaseException:
            await asyncio.shield(self._failed())
            raise
        if not self._charge.closed:
            await self._close(self._unanswered())

    async def _failed(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self.send.abandon()
                await self._close(self._unanswered())

    async def _answered(self, status: int) -> Figures | None:
        if FAILURE in self._scope:
            self._charge.waive(self._scope[FAILURE])
        await self._close(End.HANGUP if self._left else END_OF.get(status // 100, End.SERVER_ERROR))
        return _figures(self._charge) if self._charge.booked else None

    def _unanswered(self) -> End:
        return End.HANGUP if self._left else End.RAISED

    async def _close(self, end: End) -> None:
        if self._charge.closed:
            return
        try:
            await self._charge.close(end)
        finally:
            self._scope[FACTS] = {
                "operation": self._charge.operation.name,
                "credits": self._charge.consumed,
                "op": self._charge.op,
            }
            _count(self._charge)


def charge_of(request: HTTPConnection | Scope) -> Charge:
    """Give the charge of the call that a handler serves.

    Args:
        request: Starlette's or FastAPI's request, or an ASGI scope.

    Raises:
        LookupError: the call is not charged: its route is free, or no metering stands before the handler.
    """
    scope = request.scope if isinstance(request, HTTPConnection) else request
    if CHARGE not in scope:
        raise LookupError(f"{scope['path']!r} is not charged: its route is free, or MeterMiddleware is not around it.")
    charge: Charge = scope[CHARGE]
    return charge


def untold(send: Send, headers: CreditHeaders) -> Send:
    """Make the ``send`` of a call that is not charged: nobody else tells of credits in our name."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": headers.told(lowered(message.get("headers", ())), None)}
        await send(message)

    return sent


def _figures(charge: Charge) -> Figures:
    return Figures(
        consumed=charge.consumed,
        remaining=charge.remaining,
        granted=charge.balance.granted,
        reset_at=charge.balance.reset_at,
        now=charge.now,
    )


def _count(charge: Charge) -> None:
    operation = charge.operation.name
    if charge.operation.observe:
        metrics.counted(metrics.OBSERVED, operation).inc(_graphed(charge.quote.credits))
    elif charge.consumed:
        metrics.counted(metrics.CONSUMED, operation, charge.plan).inc(_graphed(charge.consumed))
    elif charge.quote.credits:
        metrics.counted(metrics.REFUNDED, operation).inc(_graphed(charge.quote.credits))
    for factor in charge.quote.factors:
        metrics.FACTOR.labels(factor.name).set(float(factor.multiply))


def _graphed(amount: Credits) -> float:
    """Make an amount a number to graph: the one place where it becomes a float, and nothing is reckoned with it."""
    return amount * 1e-6
