"""Claims on idempotency keys, in Redis or Valkey: one script a step."""

from meter.ledger import names, scripts
from meter.ledger.claims import (
    ANSWERS_BYTES_MAX,
    CLAIM_SECONDS,
    KEPT_SECONDS,
    KEYS_MAX,
    Claim,
    ClaimOutcome,
    Full,
    Kept,
)
from meter.ledger.promise import LedgerUnavailable, Refused, Word
from meter.ledger.records import Answer
from meter.ledger.scripts import Script
from meter.ledger.shards import Shards

TRIES = 3
"""How often a claim may change hands while one call asks for it."""

_LIFE = (str(CLAIM_SECONDS), str(KEPT_SECONDS))


class ClaimSteps(Shards):
    """The claims on idempotency keys; keeps the promise of ``Claims``, but for the clock."""

    async def claim(
        self, claim: Claim, *, fingerprint: str, key_hash: str | None = None, keys_max: int = KEYS_MAX
    ) -> ClaimOutcome:
        """Claim a key for a call, or find what became of the call that claimed it before."""
        for _ in range(TRIES):
            answer = await self._ask_for(claim, fingerprint, key_hash, keys_max)
            if answer.word is Word.LAPSED:
                answer = await self._take(claim, fingerprint, dead=answer.rest)
            if answer.word is not Word.STALE:
                return _outcome(claim, answer, keys_max)
        raise LedgerUnavailable(
            f"An idempotency key changed hands {TRIES} times while one call asked for it; try again.",
            fate_unknown=False,
        )

    async def finish(self, claim: Claim, answer: str, *, bytes_max: int = ANSWERS_BYTES_MAX) -> Word:
        """End a claim with the answer of its call, or without one to give again."""
        keys = (*self._claim_keys(claim), *self._answer_keys(claim))
        return (await self._step_of(claim, scripts.IDEM_FINISH, keys, str(KEPT_SECONDS), str(bytes_max), answer)).word

    async def drop_claim(self, claim: Claim) -> Word:
        """Forget a claim whose call was not charged."""
        return (await self._step_of(claim, scripts.IDEM_DROP, self._claim_keys(claim))).word

    async def renew_claim(self, claim: Claim) -> Word:
        """Let the claim of a call that runs live on."""
        return (await self._step_of(claim, scripts.IDEM_RENEW, self._claim_keys(claim), *_LIFE)).word

    async def _ask_for(self, claim: Claim, fingerprint: str, key_hash: str | None, keys_max: int) -> Answer:
        shard = self.shard_of(claim.account)
        keys = (*self._claim_keys(claim), *self._answer_keys(claim), names.account_key(shard, claim.account))
        if key_hash is not None:
            keys += (names.api_key_key(shard, key_hash),)
        return await self._step_of(claim, scripts.IDEM_CLAIM, keys, fingerprint, *_LIFE, str(keys_max))

    async def _take(self, claim: Claim, fingerprint: str, *, dead: str) -> Answer:
        """Take over from a dead worker, unless its operation was charged."""
        keys = (*self._claim_keys(claim), names.op_key(self.shard_of(claim.account), dead))
        return await self._step_of(claim, scripts.IDEM_TAKE, keys, fingerprint, *_LIFE, dead)

    async def _step_of(self, claim: Claim, script: Script, keys: tuple[str, ...], *args: str) -> Answer:
        names.check_account_id(claim.account)
        return await self._store.ask(script, keys, (claim.op, claim.account, claim.digest, *args))

    def _claim_keys(self, claim: Claim) -> tuple[str, ...]:
        shard = self.shard_of(claim.account)
        return (names.idem_key(shard, claim.digest), names.idems_key(shard, claim.account))

    def _answer_keys(self, claim: Claim) -> tuple[str, ...]:
        shard = self.shard_of(claim.account)
        return (names.answers_key(shard, claim.account), names.answered_key(shard, claim.account))


def _outcome(claim: Claim, answer: Answer, keys_max: int) -> ClaimOutcome:
    match answer.word:
        case Word.DONE:
            return claim
        case Word.REPEAT:
            return Kept(answer=answer.rest)
        case Word.CAPPED:
            return Full(keys_max=keys_max, seconds=int(answer.rest))
        case word:
            return Refused(word=word)
