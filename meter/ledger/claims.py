"""Claims on idempotency keys, as the ledger promises them: of all calls with one key, one runs and is charged.

A claim holds the operation id under which its call is charged, so that the claim of a dead worker can be taken over
only if that operation never was charged and, from then on, never can be.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, Self

from meter.ledger.promise import Refused, Word

CLAIM_SECONDS = 60
"""How long a claim lives that nobody renews."""
RENEW_SECONDS = 20
"""How often the worker of a call that goes on renews its claim."""
KEPT_SECONDS = 24 * 3600
"""How long a key, and the answer to its call, is remembered."""
KEYS_MAX = 10_000
"""How many keys an account may have at a time: none is forgotten early, or a call could be charged twice."""
ANSWERS_BYTES_MAX = 16 * 1024 * 1024
"""What an account's kept answers may take; beyond, the oldest go, and their keys answer ``gone``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A key that is one call's."""

    account: str
    digest: str
    """The SHA-256 of account and key, in hex: the key itself is kept nowhere."""
    op: str
    """The operation id under which the call is charged."""

    @classmethod
    def of(cls, account: str, key: str, op: str) -> Self:
        """Make the claim of a call on its account's key."""
        return cls(account=account, digest=sha256(f"{account}\n{key}".encode()).hexdigest(), op=op)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A call with the key has ended; this is its answer."""

    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """The account has as many keys as it may have."""

    keys_max: int
    seconds: int
    """Until the first of them is free."""


ClaimOutcome = Claim | Kept | Full | Refused
"""A refusal's word is ``running``; ``gone``: a call with the key has ended, and its answer is not kept (any more);
``conflict``: the key was used for another request; ``unknown``: the API key is not the account's (any more);
``suspended``."""


class Claims(Protocol):
    """The claims on the idempotency keys of every account; every method may raise as those of ``Ledger`` may."""

    def now(self) -> int:
        """The store's Unix second: operation ids are born by this clock."""
        ...

    async def claim(
        self, claim: Claim, *, fingerprint: str, key_hash: str | None = None, keys_max: int = KEYS_MAX
    ) -> ClaimOutcome:
        """Claim a key for a call, or find what became of the call that claimed it before.

        Args:
            claim: of this call.
            fingerprint: a hash of the request, in hex: another request with the same key is refused.
            key_hash: the SHA-256 of the API key that the call came with, checked in this very step.
            keys_max: how many keys the account may have at a time.
        """
        ...

    async def finish(self, claim: Claim, answer: str, *, bytes_max: int = ANSWERS_BYTES_MAX) -> Word:
        """End a claim with the answer of its call, or, where that is empty, without one to give again.

        ``repeat``: it has its answer; ``gone``: it is another call's by now. An account's answers take ``bytes_max`` at
        most: the oldest go.
        """
        ...

    async def drop_claim(self, claim: Claim) -> Word:
        """Forget a claim whose call was not charged, so that it may be tried again; ``gone`` where it has ended."""
        ...

    async def renew_claim(self, claim: Claim) -> Word:
        """Let the claim of a call that runs live on; ``gone`` where it is another call's, or has ended."""
        ...
