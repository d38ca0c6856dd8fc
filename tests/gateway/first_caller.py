"""A worker process of its own: makes calls of one account, all at once, when it is told to, and prints their ends."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from meter.app import MeterMiddleware
from tests.support.asgi import answering, call, running
from tests.support.metering import patient, settings_of


async def main(url: str, folder: Path, count: int) -> None:
    with patient():
        app = MeterMiddleware(answering(), settings=settings_of(folder, url), identify=lambda _: "newcomer")
        async with running(app):
            say("ready")
            await asyncio.to_thread(sys.stdin.readline)
            answers = await asyncio.gather(*(call(app) for _ in range(count)))
    say(json.dumps(Counter(answer.status for answer in answers)))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
