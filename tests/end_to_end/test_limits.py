"""A budget at each of four levels and the key: nobody passes any of them, and who is refused is told which."""

import asyncio
import json
from pathlib import Path

from tests.end_to_end.house import Gateway, House, Store, calls, until, upstream

PATH = "/v1/images/7/resize"
PRICE, CALLS, LET_THROUGH = 5, 64, 10
POLICY = f"""
version: 1
operations: {{resize: {{title: Resize, credits: {PRICE}}}}}
routes: [{{match: "POST /v1/images/{{id}}/resize", operation: resize}}]
plans: {{wide: {{included: 100000, period: month}}}}
"""
LEVELS = ("", "/team", "/team/project", "/team/project/app", "key")
TIGHT, WIDE = str(PRICE * LET_THROUGH + 1), str(PRICE * CALLS)
ASKED_AGAIN_MAX = 20


def test_64_calls_at_once_by_2_workers_pass_no_budget_and_a_refusal_says_whose_it_was(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    with Store(folder=tmp_path) as store, upstream(tmp_path) as api:
        house = House(folder=tmp_path, redis_url=store.url, policies=tmp_path / "policy.yaml")
        keys = {f"org-{number}": _organisation(house, f"org-{number}", tight) for number, tight in enumerate(LEVELS)}
        with house.gateway(api, "--workers", "2") as gateway:
            answered = {org: _all_at_once(house, gateway, key) for org, key in keys.items()}
        spent = {org: _spent(house, org) for org in keys}
        consumed = {org: house.balance(org)["consumed"] for org in keys}
        wrong = house.audited()

    for (org, answers), tight in zip(answered.items(), LEVELS, strict=True):
        whose = "key" if tight == "key" else org + tight
        assert sorted(status for status, _ in answers) == [200] * LET_THROUGH + [429] * (CALLS - LET_THROUGH)
        assert {told for status, told in answers if status == 429} == {(f"{whose}:budget",)}
    assert spent == {org: [PRICE * LET_THROUGH] * len(LEVELS) for org in keys}
    assert consumed == dict.fromkeys(keys, PRICE * LET_THROUGH)
    assert wrong == []


def _organisation(house: House, org: str, tight: str) -> str:
    """An organisation that pays for all below it, with a budget at each level, one of which is small; a key of it."""
    house.meter("account", "create", org, "--plan", "wide")
    for level in LEVELS[1:4]:
        house.meter("account", "member", org + level)
    for level in LEVELS[:4]:
        house.meter("budget", "set", org + level, "--period", TIGHT if level == tight else WIDE)
    caller = org + LEVELS[3]
    key = str(house.meter("key", "create", caller)["key"])
    house.meter("budget", "set", caller, "--key", key[:10], "--period", TIGHT if tight == "key" else WIDE)
    return key


def _all_at_once(house: House, gateway: Gateway, key: str) -> list[tuple[int, tuple[str, ...]]]:
    """All calls at once: each with its status, and whose limit refused it.

    Who got no answer from a busy store asks again, when what was taken for it is undone.
    """
    answered: list[tuple[int, tuple[str, ...]]] = []
    for _ in range(ASKED_AGAIN_MAX):
        waiting = CALLS - len(answered)
        if not waiting:
            break
        said = asyncio.run(calls(gateway.port, PATH, key, waiting, at_once=CALLS))
        answered += [(one.status, _whose(one.body)) for one in said if one.status != 503]
        until(house.undone, "what was not answered is undone")
    return answered


def _whose(body: bytes) -> tuple[str, ...]:
    return tuple(json.loads(body).get("violated-policies", ()))


def _spent(house: House, org: str) -> list[int]:
    return [one["spent"]["period"]["credits"] for one in house.meter("budget", "show", org)["levels"]]
