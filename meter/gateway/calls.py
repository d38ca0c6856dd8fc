"""The metered calls that one worker has in progress: a load, and what a worker that stops waits for."""

import asyncio


class CallsInProgress:
    """A count, and the moment when it is zero again."""

    def __init__(self) -> None:
        self.count = 0
        self._none: asyncio.Event | None = None

    def __enter__(self) -> None:
        """Begin a call."""
        self.count += 1

    def __exit__(self, *_: object) -> None:
        """End it, however that came."""
        self.count -= 1
        if self._none is not None and not self.count:
            self._none.set()

    async def ended(self) -> None:
        """Wait until none is in progress."""
        if self.count:
            self._none = asyncio.Event()
            await self._none.wait()
