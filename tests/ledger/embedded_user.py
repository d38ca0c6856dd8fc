"""A process that uses an embedded store: it says its URL, and adds one to a counter for each line that it reads."""

import asyncio
import sys
from pathlib import Path

import redis

from meter.ledger import embedded


async def main() -> None:
    async with await embedded.start(Path(sys.argv[1])) as store:
        sys.stdout.write(f"{store.url}\n")
        sys.stdout.flush()
        with redis.Redis.from_url(store.url) as client:
            while await asyncio.to_thread(sys.stdin.readline):
                sys.stdout.write(f"{client.incr('counter')}\n")
                sys.stdout.flush()


asyncio.run(main())
