"""How the engine asks the store, and what time it is there.

Within one deadline, again with the same id where a reply was lost, and never taking another's reply for its own.
Calls don't ask a store that is silent: see ``silences.py``. Work that no call waits for is asked ``aside``: it may take
long, so its failures open nothing, and it is always asked, so that it notices when the store is back.
"""

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Sequence

from meter.ledger.complaints import NoAnswer, NoReply
from meter.ledger.deadline import STEP_SECONDS, Deadline
from meter.ledger.line import Line
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.records import Answer, unpack
from meter.ledger.scripts import Reply, Script
from meter.ledger.silences import Silences

PAUSE_SECONDS = 0.005
"""Between a lost reply and the next try; doubled each time."""

WARNING_SECONDS = 60.0
"""Between two warnings of the same kind."""

log = logging.getLogger("meter")


class Store:
    """The store as the engine sees it, and its clock."""

    def __init__(self, line: Line, *, step_seconds: float = STEP_SECONDS) -> None:
        self._line = line
        self._step_seconds = step_seconds
        self._ahead = 0.0
        self._heard = False
        self._warn_from = 0.0
        self._tags = itertools.count()
        self._worker = os.urandom(4).hex()
        self._silences = Silences(line.place)

    @property
    def silence(self) -> str | None:
        """Since when the store is not asked for every call; None while it is."""
        return self._silences.said

    def now(self) -> int:
        """The store's Unix second; a jump of this machine's own clock does not move it."""
        return int(time.monotonic() + self._ahead)

    def tag(self) -> str:
        """Name a question that has no id of its own."""
        return f"{self._worker}.{next(self._tags)}"

    async def ask(self, script: Script, keys: Sequence[str], args: Sequence[str], *, aside: bool = False) -> Answer:
        """Run a script; its first two arguments are what the reply must begin with.

        Args:
            script: the step.
            keys: its keys.
            args: its arguments.
            aside: whether no call waits for it.

        Raises:
            LedgerUnavailable: as ``Line.run``, when the deadline is over; at once while the store is silent.
        """
        answer, _ = await self.ask_list(script, keys, args, aside=aside)
        return answer

    async def ask_list(
        self, script: Script, keys: Sequence[str], args: Sequence[str], *, aside: bool = False
    ) -> tuple[Answer, list[str]]:
        """Run a script that replies a list; otherwise as ``ask``."""
        if self._silences and not aside:
            self._silences.probe(keys)
        deadline = Deadline(self._step_seconds)
        try:
            reply = await self._run(script, keys, args, deadline)
        except NoAnswer as error:
            if not aside:
                self._silences.note_failure(keys, deadline.asked_at, error)
            raise
        if self._silences:
            self._silences.note_success(keys)
        first, rest = (reply, []) if isinstance(reply, str) else (reply[0], reply[1:])
        answer = unpack(first, f"{args[0]} {args[1]} ")
        if answer is None:
            raise LedgerUnavailable("The store answered something else than it was asked.", fate_unknown=True)
        self._hear(answer)
        return answer, rest

    async def _run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        """Run a script until a reply comes or the deadline is over. Every script may be repeated with its id."""
        pause = PAUSE_SECONDS
        while True:
            try:
                return await self._line.run(script, keys, args, deadline)
            except NoReply:
                if deadline.seconds_left < pause:
                    raise
            await asyncio.sleep(pause)
            pause *= 2

    def _hear(self, answer: Answer) -> None:
        """Set our idea of the store's clock: a second that it says has begun by now."""
        ahead = answer.now - time.monotonic()
        if not self._heard or not 0 <= ahead - self._ahead + 1 < 1:
            self._ahead, self._heard = ahead, True
        if answer.behind and time.monotonic() >= self._warn_from:
            self._warn_from = time.monotonic() + WARNING_SECONDS
            log.warning("The store's clock has jumped back by %d s; set it right.", answer.behind)
