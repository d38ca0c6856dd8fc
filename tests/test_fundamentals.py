"""What meter does, one idea a test. Read it from the top.

Every test here meters a small app with this policy. It says what calls cost, and what a plan gives.
"""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import meter
from meter.credits import parse
from meter.ledger.promise import Grant, GrantKind
from tests.support.asgi import call
from tests.support.metering import metered

POLICY = """
version: 1
unmatched: refuse                             # what no route names is not served
operations:
  image.list: {title: List images, credits: 1}
  image.analyse: {title: AI analysis, credits: 100}
  health: {free: true}
routes:
  - {match: GET /v1/images, operation: image.list}
  - {match: "POST /v1/images/{id}/analysis", operation: image.analyse}
  - {match: GET /health, operation: health}
plans:
  small: {included: 150, period: month}
"""

LIST = "GET /v1/images"
ANALYSE = "POST /v1/images/7/analysis"


async def images(_: Request) -> JSONResponse:
    return JSONResponse({"images": [7]})


async def analysis(request: Request) -> JSONResponse:
    """An analysis that fails on request, and that is on the house where it finds nothing."""
    found = request.query_params.get("found")
    if found == "error":
        return JSONResponse({"error": "too dark"}, status_code=422)
    if found == "nothing":
        meter.charge_of(request).waive("nothing was found")
    return JSONResponse({"labels": []})


async def health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


@pytest.fixture
async def here(store_url, tmp_path):
    """The app, metered. Each test has books of its own, and the one account ``acme`` on the plan ``small``."""
    routes = [
        Route("/v1/images", images),
        Route("/v1/images/{id}/analysis", analysis, methods=["POST"]),
        Route("/health", health),
    ]
    async with metered(Starlette(routes=routes), tmp_path, store_url, POLICY, identify=lambda _: "acme") as here:
        yield here


async def test_a_call_costs_what_the_policy_says(here):
    answer = await call(here.app, ANALYSE)

    assert answer.headers["x-credits-consumed"] == "100"


async def test_the_answer_is_the_apps_own_with_meta_added(here):
    answer = await call(here.app, LIST)

    assert answer.json["images"] == [7]
    assert answer.json["meta"]["credits_consumed"] == 1
    assert answer.json["meta"]["credits_remaining"] == 149


async def test_each_call_takes_from_the_same_balance(here):
    answers = [await call(here.app, line) for line in (LIST, ANALYSE, LIST)]

    assert [answer.headers["x-credits-remaining"] for answer in answers] == ["149", "49", "48"]


async def test_when_the_balance_is_gone_the_call_is_refused_and_nothing_is_taken(here):
    await call(here.app, ANALYSE)
    refused = await call(here.app, ANALYSE)
    afterwards = await call(here.app, LIST)

    assert refused.status == 402
    assert refused.json["detail"] == "This request costs 100 credits and 50 remain."
    assert afterwards.headers["x-credits-remaining"] == "49"


async def test_a_free_operation_costs_nothing_and_says_nothing(here):
    answer = await call(here.app, "GET /health")

    assert answer.status == 200
    assert "x-credits-consumed" not in answer.headers


async def test_what_no_route_names_is_not_served(here):
    answer = await call(here.app, "GET /v1/secrets")

    assert (answer.status, answer.json["code"]) == (404, "no_price")


async def test_a_call_that_fails_is_given_back(here):
    answer = await call(here.app, f"{ANALYSE}?found=error")

    assert answer.status == 422
    assert answer.headers["x-credits-consumed"] == "0"
    assert answer.headers["x-credits-remaining"] == "150"


async def test_a_handler_may_waive_the_price_of_its_call(here):
    answer = await call(here.app, f"{ANALYSE}?found=nothing")

    assert (answer.status, answer.headers["x-credits-consumed"]) == (200, "0")


async def test_a_caller_may_say_what_a_call_may_cost(here):
    answer = await call(here.app, ANALYSE, ("Credits-Max", "50"))

    assert answer.status == 412
    assert answer.json["detail"] == "This request costs 100 credits and its Credits-Max is 50."


async def test_an_account_reads_its_balance_without_paying(here):
    await call(here.app, ANALYSE)

    answer = await call(here.app, "GET /credits")

    shown = answer.json["data"]
    assert (shown["granted"], shown["consumed"], shown["remaining"]) == (150, 100, 50)


async def test_a_grant_adds_to_the_balance(here):
    await call(here.app, LIST)
    await here.books.ledger.grant("acme", Grant(id="gift", kind=GrantKind.PROMO, amount=parse("1000")))

    answer = await call(here.app, LIST)

    assert answer.headers["x-credits-remaining"] == "1148"


async def test_every_change_of_a_balance_is_an_entry_in_the_books(here):
    await call(here.app, LIST)
    await call(here.app, f"{ANALYSE}?found=error")

    entries = await here.books.entries()

    assert [entry["kind"] for entry in entries] == ["open", "charge", "charge", "refund"]
    assert [entry["delta"] for entry in entries] == ["150000000", "-1000000", "-100000000", "100000000"]


async def test_what_is_granted_is_consumed_reserved_or_left(here):
    for line in (LIST, ANALYSE, ANALYSE, f"{ANALYSE}?found=nothing", LIST):
        await call(here.app, line)

    books = await here.books.of("acme")

    assert books.granted == books.consumed + books.reserved + books.remaining
