"""Notices in Redis or Valkey: one script a step; no call waits for any of them."""

from collections.abc import Mapping, Sequence

from meter.credits import parse_micro
from meter.ledger import names, records, scripts
from meter.ledger.noticing import DEAD_MAX, WAITING_MAX, Letter, Look, Notices, Pace, Tail, Telling, Told, ToRead
from meter.ledger.promise import Status, Word
from meter.ledger.scripts import Script
from meter.ledger.shards import Shards

ENTRIES_AT_ONCE = 500
LETTERS_AT_ONCE = 16
ACCOUNTS_AT_ONCE = 500


class NoticeSteps(Shards):
    """What telling and delivering need; keeps the promise of ``NoticeBooks``."""

    epoch = ""
    """Names the store, for as long as it lives."""

    async def tail(self, shard: int, after: str) -> Tail:
        """What is new in a shard after a stream id; ``0-0`` begins."""
        names.check_stream_id(after)
        keys = (names.ledger_key(shard), names.letters_key(shard), names.waiting_key(shard))
        args = (self._store.tag(), str(shard), after, str(ENTRIES_AT_ONCE), str(LETTERS_AT_ONCE))
        answer, parts = await self._store.ask_list(scripts.TAIL, keys, args, aside=True)
        last, read, accounts = answer.rest.split(" ")
        return Tail(
            last="" if last == "-" else last,
            more=int(read) == ENTRIES_AT_ONCE,
            accounts=tuple(parts[: int(accounts)]),
            letters=_letters(parts[int(accounts) :]),
        )

    async def look(self, account: str) -> Look | None:
        """An account as notices see it; None where there is none."""
        names.check_account_id(account)
        shard = self.shard_of(account)
        keys = (names.account_key(shard, account), names.told_key(shard, account), names.used_key(shard, account))
        answer, parts = await self._store.ask_list(scripts.LOOK, keys, (self._store.tag(), account), aside=True)
        if answer.word is Word.UNKNOWN:
            return None
        status, granted, remaining, reserved, consumed, included, epoch, asked, *told = parts
        return Look(
            account=records.account(account, answer.rest),
            status=Status(status),
            granted=parse_micro(granted),
            remaining=parse_micro(remaining),
            reserved=parse_micro(reserved),
            consumed=parse_micro(consumed),
            included=parse_micro(included),
            epoch=epoch,
            asked=int(asked),
            now=answer.now,
            told=frozenset(told),
        )

    async def tell(self, telling: Telling, *, epoch: str) -> Told:
        """Write a notice down, once an epoch and name; and its letter."""
        return await self._tell(scripts.TELL, telling, epoch)

    async def ask_for_purchase(self, telling: Telling, *, asked: int, pace: Pace) -> Told:
        """The same for a purchase, unless it was asked for too short a time ago or too often."""
        how_often = (str(pace.cool_off_seconds), str(pace.times), str(pace.seconds))
        return await self._tell(scripts.ASK, telling, str(asked), *how_often)

    async def to_read(self) -> ToRead:
        """From where on entries are to be looked at, and which accounts are anyway."""
        args = (self._store.tag(), "notices", str(ACCOUNTS_AT_ONCE))
        keys = (names.NOTICES_READ, names.NOTICES_DUE)
        answer, parts = await self._store.ask_list(scripts.NOTICES_READ, keys, args, aside=True)
        count = int(answer.rest)
        after = dict(zip(map(int, parts[count::2]), parts[count + 1 :: 2], strict=True))
        return ToRead(after=after, accounts=tuple(parts[:count]))

    async def keep(self, read: Mapping[int, str], again: Mapping[str, int]) -> None:
        """Keep over restarts what was looked at."""
        shards = " ".join(f"{shard}={last}" for shard, last in read.items())
        accounts = " ".join(f"{account}={second}" for account, second in again.items())
        args = (self._store.tag(), "notices", shards, accounts)
        await self._store.ask(scripts.NOTICES_KEEP, (names.NOTICES_READ, names.NOTICES_DUE), args, aside=True)

    async def take(self, shard: int, letter: Letter, *, seconds: int) -> Word:
        """Take a letter that is due in hand, for so long; ``gone`` where somebody else has it."""
        keys = (names.letters_key(shard), names.waiting_key(shard))
        args = (self._store.tag(), str(shard), letter.id, str(letter.attempts), str(seconds))
        return (await self._store.ask(scripts.LETTER_TAKE, keys, args, aside=True)).word

    async def delivered(self, shard: int, letter: str) -> Word:
        """Forget a letter that has arrived."""
        keys = (names.letters_key(shard), names.waiting_key(shard))
        args = (self._store.tag(), str(shard), letter)
        return (await self._store.ask(scripts.LETTER_DONE, keys, args, aside=True)).word

    async def failed(self, shard: int, letter: str, *, attempts: int, why: str, wait_seconds: int | None) -> Word:
        """Keep a letter that failed: for later, or, without a wait, as a dead one."""
        wait = "-" if wait_seconds is None else str(wait_seconds)
        args = (self._store.tag(), str(shard), letter, str(attempts), why, wait, str(DEAD_MAX))
        return (await self._store.ask(scripts.LETTER_FAILED, _letter_keys(shard), args, aside=True)).word

    async def deliver_again(self, shard: int, letter: str) -> Word:
        """Let a letter be delivered at once, as if it had never failed; ``gone`` where there is none."""
        args = (self._store.tag(), str(shard), letter)
        return (await self._store.ask(scripts.LETTER_AGAIN, _letter_keys(shard), args, aside=True)).word

    async def notices(self, shard: int) -> Notices:
        """What a shard knows of its notices."""
        keys = (names.notices_key(shard), *_letter_keys(shard))
        answer, parts = await self._store.ask_list(scripts.NOTICES, keys, (self._store.tag(), str(shard)), aside=True)
        told, waiting = map(int, answer.rest.split(" "))
        letters = _letters(parts[told:])
        return Notices(
            told=tuple(_told(line) for line in parts[:told]), waiting=letters[:waiting], dead=letters[waiting:]
        )

    async def _tell(self, script: Script, telling: Telling, once: str, *more: str) -> Told:
        names.check_account_id(telling.account)
        names.check_label(telling.op)
        shard, account = self.shard_of(telling.account), telling.account
        books = (names.account_key(shard, account), names.told_key(shard, account), names.ledger_key(shard))
        facts = (telling.name, telling.what, once, telling.data, "1" if telling.letter else "0")
        args = (telling.op, account, *facts, str(WAITING_MAX), str(DEAD_MAX), *more)
        keys = (*books, *_letter_keys(shard), names.notices_key(shard))
        answer = await self._store.ask(script, keys, args, aside=True)
        return Told(word=answer.word, until=int(answer.rest) if answer.rest else 0)


def _letter_keys(shard: int) -> tuple[str, str, str]:
    return names.letters_key(shard), names.waiting_key(shard), names.dead_key(shard)


def _letters(parts: Sequence[str]) -> tuple[Letter, ...]:
    """Read letters: id, second, text each."""
    return tuple(_letter(*parts[at : at + 3]) for at in range(0, len(parts), 3))


def _letter(name: str, due: str, text: str) -> Letter:
    attempts, last, at, account, what, data = text.split(" ", 5)
    return Letter(
        id=name, account=account, at=int(at), what=what, data=data, attempts=int(attempts), last=last, due=int(due)
    )


def _told(line: str) -> tuple[int, str, str]:
    second, account, name = line.split(" ")
    return int(second), account, name
