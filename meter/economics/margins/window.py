"""The window that calls are looked at in, and those inside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from meter.economics.exact import EconomicsError
from meter.economics.traffic import Call

DAYS = 7
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The calls of a window [since, until), in Unix seconds."""

    calls: tuple[Call, ...]
    since: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is known of a window before its calls are read."""

    since: int | None = None
    """Unix second; None where it is ``days`` before the end."""
    until: int | None = None
    """Unix second, the first that is outside; None where it is just after the last call."""
    days: int = DAYS

    @classmethod
    def of(cls, since: int | None, until: int | None, days: int | None) -> "Window":
        """The window that two of three say, or one, or none.

        Raises:
            EconomicsError: it ends before it begins.
        """
        if since is not None and until is None and days is not None:
            until = since + days * DAY_SECONDS
        if since is not None and until is not None and until <= since:
            raise EconomicsError(f"{moment(until)} is not after {moment(since)}; a window begins before it ends.")
        return cls(since=since, until=until, days=days or DAYS)

    def kept(self, calls: Iterable[Call]) -> Kept:
        """The calls inside.

        Raises:
            EconomicsError: there is none.
        """
        found: list[Call] = []
        first, last, room = None, None, 1024
        for call in calls:
            first = call.at if first is None else min(first, call.at)
            last = call.at if last is None else max(last, call.at)
            found.append(call)
            # What is outside by now stays outside: calls of years are read in the memory of a window's.
            if len(found) >= room:
                found = self._inside(found, last)
                room = max(room, 2 * len(found))
        if first is None or last is None:
            raise EconomicsError("There is no call in the files; name some with calls.")
        found, since, until = self._inside(found, last), *self._ends(last)
        if not found:
            raise EconomicsError(
                f"There is no call from {moment(since)} to {moment(until)}; the files have calls from {moment(first)} "
                f"to {moment(last)}: say --from and --until within."
            )
        return Kept(calls=tuple(found), since=since, until=until)

    def _ends(self, last: int) -> tuple[int, int]:
        until = last + 1 if self.until is None else self.until
        return until - self.days * DAY_SECONDS if self.since is None else self.since, until

    def _inside(self, calls: Iterable[Call], last: int) -> list[Call]:
        since, _ = self._ends(last)
        return [call for call in calls if since <= call.at and (self.until is None or call.at < self.until)]


def moment(second: int) -> str:
    """Write a Unix second for people: ``2026-11-01T10:00:00Z``."""
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
