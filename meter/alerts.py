"""The notices of one worker: who watches, and where letters go, as the settings say."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable

import httpx

from meter.ledger.engine import RedisLedger
from meter.notices.budgets import Budgets
from meter.notices.postman import AT_ONCE, Postman
from meter.notices.signing import Signer
from meter.notices.watch import Watch
from meter.notices.webhook import Webhook
from meter.policy.model import Policy
from meter.policy.top_up import TopUp
from meter.settings import Settings

KEEP_SECONDS = 30.0
"""How long a connection to the receiver waits for the next letter."""


async def tell_on(settings: Settings, ledger: RedisLedger, policy: Callable[[], Policy]) -> None:
    """Tell whom it concerns of every account, until cancelled; ``policy`` gives the one in force."""

    def top_up(plan: str) -> TopUp | None:
        known = policy().plans.get(plan)
        return known.top_up if known else None

    async with _postman(settings, ledger) as postman:
        await Watch(ledger, top_up=top_up, postman=postman, levels=Budgets(ledger)).run()


@contextlib.asynccontextmanager
async def _postman(settings: Settings, ledger: RedisLedger) -> AsyncIterator[Postman | None]:
    """Who delivers to the webhook of the settings; None where there is none."""
    if settings.webhook_url is None:
        yield None
        return
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE, keepalive_expiry=KEEP_SECONDS)
    async with httpx.AsyncHTTPTransport(limits=limits, retries=0, trust_env=False) as transport:
        webhook = Webhook(
            transport,
            settings.webhook_url,
            Signer(settings.webhook_secret),
            source=f"urn:meter:{ledger.epoch}",
            clock=lambda: int(time.time()),
        )
        postman = Postman(ledger, webhook)
        try:
            yield postman
        finally:
            await postman.close()
