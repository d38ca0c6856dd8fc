"""Accounts that go on paying by a version of the prices: found by what they are, and pinned one at a time."""

from dataclasses import dataclass, replace

from meter.ledger import names, records, scripts
from meter.ledger.ids import operation_id
from meter.ledger.operations import Operations
from meter.ledger.promise import Account, LedgerUnavailable, Word
from meter.policy.versions import Pin

TRIES = 6
"""How often the terms of an account may change while it is pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An account, and when it was opened."""

    account: Account
    at: int | None
    """Unix second; None where it was opened before that was written down."""


class PinSteps(Operations):
    """What pins an account, in Redis or Valkey."""

    _actor: tuple[str, ...] = ()

    async def opened(self, account: str) -> Opened | None:
        """When an account was opened, and what pricing needs of it; None where there is none."""
        names.check_account_id(account)
        keys = (names.account_key(self.shard_of(account), account),)
        answer = await self._store.ask(scripts.OPENED, keys, (self._store.tag(), account))
        if answer.word is Word.UNKNOWN:
            return None
        at, _, facts = answer.rest.partition(" ")
        return Opened(account=records.account(account, facts), at=int(at) or None)

    async def pin(self, account: Account, pin: Pin | None) -> Word:
        """Pin an account to a version, or to none, whatever else of its terms changes meanwhile.

        Returns:
            ``done``; ``repeat`` where somebody else did it meanwhile; ``unknown`` where there is no such account.

        Raises:
            LedgerUnavailable: the books could not be reached in time.
        """
        known = account
        for _ in range(TRIES):
            word = await self._pin(known, pin)
            if word is not Word.STALE:
                return word
            found = await self.opened(account.id)
            if found is None:
                return Word.UNKNOWN
            known = found.account
            if known.terms.pin == pin:
                return Word.REPEAT
        raise LedgerUnavailable(
            f"The terms of {account.id!r} changed {TRIES} times while it was pinned; try again.", fate_unknown=False
        )

    async def _pin(self, account: Account, pin: Pin | None) -> Word:
        op, shard = operation_id(self._store.now()), self.shard_of(account.id)
        keys = (names.account_key(shard, account.id), names.op_key(shard, op), names.ledger_key(shard))
        terms = records.terms_text(replace(account.terms, pin=pin))
        return (
            await self._store.ask(scripts.PIN, keys, (op, account.id, str(account.revision), terms, *self._actor))
        ).word
