"""What a call does to its account, in Redis or Valkey: charged at once, or held and closed once; one script each."""

import json

from meter.credits import Credits
from meter.ledger import ids, names, records, scripts
from meter.ledger.holding import Closed, Extended, HoldTerms, OpenHold
from meter.ledger.promise import Capped, ChargeOutcome, Done, Order, Refused, Short, Stale, Word
from meter.ledger.records import Answer
from meter.ledger.scripts import Script
from meter.ledger.shards import Shards

REFUND_GRACE_SECONDS = 24 * 3600
"""How long credits live that come back when their grant has ended."""
REASON_MAX = 200


class Operations(Shards):
    """What a call does to its account by the id of its operation; keeps the promise of ``Holds``."""

    async def charge(self, order: Order) -> ChargeOutcome:
        """Take a fixed price, in one trip, all or nothing."""
        keys = self.op_keys(order.account.id, order.op)
        return await self._order(scripts.CHARGE, order, keys, "1" if order.observe else "0")

    async def hold(self, order: Order, terms: HoldTerms) -> ChargeOutcome:
        """Set the amount of an order aside, in one trip, all or nothing."""
        return await self._order(
            scripts.HOLD,
            order,
            self._hold_keys(order.account.id, order.op),
            *(str(terms.seconds), terms.on_expiry, str(terms.at_least)),
        )

    async def extend(self, account: str, op: str, *, amount: Credits, at_least: Credits, seconds: int) -> Extended:
        """Let a hold live on, and hold so much in all: as far as the account goes."""
        args = (op, account, str(amount), str(seconds), str(at_least))
        answer = await self._store.ask(scripts.EXTEND, self._hold_keys(account, op), args)
        if not answer.rest:
            return Extended(word=answer.word)
        held, balance = records.amount_and_balance(answer.rest)
        return Extended(word=answer.word, held=held, balance=balance)

    async def settle(self, account: str, op: str, *, price: Credits, quote: str, overrun: bool = False) -> Closed:
        """Close a hold at its final price, the rest back to the grants that it came from."""
        return await self._close(scripts.SETTLE, account, op, str(price), "1" if overrun else "0", quote)

    async def release(self, account: str, op: str, *, reason: str) -> Closed:
        """Close a hold at nothing."""
        return await self._close(scripts.RELEASE, account, op, reason_text(reason))

    async def expire_hold(self, account: str, op: str) -> Closed:
        """Close a hold that is past its expiry; ``gone`` where it is not."""
        return await self._close(scripts.EXPIRE_HOLD, account, op)

    async def holds(self, shard: int, *, overdue: bool, count: int) -> tuple[OpenHold, ...]:
        """The open holds of a shard, those that expire first first; only those past their expiry, or all."""
        args = (self._store.tag(), str(shard), "overdue" if overdue else "all", str(count))
        _, parts = await self._store.ask_list(scripts.HOLDS, (names.holds_key(shard),), args, aside=True)
        return tuple(_open_hold(until, member) for until, member in zip(parts[::2], parts[1::2], strict=True))

    def op_keys(self, account: str, op: str) -> tuple[str, ...]:
        """The keys of a step that an operation does: account, use, the operation's record, ledger, limits.

        Raises:
            BadName: the id is none.
        """
        names.check_account_id(account)
        if not ids.is_operation_id(op):
            raise names.BadName(f"{op[:80]!r} is no operation id; make one with ids.operation_id(ledger.now()).")
        shard = self.shard_of(account)
        return (
            names.account_key(shard, account),
            names.used_key(shard, account),
            names.op_key(shard, op),
            names.ledger_key(shard),
            names.limits_key(shard, account),
        )

    def _hold_keys(self, account: str, op: str) -> tuple[str, ...]:
        return (*self.op_keys(account, op), names.holds_key(self.shard_of(account)))

    async def _order(self, script: Script, order: Order, keys: tuple[str, ...], *more: str) -> ChargeOutcome:
        account = order.account
        names.check_operation(order.operation)
        keys, more = keys + self._caller_keys(order), (*more, *_more(order))
        args = (order.op, account.id, str(order.amount), str(account.revision), order.operation, order.quote)
        answer = await self._store.ask(script, keys, (*args, *more))
        if answer.word in (Word.DONE, Word.REPEAT):
            taken = script is scripts.CHARGE and not order.observe
            self.receipts.add(account.id, order.op, order=order if taken else None)
        return _outcome(order, answer)

    def _caller_keys(self, order: Order) -> tuple[str, ...]:
        """The API key, and whose terms say more than most: a member's, or those with caps.

        For a key that is missing stand the limits.
        """
        account, says_more = order.account.id, bool(_more(order))
        shard = self.shard_of(account)
        if order.key_hash is not None:
            key: tuple[str, ...] = (names.api_key_key(shard, order.key_hash),)
        else:
            key = (names.limits_key(shard, account),) if says_more else ()
        return (*key, names.account_key(shard, (order.member or order.account).id)) if says_more else key

    async def _close(self, script: Script, account: str, op: str, *args: str) -> Closed:
        asked = (op, account, str(REFUND_GRACE_SECONDS), *args)
        answer = await self._store.ask(script, self._hold_keys(account, op), asked)
        if answer.word in (Word.DONE, Word.REPEAT):
            self.receipts.add(account, op, closes=True)
        if not answer.rest:
            return Closed(word=answer.word)
        amount, balance = records.amount_and_balance(answer.rest)
        return Closed(word=answer.word, amount=amount, balance=balance)


def reason_text(reason: str) -> str:
    """Write a reason as an entry keeps it."""
    return json.dumps(reason[:REASON_MAX])


def _more(order: Order) -> tuple[str, ...]:
    """The member, and the caps of the plan; nothing where there are neither, which is the common case."""
    terms, member = order.account.terms, order.member
    caps = (terms.minute_limit, terms.day_limit, terms.concurrent)
    if member is None and caps == (None, None, None):
        return ()
    who = ("-", "0") if member is None else (member.id, str(member.revision))
    return (*who, *("-" if cap is None else str(cap) for cap in caps))


def _open_hold(until: str, member: str) -> OpenHold:
    account, _, op = member.partition("|")
    return OpenHold(account=account, op=op, until=int(until))


def _outcome(order: Order, answer: Answer) -> ChargeOutcome:
    match answer.word:
        case Word.DONE | Word.REPEAT:
            balance = records.balance(answer.rest)
            return Done(op=order.op, balance=balance, now=answer.now, repeat=answer.word is Word.REPEAT)
        case Word.SHORT:
            return Short(required=order.amount, balance=records.balance(answer.rest))
        case Word.CAPPED:
            balance, reached = records.capped(answer.rest)
            return Capped(required=order.amount, reached=reached, balance=balance, now=answer.now)
        case Word.STALE | Word.LAPSED:
            account = records.account(order.account.id, answer.rest)
            return Stale(account=account, now=answer.now, lapsed=answer.word is Word.LAPSED)
        case word:
            return Refused(word=word)
