"""A worker that tells, and whose receiver never answers: it is killed while it waits.

``python -m tests.notices.teller STORE RECEIVER``
"""

import asyncio
import sys
import time

import httpx

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.notices.postman import Postman
from meter.notices.signing import Signer
from meter.notices.watch import Watch
from meter.notices.webhook import Webhook
from tests.conftest import STEP_SECONDS
from tests.notices.receiver import SECRET


async def main(store: str, receiver: str) -> None:
    async with open_line(store) as line, httpx.AsyncHTTPTransport() as transport:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        webhook = Webhook(transport, receiver, Signer([SECRET]), source="urn:meter:t", clock=lambda: int(time.time()))
        postman = Postman(ledger, webhook)
        await Watch(ledger, top_up=lambda _: None, postman=postman).look()
        await postman.idle()


asyncio.run(main(*sys.argv[1:]))
