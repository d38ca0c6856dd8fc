"""Who delivers letters: so many at once, each again and again until it has arrived or is given up.

A letter leaves the store when it has arrived, and not before: where a worker dies in between, another one delivers it
once more, with the same id.
"""

import asyncio
import functools
import logging
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from meter.ledger.noticing import Letter, NoticeBooks
from meter.ledger.promise import LedgerUnavailable, Word
from meter.notices.retries import Retries

AT_ONCE = 16
HAND_SECONDS = 60
"""How long a letter is in one's hand, which is longer than an attempt takes: then its worker may be dead."""

log = logging.getLogger(__name__)


class Post(Protocol):
    """Where letters go."""

    async def send(self, letter: Letter) -> str | None:
        """Deliver a letter; in one word why it did not arrive. Raises nothing, and takes a bounded time."""
        ...


class Postman:
    """Delivers what is due; whoever makes one closes it."""

    def __init__(
        self,
        books: NoticeBooks,
        post: Post,
        *,
        retries: Retries | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take where letters are kept and where they go."""
        self._books = books
        self._post = post
        self._retries = retries or Retries()
        self._chance = chance
        self._in_hand: dict[str, asyncio.Task[None]] = {}

    def take(self, shard: int, letters: Sequence[Letter]) -> None:
        """Begin to deliver letters that are due; those that are one too many stay due."""
        for letter in letters:
            if letter.id not in self._in_hand and len(self._in_hand) < AT_ONCE:
                task = asyncio.create_task(self._deliver(shard, letter), name=f"meter letter {letter.id}")
                self._in_hand[letter.id] = task
                task.add_done_callback(functools.partial(self._put_down, letter.id))

    async def idle(self) -> None:
        """Wait until nothing is in hand."""
        while self._in_hand:
            await asyncio.wait(self._in_hand.values())

    async def close(self) -> None:
        """Drop what is in hand; the store still has it."""
        for task in self._in_hand.values():
            task.cancel()
        await self.idle()

    def _put_down(self, letter: str, _: asyncio.Task[None]) -> None:
        self._in_hand.pop(letter)

    async def _deliver(self, shard: int, letter: Letter) -> None:
        try:
            if await self._books.take(shard, letter, seconds=HAND_SECONDS) is not Word.DONE:
                return
            why = await self._post.send(letter)
            if why is None:
                await self._books.delivered(shard, letter.id)
            else:
                await self._failed(shard, letter, why)
        except LedgerUnavailable as error:
            log.warning("What became of webhook %s could not be kept, so it is sent again: %s", letter.id, error)

    async def _failed(self, shard: int, letter: Letter, why: str) -> None:
        attempts = letter.attempts + 1
        wait = self._retries.seconds(attempts, self._chance())
        await self._books.failed(shard, letter.id, attempts=attempts, why=why, wait_seconds=wait)
        if wait is None:
            log.error("Webhook %s is given up after %d attempts (%s); see `meter alerts`.", letter.id, attempts, why)
        else:
            log.warning("Webhook %s did not arrive (%s); it is sent again in %d s.", letter.id, why, wait)
