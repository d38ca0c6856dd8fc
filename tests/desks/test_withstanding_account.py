"""The account's own API under schemathesis."""

import pytest

from meter.gateway.account import buckets
from tests.desks.test_account_endpoints import RICH
from tests.desks.withstanding import EXAMPLES, ONE_CREDENTIAL, SMALL, run, served
from tests.support.asgi import answering
from tests.support.metering import metered


@pytest.mark.slow
async def test_the_accounts_api_withstands_whatever_is_sent(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "TOKENS_MAX", 10**9)
    async with metered(answering(), tmp_path, store_url, RICH + ONE_CREDENTIAL, identify=None) as here:
        await here.books.open("acme", SMALL)
        written, _ = await here.books.key("acme")
        async with served(here.app) as url:
            code, said = await run(
                f"{url}/credits/openapi.json", f"x-api-key: {written}", examples=EXAMPLES, folder=tmp_path
            )

    assert code == 0, said
