"""A 402 that says how to pay: what the application adds to it, and what it can't."""

import asyncio

import pytest

from meter.credits import parse
from meter.gateway.answers import Answers
from meter.gateway.challenge import Challenge, Shortfall
from meter.ledger.promise import Balance
from tests.support.asgi import answering, call
from tests.support.metering import metered

BALANCE = Balance(remaining=parse("40"), granted=parse("100"), reset_at=1_796_083_200)
PAYMENT = Challenge(
    headers=[("PAYMENT-REQUIRED", "eyJ4NDAyVmVyc2lvbiI6Mn0="), ("WWW-Authenticate", 'Payment realm="api"')],
    members={"x402Version": 1, "accepts": [{"scheme": "exact"}], "error": "Payment required"},
)


async def told(hook, **facts):
    answers = Answers(problems_url="/problems", payment=hook, clock=lambda: 1_795_000_000, **facts)
    return await call(answers.insufficient_credits(parse("100"), BALANCE))


async def test_a_challenge_is_in_the_headers_and_in_the_body():
    answer = await told(lambda scope, shortfall: PAYMENT)

    assert answer.status == 402
    assert answer.headers["payment-required"] == "eyJ4NDAyVmVyc2lvbiI6Mn0="
    assert answer.headers["www-authenticate"] == 'Payment realm="api"'
    assert (answer.json["x402Version"], answer.json["accepts"]) == (1, [{"scheme": "exact"}])
    assert (answer.json["code"], answer.json["credits_shortfall"]) == ("insufficient_credits", 60)
    assert int(answer.headers["content-length"]) == len(answer.body)


async def test_the_application_hears_who_asks_and_what_is_missing():
    heard = []
    await told(lambda scope, shortfall: heard.append((scope["path"], shortfall)))

    assert heard == [("/v1/item", Shortfall(required=parse("100"), remaining=parse("40"), reset_at=BALANCE.reset_at))]
    assert heard[0][1].missing == parse("60")


async def test_a_hook_may_be_async():
    async def hook(scope, shortfall):
        return PAYMENT

    assert (await told(hook)).json["x402Version"] == 1


async def test_nobody_says_our_members_and_headers_but_we():
    members = {"code": "free", "credits_remaining": 7, "status": 200, "more": 1}
    headers = [("Content-Length", "1"), ("Content-Type", "text/html"), ("Cache-Control", "public")]
    answer = await told(lambda *_: Challenge(headers=headers, members=members))

    assert (answer.json["code"], answer.json["credits_remaining"], answer.json["status"]) == (
        "insufficient_credits",
        40,
        402,
    )
    assert answer.json["more"] == 1
    assert answer.headers["content-type"] == "application/problem+json"
    assert [value for name, value in answer.headers.items() if name == "cache-control"] == ["no-store"]


def failing(scope, shortfall):
    raise RuntimeError("no payment today")


async def endless(scope, shortfall):
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(failing, id="it raises"),
        pytest.param(endless, id="it takes too long"),
        pytest.param(lambda *_: None, id="it has none"),
        pytest.param(lambda *_: Challenge(headers=[("a", "b\r\nc: d")]), id="it would split a header"),
        pytest.param(lambda *_: Challenge(headers=[("a b", "c")]), id="it names no header"),
        pytest.param(lambda *_: Challenge(members={"a": object()}), id="it says what JSON can't"),
    ],
)
async def test_a_402_leaves_without_a_challenge_where(hook, monkeypatch):
    monkeypatch.setattr("meter.gateway.challenge.CHALLENGE_SECONDS_MAX", 0.05)
    plain, answer = await told(None), await told(hook)

    assert (answer.status, answer.headers, answer.json) == (plain.status, plain.headers, plain.json)


async def test_a_refusal_with_another_status_asks_nobody_for_a_payment():
    answer = await told(lambda *_: PAYMENT, exhausted_status=429)

    assert (answer.status, "x402Version" in answer.json) == (429, False)


async def test_a_metered_app_asks_its_hook_when_credits_are_short(store_url, tmp_path):
    asked = []

    def hook(scope, shortfall):
        asked.append(shortfall.missing)
        return PAYMENT

    async with metered(answering(), tmp_path, store_url, payment=hook) as app:
        answers = [await call(app.app, "POST /v1/analysis") for _ in range(11)]

    assert [one.status for one in answers] == [200] * 10 + [402]
    assert answers[-1].headers["payment-required"]
    assert asked == [parse("100")]
