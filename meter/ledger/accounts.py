"""Whose account it is: found by what was remembered, else by asking the ledger; opened and renewed where that is due.

A call may be priced by what is remembered, since the charge checks it; what is shown to somebody is asked for anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from meter.ledger.api_keys import ApiKey
from meter.ledger.hints import Hints
from meter.ledger.promise import Account, Ledger, Stale, Statement
from meter.policy.model import Plan
from meter.pricing.allotment import renewal
from meter.pricing.plan_terms import Plans, following, terms_of

OP_CHARS_MAX = 256
"""How long the id of a step can be; an account's can be longer."""

STEPS_MAX = 64
"""How many periods may begin on the way to the one that runs: those from which something rolls over, and a few."""

Opening = Callable[[str | None], Plan | None]
"""Gives the plan of a name as it is in force now, or that of all unknown accounts; None: such a one is not opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who pays: the account of an API key, or an account that the app vouches for."""

    account: str | None = None
    key: ApiKey | None = None
    plan: str | None = None
    """On which the account is opened if nobody knows it yet. None: on that of all unknown accounts."""

    @property
    def key_hash(self) -> str | None:
        """The hash of the API key, where it came with one."""
        return self.key.hash if self.key else None


class Accounts:
    """The accounts of the callers of one worker."""

    def __init__(self, ledger: Ledger, *, opening: Opening | None = None, plans: Plans | None = None) -> None:
        self._ledger = ledger
        self._opening = opening
        self._plans = plans
        self._hints = Hints()

    def remembered(self, caller: Caller) -> Account | None:
        """What pricing needs of the account that pays for a caller, as it was last seen."""
        account = self._remembered(caller)
        payer = account and account.terms.payer
        return self._hints.account(payer) if payer else account

    def member(self, caller: Caller, account: Account) -> Account | None:
        """The caller's own account, where it is a member for which this one pays."""
        own = self._remembered(caller)
        return own if own is not None and own.terms.payer == account.id else None

    async def asked(self, caller: Caller) -> Account | None:
        """What pricing needs, as the ledger has it now; None for a caller that nobody knows or pays for."""
        name = await self._name(caller)
        account = None if name is None else await self._asked(name, caller.plan)
        return account if account is None or account.terms.payer is None else await self._paying(account.terms.payer)

    async def fresh(self, stale: Stale) -> Account:
        """Take the terms that the ledger gave, or begin the period that they ask for."""
        account = stale.account
        if stale.lapsed:
            account = await renewed(self._ledger, account, stale.now, self._plans)
        self._hints.remember(account)
        return account

    async def statement(self, caller: Caller) -> Statement | None:
        """The caller's account as it stands, nothing of it remembered; None for a caller that nobody knows."""
        name = await self._name(caller)
        if name is None:
            return None
        found = await statement(self._ledger, name, self._plans)
        if found is None and await self._asked(name, caller.plan) is not None:
            found = await statement(self._ledger, name, self._plans)
        return found if found is None else await self._priced(found)

    async def _priced(self, found: Statement) -> Statement | None:
        """The statement with the terms by which the account's calls are priced: a member's are those of its payer."""
        payer = found.account.terms.payer
        paying = None if payer is None else await self._paying(payer)
        if paying is None:
            return found if payer is None else None
        return replace(found, account=replace(found.account, terms=replace(paying.terms, payer=payer)))

    def _remembered(self, caller: Caller) -> Account | None:
        name = self._hints.account_of_key(caller.key.hash) if caller.key else caller.account
        return None if name is None else self._hints.account(name)

    async def _paying(self, name: str) -> Account | None:
        """The account that pays for a member; it has a purse of its own."""
        account = await self._ledger.find_account(name)
        if account is None or account.terms.payer is not None:
            return None
        self._hints.remember(account)
        return account

    async def _name(self, caller: Caller) -> str | None:
        """The account of a caller, for which the ledger answers."""
        return await self._owner(caller.key) if caller.key else caller.account

    async def _owner(self, key: ApiKey) -> str | None:
        if self._hints.unknown(key.hash):
            return None
        record = await self._ledger.find_key(key.shard, key.hash)
        expired = record and record.expires_at is not None and record.expires_at <= self._ledger.now()
        if record is None or record.revoked or expired:
            self._hints.remember_unknown(key.hash)
            return None
        self._hints.remember_key(key.hash, record.account)
        return record.account

    async def _asked(self, name: str, plan: str | None) -> Account | None:
        account = await self._ledger.find_account(name) or await self._opened(name, plan)
        if account is None:
            self._hints.forget(name)
        else:
            self._hints.remember(account)
        return account

    async def _opened(self, name: str, plan: str | None) -> Account | None:
        """Open an account, or find that somebody else did so in the same moment."""
        opening = self._opening(plan) if self._opening else None
        if opening is None:
            return None
        op = f"open:{name}"[:OP_CHARS_MAX]
        _, account = await self._ledger.open_account(name, terms_of(opening, now=self._ledger.now()), op=op)
        return account


async def renewed(ledger: Ledger, account: Account, now: int, plans: Plans | None = None) -> Account:
    """Begin the period that contains ``now``, unless somebody did so already.

    Those before it begin too, as far as something of them may have rolled over.

    Args:
        ledger: the books.
        account: as it is known.
        now: the store's second.
        plans: the plans as they are now, which their accounts take up in their next period.
    """
    for _ in range(STEPS_MAX):
        old = account.period
        if old.end is None or now < old.end:
            break
        step = renewal(account.terms, following(account.terms, plans), old, now)
        account = await ledger.renew(account, step, op=f"renew:{step.period.start}")
    return account


async def statement(ledger: Ledger, account: str, plans: Plans | None = None) -> Statement | None:
    """An account as it stands, its period renewed if it was over; None where there is no such account."""
    found = await ledger.statement(account)
    if found is None:
        return None
    end = found.account.period.end
    if end is None or found.as_of < end:
        return found
    await renewed(ledger, found.account, found.as_of, plans)
    return await ledger.statement(account)
