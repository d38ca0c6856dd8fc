"""The metering middleware: match, identify, charge, serve, settle, tell.

Every part is given to it. The state of one call lives in a ``ServedCall`` or a ``ServedSocket``, never on ``Meter``.
"""

import logging
import time
from collections.abc import Mapping

from meter.credits import Credits
from meter.gateway import metrics
from meter.gateway.answers import Answers
from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.attempts import Attempts
from meter.gateway.callers import Identify, Undecided, Unidentified, unknown
from meter.gateway.calls import CallsInProgress
from meter.gateway.clock import PricingClock
from meter.gateway.desk import refusals
from meter.gateway.desks import Desks
from meter.gateway.identity import CreditsMaxError, credits_max
from meter.gateway.limits import limit_reached, not_in_plan
from meter.gateway.load_watch import FixedLoad, LoadWatch
from meter.gateway.preview import wants_next
from meter.gateway.served import ServedCall, untold
from meter.gateway.served_socket import ServedSocket
from meter.gateway.tariff import Tariff, TariffBoard
from meter.gateway.writer import WriterParts
from meter.ledger.complaints import NotAsked
from meter.ledger.promise import Capped, LedgerUnavailable, Refused, Short, Word
from meter.pricing.match import Ambiguous, Matched
from meter.till import Caller, Charge, Dear, NotInPlan, Sale, Till
from meter.till import Verdict as Denied

log = logging.getLogger("meter")

LONG_SECONDS = 0.1
"""Where the books took longer, the caller is looked for before its call is dispatched. A look costs about as much as a
charge, and a busy worker's charges take some 10 ms, so that much must be no reason for one."""


class Meter:
    """Charge the calls of one ASGI app."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        board: TariffBoard,
        till: Till,
        attempts: Attempts,
        identify: Identify,
        answers: Answers,
        clock: PricingClock,
        load: LoadWatch | FixedLoad,
        calls: CallsInProgress,
        writer_parts: WriterParts,
        desks: Mapping[str, ASGIApp],
    ) -> None:
        """Keep the parts. What lies at or below the path of a desk, like ``/credits``, never reaches the app."""
        self._app = app
        self._board = board
        self._till = till
        self._attempts = attempts
        self._identify = identify
        self._answers = answers
        self._clock = clock
        self._load = load
        self._calls = calls
        self._writer_parts = writer_parts
        self._desks = Desks(desks, elsewhere=answers.not_found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Meter HTTP and WebSockets; pass the rest."""
        if scope["type"] in ("http", "websocket"):
            await self._call(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        desk = self._desks.at(scope)
        if desk is not None:
            await (desk if scope["type"] == "http" else self._unpriced(scope))(scope, receive, send)
            return
        tariff = self._board.tariff
        verdict = tariff.verdict(scope)
        if tariff.passes(verdict, scope):
            await self._app(scope, receive, untold(scope, send, self._writer_parts.headers))
        elif isinstance(verdict, Matched):
            with self._calls:
                await self._metered(tariff, verdict, scope, receive, send)
        elif isinstance(verdict, Ambiguous):
            await self._refuse("ambiguous_path", self._answers.ambiguous_path(verdict.reason))(scope, receive, send)
        else:
            await self._unpriced(scope)(scope, receive, send)

    def _unpriced(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "websocket":
            return self._refuse("websocket_unpriced", self._answers.websocket_unpriced())
        return self._refuse("no_price", self._answers.no_price(scope["method"], scope["path"]))

    async def _metered(self, tariff: Tariff, matched: Matched, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        if matched.operation.observe:
            await self._go_on(await self._observed(tariff, matched, scope), began, scope, receive, send)
            return
        caller = await self._identify(scope, tariff.policy.identity)
        if not isinstance(caller, Caller):
            await self._unauthenticated(caller)(scope, receive, send)
            return
        async with await self._attempts.begin(caller, matched.operation, scope, receive, send) as attempt:
            opened = attempt.answer or await self._opened(tariff, matched, scope, caller, attempt.op)
            await self._go_on(opened, began, scope, attempt.receive, attempt.send)

    async def _go_on(self, opened: Charge | ASGIApp, began: float, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call that is charged, unless its caller has left meanwhile; answer one that is not."""
        if not isinstance(opened, Charge):
            await opened(scope, receive, send)
            return
        kind = ServedSocket if scope["type"] == "websocket" else ServedCall
        call = kind(opened, scope, receive, send, self._writer_parts)
        if time.perf_counter() - began > LONG_SECONDS and await call.has_left():
            await call.give_up()
        else:
            await call.serve(self._app)

    async def _observed(self, tariff: Tariff, matched: Matched, scope: Scope) -> Charge:
        """Price a call that nobody pays: whatever it says of its caller, and whatever that leads to, it is served."""
        try:
            caller = await self._identify(scope, tariff.policy.identity)
        except Exception:
            log.exception("The caller of a call of %s could not be identified.", matched.operation.name)
            caller = None
        known = caller if isinstance(caller, Caller) else None
        return await self._till.observe(known, self._sale(matched, scope, None), tariff.pricer)

    async def _opened(
        self, tariff: Tariff, matched: Matched, scope: Scope, caller: Caller, op: str | None
    ) -> Charge | ASGIApp:
        """Open the call's charge, or find the answer that refuses it."""
        try:
            at_most = credits_max(scope["headers"])
        except CreditsMaxError as error:
            return self._refuse("bad_credits_max", self._answers.bad_credits_max(str(error)))
        began = time.perf_counter()
        try:
            opened = await self._till.open(caller, self._sale(matched, scope, at_most, op), tariff.pricer)
        except LedgerUnavailable as error:
            level = logging.DEBUG if isinstance(error, NotAsked) else logging.WARNING
            log.log(level, "A call was refused for want of the ledger: %s", error)
            return self._refuse("ledger_unavailable", self._answers.ledger_unavailable())
        finally:
            metrics.DEBIT_SECONDS.observe(time.perf_counter() - began)
        return opened if isinstance(opened, Charge) else self._refusal(opened, caller)

    def _sale(self, matched: Matched, scope: Scope, at_most: Credits | None, op: str | None = None) -> Sale:
        return Sale(
            operation=matched.operation,
            usage=matched.usage,
            moment=self._clock.moment(),
            load=self._load.reading(),
            drill=self._clock.drill,
            at_most=at_most,
            long=scope["type"] == "websocket",
            op=op,
            preview=wants_next(scope["headers"]),
        )

    def _refusal(self, verdict: Denied, caller: Caller) -> ASGIApp:
        match verdict:
            case Short(required=required, balance=balance):
                return self._refuse("insufficient_credits", self._answers.insufficient_credits(required, balance))
            case Capped() as capped:
                return self._refuse("quota_exceeded", limit_reached(self._answers, capped))
            case Dear(price=price, at_most=at_most):
                return self._refuse("price_above_max", self._answers.price_above_max(price, at_most))
            case NotInPlan() as denied:
                return self._refuse("operation_not_in_plan", not_in_plan(self._answers, denied))
            case Refused(word=word):
                return self._refused(word, caller)

    def _refused(self, word: Word, caller: Caller) -> ASGIApp:
        match word:
            case Word.UNKNOWN:
                return self._unauthenticated(unknown(caller))
            case Word.SUSPENDED:
                return self._refuse("account_suspended", self._answers.account_suspended())
            case Word.BARRED:
                return self._refuse("operation_not_allowed", self._answers.operation_not_allowed())
            case _:
                log.error("The ledger answered %s to an operation id that this worker had just made.", word)
                return self._refuse("ledger_unavailable", self._answers.ledger_unavailable())

    def _unauthenticated(self, caller: Unidentified | Undecided) -> ASGIApp:
        match caller:
            case Unidentified(reason=reason):
                return self._refuse("unauthenticated", self._answers.unauthenticated(reason))
            case Undecided():
                return self._refuse("identity_unavailable", refusals.identity_unavailable(self._answers))

    def _refuse(self, reason: str, answer: ASGIApp) -> ASGIApp:
        metrics.counted(metrics.REJECTED, reason).inc()
        return answer
