"""The operator's API under schemathesis."""

import pytest

from tests.desks.test_account_endpoints import RICH
from tests.desks.withstanding import EXAMPLES, run, served
from tests.support.asgi import answering
from tests.support.metering import TOKEN, metered


@pytest.mark.slow
async def test_the_operators_api_withstands_whatever_is_sent(store_url, tmp_path):
    async with (
        metered(answering(), tmp_path, store_url, RICH, identify=None, operator_token=TOKEN) as here,
        served(here.app) as url,
    ):
        token = f"Authorization: Bearer {TOKEN}"
        code, said = await run(f"{url}/_meter/openapi.json", token, examples=EXAMPLES, folder=tmp_path)

    assert code == 0, said
