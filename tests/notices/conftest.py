"""The engine on a real server alone, where a test looks into the store beside it."""

from collections.abc import AsyncIterator

import pytest

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from tests.conftest import STEP_SECONDS


@pytest.fixture
async def ledger_on_server(store_url: str) -> AsyncIterator[RedisLedger]:
    async with open_line(store_url) as line:
        yield await RedisLedger.open(line, step_seconds=STEP_SECONDS)
