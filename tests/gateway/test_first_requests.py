"""A thousand first requests of an account that nobody knows, all at once: one account, one grant, no call too many."""

import asyncio
import json
import sys
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from meter.credits import parse
from meter.gateway.anonymous import digest
from tests.support.asgi import answering, call
from tests.support.metering import POLICY, Books, books, metered

CALLS, WORKERS = 1_000, 4
PAID = 200
"""What the plan's 1 000 credits pay for, at 5 a call."""
GUESTS = POLICY + "identity: {anonymous: {plan: small}}\n"
ROOT = Path(__file__).parent.parent.parent


async def is_one_account_with_one_grant(seen: Books, account: str) -> bool:
    kinds, statement = Counter(await seen.kinds(account)), await seen.of(account)
    assert kinds == {"open": 1, "charge": PAID}
    assert (statement.granted, statement.consumed, statement.remaining) == (parse("1000"), parse("1000"), 0)
    return True


BY_APP = {"identify": lambda _: "newcomer"}
BY_ADDRESS = {"identify": None, "policy": GUESTS, "open_accounts": None}
ADDRESS = f"anon-{digest('127.0.0.1')}"


@pytest.mark.parametrize(
    ("facts", "account"),
    [pytest.param(BY_APP, "newcomer", id="named by the app"), pytest.param(BY_ADDRESS, ADDRESS, id="an address")],
)
async def test_a_thousand_first_requests_at_several_workers_open_one_account(any_store_url, tmp_path, facts, account):
    async with AsyncExitStack() as stack:
        workers = []
        for number in range(WORKERS):
            folder = tmp_path / str(number)
            folder.mkdir()
            workers.append(await stack.enter_async_context(metered(answering(), folder, any_store_url, **facts)))
        answers = await asyncio.gather(*(call(workers[each % WORKERS].app) for each in range(CALLS)))
        paid = [int(one.remaining) for one in answers if one.status == 200]

        assert Counter(answer.status for answer in answers) == {200: PAID, 402: CALLS - PAID}
        assert sorted(paid) == list(range(0, 1000, 5))
        assert await is_one_account_with_one_grant(workers[0].books, account)


async def test_a_thousand_first_requests_at_several_processes_open_one_account(store_url, tmp_path):
    processes = []
    for number in range(WORKERS):
        folder = tmp_path / str(number)
        folder.mkdir()
        command = (sys.executable, "-m", "tests.gateway.first_caller", store_url, str(folder), str(CALLS // WORKERS))
        pipe = asyncio.subprocess.PIPE
        processes.append(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT))
    for process in processes:
        assert await process.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    ends = sum((Counter(json.loads(out)) for out, _ in said), Counter())

    assert ends == {"200": PAID, "402": CALLS - PAID}
    async with books(store_url) as seen:
        assert await is_one_account_with_one_grant(seen, "newcomer")
