"""Which servers of the store are silent, so that calls don't ask them: see ``breaker.py``.

A store is one server, or each node of a cluster for itself: one that is away keeps nobody from the others.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meter.ledger.breaker import Breaker
from meter.ledger.complaints import NoAnswer, NotAsked

log = logging.getLogger("meter")


@dataclass(frozen=True, slots=True)
class _Failing:
    """A server that did not answer last: its breaker, and keys of which it was asked."""

    breaker: Breaker
    keys: Sequence[str]

    def said(self, place: str, now: float) -> str:
        """Since when it is silent."""
        since = now if self.breaker.opened_at is None else self.breaker.opened_at
        return f"The store{' at ' * bool(place)}{place} has been silent for {now - since:.0f} s."


class Silences:
    """The servers that did not answer last; where all is well there are none."""

    def __init__(self, place: Callable[[Sequence[str]], str]) -> None:
        """Take what tells which server has some keys now."""
        self._place = place
        self._failing: dict[str, _Failing] = {}

    def __bool__(self) -> bool:
        return bool(self._failing)

    @property
    def said(self) -> str | None:
        """Since when which servers are not asked for every call; None where all are."""
        silent = {place: one for place, one in self._failing.items() if one.breaker.is_open and self._is_at(place, one)}
        return " ".join(one.said(place, time.monotonic()) for place, one in sorted(silent.items())) or None

    def probe(self, keys: Sequence[str]) -> None:
        """Let a step see whether its server is back, unless another one does so now.

        Raises:
            NotAsked: the server is silent.
        """
        place, now = self._place(keys), time.monotonic()
        failing = self._failing.get(place)
        if failing is None:
            return
        admitted = failing.breaker.admitted(now)
        if admitted is None:
            raise NotAsked(failing.said(place, now))
        self._failing[place] = _Failing(admitted, keys)

    def note_failure(self, keys: Sequence[str], asked_at: float, error: NoAnswer) -> None:
        """Count a step that was not answered, asked at some time of a monotonic clock."""
        place = self._place(keys)
        before = self._failing[place].breaker if place in self._failing else Breaker()
        after = before.failed(asked_at, time.monotonic())
        self._failing[place] = _Failing(after, keys)
        if after.is_open and not before.is_open:
            log.error("Calls are refused until the store answers, which is tried every second: %s", error)

    def note_success(self, keys: Sequence[str]) -> None:
        """Forget that a server failed, and those that have nothing of what they were asked for any more."""
        answers = self._place(keys)
        for place, one in list(self._failing.items()):
            if place == answers or not self._is_at(place, one):
                del self._failing[place]
                if one.breaker.is_open:
                    ends = "It answers again." if place == answers else "Its keys are elsewhere now."
                    log.warning("%s %s", one.said(place, time.monotonic()), ends)

    def _is_at(self, place: str, failing: _Failing) -> bool:
        """Whether a server still has the keys that it was asked for: a failover gives them to another one."""
        return self._place(failing.keys) == place
