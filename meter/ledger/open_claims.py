"""The claims of the calls that one worker runs: renewed while they run, ended when they do.

What can't be ended for want of the store is dropped as soon as it is back, or, if the worker dies, lapses by itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from meter.ledger.claims import CLAIM_SECONDS, RENEW_SECONDS, Claim, ClaimOutcome, Claims
from meter.ledger.ids import operation_id
from meter.ledger.promise import LedgerUnavailable

UNDROPPED_MAX = 1_000
"""How many claims wait to be dropped; the others lapse."""
AT_ONCE = 256

log = logging.getLogger("meter")


class OpenClaims:
    """The open claims of one worker. ``run`` is its owner task."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._open: set[Claim] = set()
        self._undropped: dict[Claim, float] = {}

    async def open(self, account: str, key: str, *, fingerprint: str, key_hash: str | None) -> ClaimOutcome:
        """Claim a key for a new operation.

        Raises:
            LedgerUnavailable: the store did not answer; nothing stays claimed for long.
        """
        claim = Claim.of(account, key, operation_id(self._claims.now()))
        try:
            outcome = await self._claims.claim(claim, fingerprint=fingerprint, key_hash=key_hash)
        except (LedgerUnavailable, asyncio.CancelledError):
            self._drop_later(claim)
            raise
        if isinstance(outcome, Claim):
            self._open.add(claim)
        return outcome

    async def finish(self, claim: Claim, answer: str) -> None:
        """End a claim with the answer of its call; empty where there is none to give again."""
        self._open.discard(claim)
        try:
            await self._claims.finish(claim, answer)
        except LedgerUnavailable as error:
            log.warning("The answer of operation %s is not kept for its retries: %s", claim.op, error)

    async def drop(self, claim: Claim) -> None:
        """Forget a claim whose call was not charged, so that it may be tried again."""
        self._open.discard(claim)
        try:
            await self._claims.drop_claim(claim)
        except asyncio.CancelledError:
            self._drop_later(claim)
            raise
        except LedgerUnavailable:
            self._drop_later(claim)
        else:
            self._undropped.pop(claim, None)

    async def run(self) -> None:
        """Renew and drop, until cancelled."""
        while True:
            for _ in range(RENEW_SECONDS):
                await asyncio.sleep(1)
                await self.drop_again()
            await self.renew()

    async def renew(self) -> None:
        """Renew every open claim once; one that can't be renewed now lives long enough for two more tries."""
        await _each(self._renew, list(self._open))

    async def drop_again(self) -> None:
        """Try again to drop what could not be dropped, unless it has lapsed by itself."""
        now = asyncio.get_running_loop().time()
        self._undropped = {claim: lapses for claim, lapses in self._undropped.items() if lapses > now}
        await _each(self.drop, list(self._undropped))

    def _drop_later(self, claim: Claim) -> None:
        if len(self._undropped) < UNDROPPED_MAX:
            self._undropped.setdefault(claim, asyncio.get_running_loop().time() + CLAIM_SECONDS)

    async def _renew(self, claim: Claim) -> None:
        try:
            await self._claims.renew_claim(claim)
        except LedgerUnavailable as error:
            log.warning("The claim of operation %s was not renewed: %s", claim.op, error)


async def _each(step: Callable[[Claim], Awaitable[None]], claims: list[Claim]) -> None:
    for first in range(0, len(claims), AT_ONCE):
        await asyncio.gather(*map(step, claims[first : first + AT_ONCE]))
