"""Nobody can spend what they don't have, whoever asks how often at once."""

import asyncio
from collections import Counter
from pathlib import Path

from tests.end_to_end.house import Gateway, House, Store, calls, until, upstream

ROUNDS = 20
ASKED_AGAIN_MAX = 20
PATH = "/v1/images/7/resize"
PRICE, BUDGET, CALLS = 5, 50, 200
POLICY = f"""
version: 1
operations: {{resize: {{title: Resize, credits: {PRICE}}}}}
routes: [{{match: "POST /v1/images/{{id}}/resize", operation: resize}}]
plans: {{exact: {{included: {PRICE * BUDGET}, period: none}}}}
"""


def test_200_calls_at_once_by_4_workers_spend_a_balance_for_50_exactly_every_time(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    with Store(folder=tmp_path) as store, upstream(tmp_path) as api:
        house = House(folder=tmp_path, redis_url=store.url, policies=tmp_path / "policy.yaml")
        keys = {f"round-{number}": house.customer(f"round-{number}", "exact") for number in range(ROUNDS)}
        with house.gateway(api, "--workers", "4") as gateway:
            rounds = {account: _round(house, gateway, key) for account, key in keys.items()}
        left = {account: house.balance(account)["remaining"] for account in keys}

    assert rounds == {account: {200: BUDGET, 402: CALLS - BUDGET} for account in keys}
    assert left == dict.fromkeys(keys, 0)


def _round(house: House, gateway: Gateway, key: str) -> Counter[int]:
    """All calls at once.

    A machine that is busy with other things may keep the store from answering in time. Whoever is told so asks again,
    when what was taken for the first call is undone; so every call gets its answer, and none of its credits is lost.
    """
    answered, waiting = Counter[int](), CALLS
    for _ in range(ASKED_AGAIN_MAX):
        answered += Counter(one.status for one in asyncio.run(calls(gateway.port, PATH, key, waiting, at_once=CALLS)))
        waiting = answered.pop(503, 0)
        if not waiting:
            break
        until(house.undone, "what was not answered is undone")
    return answered
