"""A clock that tests move: the scripts as they are, but for where they read the time."""

from collections.abc import Sequence

from meter.ledger.deadline import Deadline
from meter.ledger.line import Line
from meter.ledger.scripts import Reply, Script, script


class DrilledLine:
    """A line whose scripts take the server's second, and the time in stream ids, from the test."""

    def __init__(self, line: Line, now: int) -> None:
        self.now = now
        self._line = line
        self._newest = now

    async def run(self, drilled: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        self._newest = max(self._newest, self.now)
        text = drilled.text.replace("redis.call('TIME')", "({ARGV[#ARGV], '0'})")
        text = text.replace("'*', 'e'", "ARGV[#ARGV - 1] .. '000-*', 'e'")
        moved = (*args, str(self._newest), str(self.now))
        return await self._line.run(script(drilled.name, text), keys, moved, deadline)

    def place(self, keys: Sequence[str]) -> str:
        return self._line.place(keys)
