"""A store in this process, for tests and trials: fakeredis. It forgets everything when the process ends."""

from collections.abc import Sequence

import fakeredis
from redis.exceptions import RedisError

from meter.ledger.complaints import complaint
from meter.ledger.deadline import Deadline
from meter.ledger.scripts import Reply, Script

_STORES: dict[str, fakeredis.FakeServer] = {}


def store(url: str) -> fakeredis.FakeServer:
    """The store of a ``memory://`` URL: one a name, made when it is first asked for."""
    return _STORES.setdefault(url, fakeredis.FakeServer(version=(7,)))


def forget(url: str) -> None:
    """Drop a store with all that it holds."""
    _STORES.pop(url, None)


class MemoryLine:
    """A line to a store in this process: it never fails, and blocks for as long as a script runs."""

    def __init__(self, url: str) -> None:
        self._client = fakeredis.FakeRedis(server=store(url), decode_responses=True)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        """Run a script at once."""
        deadline.start()
        try:
            reply: Reply = self._client.eval(script.plain_text, len(keys), *keys, *args)
        except RedisError as error:
            deadline.refused()
            raise complaint(error, deadline) from error
        return reply

    def place(self, keys: Sequence[str]) -> str:  # noqa: ARG002 - whatever they are, they are here
        """One store has all keys."""
        return ""
