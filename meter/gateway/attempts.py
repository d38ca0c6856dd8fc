"""Calls that carry an ``Idempotency-Key``: of all that share one, one is made and charged, and all get its answer."""

import logging

from meter.gateway import kept_answer, metrics
from meter.gateway.answers import Answers
from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.beginning import Replayed, beginning
from meter.gateway.callers import unknown
from meter.gateway.claimed import Attempt, ClaimedAttempt
from meter.gateway.identity import IdempotencyKeyError, idempotency_key
from meter.gateway.served import FACTS
from meter.ledger.claims import Claim, ClaimOutcome, Full, Kept
from meter.ledger.open_claims import OpenClaims
from meter.ledger.promise import LedgerUnavailable, Refused, Word
from meter.policy.model import Operation, Retries
from meter.till import Caller, Till

METHODS = frozenset({"POST", "PATCH"})
"""What a retry would do twice; all other methods may be retried as they are (RFC 9110, 9.2.2)."""

log = logging.getLogger("meter")


class Attempts:
    """Begins each call: it is made, or it is answered by what an earlier one with its key came to."""

    def __init__(self, claims: OpenClaims, *, till: Till, answers: Answers) -> None:
        self._claims = claims
        self._till = till
        self._answers = answers

    async def begin(self, caller: Caller, operation: Operation, scope: Scope, receive: Receive, send: Send) -> Attempt:
        """Begin a call. One with a key claims it first, under the operation id that it will be charged with."""
        if scope.get("method") not in METHODS:
            return Attempt(receive, send)
        try:
            key = idempotency_key(scope["headers"])
        except IdempotencyKeyError as error:
            refusal = _refuse("bad_idempotency_key", self._answers.bad_idempotency_key(str(error)))
            return Attempt(receive, send, answer=refusal)
        if key is None:
            return Attempt(receive, send)
        begun = await beginning(receive)
        if begun.is_cut:
            return Attempt(receive, send, answer=_nothing)
        outcome = await self._claimed(key, caller, begun.fingerprint(scope))
        if not isinstance(outcome, Claim):
            return Attempt(receive, send, answer=self._answer(outcome, caller, operation, scope))
        keeps = operation.retries is Retries.STORED
        return ClaimedAttempt(self._claims, outcome, scope, Replayed(begun, receive), send, keeps=keeps)

    async def _claimed(self, key: str, caller: Caller, fingerprint: str) -> ClaimOutcome | None:
        """Claim a key; None where the ledger can't say whose it is."""
        try:
            account = await self._till.name(caller)
            if account is None:
                return Refused(word=Word.UNKNOWN)
            return await self._claims.open(account, key, fingerprint=fingerprint, key_hash=caller.key_hash)
        except LedgerUnavailable as error:
            log.warning("A call was refused for want of the ledger: %s", error)
            return None

    def _answer(
        self, outcome: Kept | Full | Refused | None, caller: Caller, operation: Operation, scope: Scope
    ) -> ASGIApp:
        match outcome:
            case Kept(answer=text):
                return _again(text, operation, scope)
            case None:
                return _refuse("ledger_unavailable", self._answers.ledger_unavailable())
            case refusal:
                return self._refusal(refusal, caller)

    def _refusal(self, outcome: Full | Refused, caller: Caller) -> ASGIApp:
        answers = self._answers
        match outcome:
            case Full(keys_max=keys_max, seconds=seconds):
                return _refuse("quota_exceeded", answers.quota_exceeded(keys_max, seconds))
            case Refused(word=Word.RUNNING):
                return _refuse("idempotency_running", answers.idempotency_running())
            case Refused(word=Word.CONFLICT):
                return _refuse("idempotency_mismatch", answers.idempotency_mismatch())
            case Refused(word=Word.GONE):
                return _refuse("idempotency_answer_gone", answers.idempotency_answer_gone())
            case Refused(word=Word.SUSPENDED):
                return _refuse("account_suspended", answers.account_suspended())
            case Refused():
                return _refuse("unauthenticated", answers.unauthenticated(unknown(caller).reason))


def _again(text: str, operation: Operation, scope: Scope) -> ASGIApp:
    metrics.counted(metrics.REPLAYED, operation.name).inc()
    scope[FACTS] = {"operation": operation.name, "credits": 0, "op": None}
    return kept_answer.read(text)


def _refuse(reason: str, answer: ASGIApp) -> ASGIApp:
    metrics.counted(metrics.REJECTED, reason).inc()
    return answer


async def _nothing(_: Scope, __: Receive, ___: Send) -> None:
    """Answer nobody: the caller has left."""
