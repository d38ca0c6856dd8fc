"""A grant whose reply is lost is asked for again, and is one grant."""

import asyncio
import json

from tests.ledger.proxy import losing
from tests.support.asgi import answering, call
from tests.support.metering import POLICY, TOKEN, books, metered

OPERATOR = ("Authorization", f"Bearer {TOKEN}")
GRANT = json.dumps({"id": "order-7", "credits": 500}).encode()


async def test_a_grant_that_was_done_and_not_answered_is_done_once(store_url, tmp_path):
    lossy = True
    async with (
        losing(store_url, tmp_path, lambda asked: lossy and b"order-7" in asked) as proxy,
        metered(answering(), tmp_path, proxy.url, POLICY, operator_token=TOKEN) as here,
        books(store_url) as looking,
    ):
        await call(here.app, "POST /_meter/accounts", OPERATOR, body=b'{"account": "acme", "plan": "small"}')
        await call(here.app, "POST /_meter/accounts/acme/grants", OPERATOR, body=b'{"id": "order-1", "credits": 1}')
        lost = await call(here.app, "POST /_meter/accounts/acme/grants", OPERATOR, body=GRANT)
        kinds = await looking.kinds()
        lossy = False
        again = await asyncio.gather(
            *(call(here.app, "POST /_meter/accounts/acme/grants", OPERATOR, body=GRANT) for _ in range(100))
        )
        after = await looking.of("acme")

        assert (lost.status, lost.json["code"], lost.json["retryable"]) == (503, "ledger_unavailable", True)
        assert proxy.lost > 1
        assert kinds == ["open", "grant", "grant"]
        assert {answer.status for answer in again} == {200}
        assert (await looking.kinds(), after.remaining) == (kinds, 1_501_000_000)
