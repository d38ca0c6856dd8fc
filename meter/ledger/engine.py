"""The engine: every promise of the ledger, kept by one script each.

A method packs what it is given, asks once, and names what came back. The rules are in the scripts; nothing here decides
about money.
"""

import copy
import secrets
from dataclasses import replace
from typing import Self

from meter.credits import LIMIT, ZERO, Credits
from meter.ledger import history, names, records, scripts
from meter.ledger.asking import Store
from meter.ledger.claim_steps import ClaimSteps
from meter.ledger.deadline import STEP_SECONDS
from meter.ledger.history import Charged
from meter.ledger.inspecting import Inspection
from meter.ledger.key_steps import KeySteps
from meter.ledger.lease_steps import LeaseSteps
from meter.ledger.line import Line
from meter.ledger.notice_steps import NoticeSteps
from meter.ledger.operations import REFUND_GRACE_SECONDS, reason_text
from meter.ledger.pinning import PinSteps
from meter.ledger.promise import (
    Account,
    Balance,
    Grant,
    LedgerError,
    Statement,
    Status,
    Undone,
    Word,
)
from meter.ledger.records import Answer
from meter.ledger.scripts import Script
from meter.policy.plans import Anchor, Trial
from meter.pricing.allotment import Proration, Renewal, included_in
from meter.pricing.calendar import day_of, later, period_containing
from meter.pricing.terms import Period, Terms

FORMAT = "1"
GRANTS_MAX = 64
REFUND_WINDOW_SECONDS = 90 * 24 * 3600


class WrongStore(LedgerError):
    """The store was made in a way that this version can't use; the message is a sentence with the fix."""


class RedisLedger(LeaseSteps, ClaimSteps, KeySteps, NoticeSteps, PinSteps, Inspection):
    """The books in Redis or Valkey; keeps the promises of ``Ledger`` and ``Claims``."""

    @classmethod
    async def open(cls, line: Line, *, shards: int = names.SHARDS, step_seconds: float = STEP_SECONDS) -> Self:
        """Open the books behind a line; the first who comes makes the store's record.

        Raises:
            LedgerUnavailable: the store does not answer.
            WrongStore: it has another format, or another number of shards.
        """
        store = Store(line, step_seconds=step_seconds)
        form, count, epoch = (await _record(store, shards)).split(" ")
        if (form, count) != (FORMAT, str(shards)):
            raise WrongStore(
                f"The store has format {form} and {count} shards, and this is for format {FORMAT} and {shards} shards; "
                "use another store, or the version that made it."
            )
        ledger = cls(store, shards)
        ledger.epoch = epoch
        return ledger

    def by(self, actor: str) -> Self:
        """The same books, for somebody whose name goes into the entry of each change that they ask for here."""
        names.check_actor(actor)
        theirs = copy.copy(self)
        theirs._actor = (f"@{actor}",)  # noqa: SLF001 - one of ours
        return theirs

    async def ping(self) -> None:
        """Ask the store for its own record: a store that answers this can charge."""
        await _record(self._store, self.shards)

    @property
    def silence(self) -> str | None:
        """Since when calls are refused without asking the store; None while it is asked."""
        return self._store.silence

    def now(self) -> int:
        """The store's Unix second."""
        return self._store.now()

    async def refund(self, account: str, op: str, *, reason: str, keep: Credits = ZERO) -> Undone:
        """Give a charge back, but for what is kept of it, to the grants that it came from."""
        return await self._undo(scripts.REFUND, self.op_keys(account, op), account, op, reason=reason, keep=keep)

    async def void(self, account: str, op: str) -> Undone:
        """Undo an operation of unknown fate."""
        return await self._undo(scripts.VOID, self._hold_keys(account, op), account, op, reason="its fate was unknown")

    async def refund_entry(
        self, entry: str, *, account: str, op: str, reason: str, amount: Credits | None = None
    ) -> Undone:
        """Give back all or a part of the charge that an entry records."""
        names.check_account_id(account)
        names.check_label(op)
        text = await self.entry(self.shard_of(account), entry)
        told = None if text is None else history.charged(entry, text)
        if told is None or told.account != account or told.at < self.now() - REFUND_WINDOW_SECONDS:
            return Undone(word=Word.GONE)
        told = await history.with_given_back(self, told)
        return await self._undo_entry(told, op=op, reason=reason, amount=amount)

    async def open_account(self, account: str, terms: Terms, *, op: str) -> tuple[Word, Account]:
        """Open an account with its first period's grant, and its trial; ``repeat`` where it exists already."""
        _check_payer(account, terms)
        now = self.now()
        if terms.signed_up is None and (terms.every is not None or terms.anchor is Anchor.SIGNUP):
            terms = replace(terms, signed_up=day_of(now, terms.zone))
        period = period_containing(terms, now)
        facts = (str(included_in(terms, period)), str(terms.overage_limit), records.terms_text(terms))
        shard = self.shard_of(account)
        keys = (names.account_key(shard, account), names.accounts_key(shard), names.ledger_key(shard))
        answer = await self._step(scripts.OPEN, keys, account, op, *_period_args(period), *facts, *_trial(terms, now))
        return answer.word, records.account(account, answer.rest)

    async def renew(self, account: Account, renewal: Renewal, *, op: str) -> Account:
        """Begin a new period, unless somebody did so already; either way, the account as it is now."""
        shard = self.shard_of(account.id)
        keys = (
            names.account_key(shard, account.id),
            names.used_key(shard, account.id),
            names.ledger_key(shard),
        )
        args = (str(account.period.start), *_period_args(renewal.period), str(renewal.included))
        more = (*_terms_args(account, renewal.terms), *_rollover(account.terms, renewal))
        answer = await self._step(scripts.RENEW, keys, account.id, op, *args, *more)
        return account if answer.word is Word.UNKNOWN else records.account(account.id, answer.rest)

    async def grant(self, account: str, grant: Grant) -> tuple[Word, Balance | None]:
        """Add a lot of credits; its id makes it happen once."""
        names.check_grant_id(grant.id)
        for operation in grant.scope:
            names.check_operation(operation)
        args = (*records.grant_facts(grant), str(GRANTS_MAX))
        answer = await self._step(scripts.GRANT, self._books(account), account, grant.id, *args)
        return answer.word, records.balance(answer.rest) if answer.rest else None

    async def revoke(self, account: str, grant_id: str, *, op: str) -> Undone:
        """Take back what is left of a grant."""
        return _undone(await self._step(scripts.REVOKE, self._books(account), account, op, grant_id))

    async def set_terms(self, account: str, terms: Terms, *, op: str, proration: Proration | None = None) -> Word:
        """Change an account's terms, from the next charge on; with a proration, what they include too."""
        _check_payer(account, terms)
        end = proration.end if proration else period_containing(terms, self.now()).end
        args = (str(terms.overage_limit), str(end or 0), records.terms_text(terms), *_moved(proration))
        return (await self._step(scripts.TERMS, self._books(account, op), account, op, *args)).word

    async def set_status(self, account: str, status: Status, *, op: str) -> Word:
        """Suspend or resume an account."""
        return (await self._step(scripts.STATUS, self._books(account, op), account, op, status)).word

    async def statement(self, account: str) -> Statement | None:
        """Balance, grants and this period's use; None where there is no such account."""
        names.check_account_id(account)
        shard = self.shard_of(account)
        keys = (names.account_key(shard, account), names.used_key(shard, account))
        answer, parts = await self._store.ask_list(scripts.STATEMENT, keys, (self._store.tag(), account))
        return None if answer.word is Word.UNKNOWN else records.statement(account, answer, parts)

    async def find_account(self, account: str) -> Account | None:
        """What pricing needs of an account."""
        keys = (names.account_key(self.shard_of(account), account),)
        answer = await self._step(scripts.ACCOUNT, keys, account, self._store.tag())
        return None if answer.word is Word.UNKNOWN else records.account(account, answer.rest)

    async def _undo(
        self, script: Script, keys: tuple[str, ...], account: str, op: str, *, reason: str, keep: Credits = ZERO
    ) -> Undone:
        """Undo by the operation's record, or, where that is forgotten, by its entry."""
        args = (op, account, str(REFUND_GRACE_SECONDS), reason_text(reason), str(keep))
        answer = await self._store.ask(script, keys, args)
        if answer.rest:
            self.receipts.add(account, op, closes=True)
        if answer.word is not Word.LATE:
            return _undone(answer)
        found = await history.find_charge(self, account, op)
        if found is None:
            return Undone(word=Word.GONE)
        kind = "void" if script is scripts.VOID else "refund"
        return await self._undo_entry(found, op=f"{kind}:{op}", reason=reason, amount=None, kind=kind, keep=keep)

    async def _undo_entry(
        self,
        charge: Charged,
        *,
        op: str,
        reason: str,
        amount: Credits | None,
        kind: str = "refund",
        keep: Credits = ZERO,
    ) -> Undone:
        shard = self.shard_of(charge.account)
        keys = (*self.op_keys(charge.account, charge.op), names.op_key(shard, op))
        facts = (charge.entry, charge.op, charge.operation, charge.amount, charge.overage, charge.taken, charge.period)
        asked = ("rest" if amount is None else str(amount), charge.given_back, kind, str(keep))
        whose = (charge.path, charge.counted)
        args = (str(REFUND_GRACE_SECONDS), reason_text(reason), *facts, *asked, *whose)
        return _undone(await self._step(scripts.REFUND_ENTRY, keys, charge.account, op, *args))

    async def _step(self, script: Script, keys: tuple[str, ...], account: str, op: str, *args: str) -> Answer:
        names.check_account_id(account)
        names.check_label(op)
        return await self._store.ask(script, keys, (op, account, *args, *self._actor))

    def _books(self, account: str, op: str | None = None) -> tuple[str, ...]:
        """The keys of a step that changes an account: account, its operation's record where it has one, ledger."""
        shard = self.shard_of(account)
        record = () if op is None else (names.op_key(shard, op),)
        return (names.account_key(shard, account), *record, names.ledger_key(shard))


async def _record(store: Store, shards: int) -> str:
    """The store's own record, made by the first who asks: format, shards and epoch."""
    args = (store.tag(), "store", FORMAT, str(shards), secrets.token_hex(8))
    return (await store.ask(scripts.STORE, (names.STORE,), args, aside=True)).rest


def _check_payer(account: str, terms: Terms) -> None:
    if terms.payer is not None:
        names.check_payer(account, terms.payer)


def _period_args(period: Period) -> tuple[str, str]:
    return str(period.start), str(period.end or 0)


def _terms_args(account: Account, terms: Terms) -> tuple[str, str, str]:
    text = "-" if terms == account.terms else records.terms_text(terms)
    return str(account.revision), str(terms.overage_limit), text


def _rollover(before: Terms, renewal: Renewal) -> tuple[str, str, str]:
    """What rolls over, by the terms of the period that is over: share, the most, end."""
    rule = before.rollover
    if rule is None:
        return "0", "0", "0"
    return str(rule.millionths), str(LIMIT if rule.cap is None else rule.cap), str(renewal.rolls_until or 0)


def _trial(terms: Terms, now: int) -> tuple[str, str]:
    match terms.trial:
        case Trial(credits=amount, days=days):
            return str(amount), str(later(now, days, terms.zone))
        case _:
            return "0", "0"


def _moved(proration: Proration | None) -> tuple[str, str, str, str]:
    if proration is None:
        return "-", "0", "0", "0"
    return str(proration.revision), str(proration.start), str(proration.give), str(proration.take)


def _undone(answer: Answer) -> Undone:
    if not answer.rest:
        return Undone(word=answer.word)
    amount, balance = records.amount_and_balance(answer.rest)
    return Undone(word=answer.word, amount=amount, balance=balance)
