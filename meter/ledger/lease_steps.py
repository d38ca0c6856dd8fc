"""Leases, and calls that come into the books afterwards, in Redis or Valkey: one script a step."""

from meter.credits import Credits
from meter.ledger import names, records, scripts
from meter.ledger.holding import Closed
from meter.ledger.leasing import Leased, Posting
from meter.ledger.operations import Operations
from meter.ledger.promise import Stale, Word
from meter.ledger.records import Answer


class LeaseSteps(Operations):
    """Leases; keeps the promise of ``Leases``."""

    async def lease(self, account: str, op: str, *, most: Credits, owner: str, seconds: int) -> Leased:
        """Set aside so much, or a twentieth of what the account could spend on anything, whichever is less."""
        account_key, _, record, ledger, _, holds = self._hold_keys(account, op)
        args = (op, account, str(most), str(seconds), owner)
        return _leased(await self._store.ask(scripts.LEASE, (account_key, record, ledger, holds), args, aside=True))

    async def post(self, posting: Posting) -> Leased:
        """Charge a call to its lease."""
        names.check_operation(posting.operation)
        keys = (*self._hold_keys(posting.account, posting.fund), self.op_keys(posting.account, posting.op)[2])
        args = (posting.op, posting.account, posting.fund, str(posting.seq), str(posting.amount))
        more = (posting.operation, posting.quote)
        return _leased(await self._store.ask(scripts.POST, keys, (*args, *more), aside=True))

    async def charge_late(self, posting: Posting, *, counted: bool) -> Closed | Stale:
        """Charge a call afterwards, as far as the account goes."""
        names.check_operation(posting.operation)
        keys = self.op_keys(posting.account, posting.op)
        args = (posting.op, posting.account, str(posting.amount), posting.operation, posting.quote)
        count = (posting.fund, str(posting.seq)) if counted else ("-", "0")
        answer = await self._store.ask(scripts.LATE, keys, (*args, *count), aside=True)
        if answer.word is Word.LAPSED:
            account = records.account(posting.account, answer.rest)
            return Stale(account=account, now=answer.now, lapsed=True)
        return _closed(answer)

    async def end_late(self, account: str, fund: str) -> None:
        """Forget how far the calls of a count were charged: all of them are."""
        names.check_account_id(account)
        keys = (names.account_key(self.shard_of(account), account),)
        await self._store.ask(scripts.LATE_END, keys, (self._store.tag(), account, fund), aside=True)


def _leased(answer: Answer) -> Leased:
    if not answer.rest:
        return Leased(word=answer.word)
    held, balance = records.amount_and_balance(answer.rest)
    return Leased(word=answer.word, held=held, balance=balance)


def _closed(answer: Answer) -> Closed:
    if not answer.rest:
        return Closed(word=answer.word)
    amount, balance = records.amount_and_balance(answer.rest)
    return Closed(word=answer.word, amount=amount, balance=balance)
