"""The house, on a real server."""

from collections.abc import AsyncIterator

import pytest
import redis

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from tests.conftest import STEP_SECONDS
from tests.ledger.audit.house import House


@pytest.fixture
async def house(store_url: str) -> AsyncIterator[House]:
    async with open_line(store_url) as line:
        with redis.Redis.from_url(store_url) as client:
            yield House(await RedisLedger.open(line, step_seconds=STEP_SECONDS), client)
