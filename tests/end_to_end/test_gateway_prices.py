"""What the article's image API costs behind ``meter serve``, at any hour, load and commitment."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.house import House, Store, call, upstream

ROUTES = {
    "/v1/images": 1,
    "/v1/images/7/resize": 5,
    "/v1/images/7/analysis": 100,
    "/v1/images/7/cutout": 250,
    "/v1/videos": 2500,
}
NOON, NIGHT = "2026-11-22T12:00:00Z", "2026-11-22T03:00:00Z"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with Store(folder=folder) as store:
        yield House(folder=folder, redis_url=store.url)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with upstream(tmp_path_factory.mktemp("api")) as url:
        yield url


@pytest.mark.parametrize(
    ("conditions", "analysis"),
    [
        pytest.param((NOON, "0.5", "0"), 100, id="by day"),
        pytest.param((NIGHT, "0.5", "0"), 70, id="at night"),
        pytest.param((NOON, "0.95", "0"), 150, id="under load"),
        pytest.param((NOON, "0.5", "1000000"), 60, id="committed"),
        pytest.param((NIGHT, "0.95", "1000000"), 63, id="all three"),
    ],
)
def test_a_call_costs_what_the_hour_the_load_and_the_commitment_make_of_it(
    house: House, api: str, conditions: tuple[str, str, str], analysis: int
) -> None:
    at, load, commitment = conditions
    account = f"acme-{at[11:13]}-{load}-{commitment}"
    key = house.customer(account, "pro", "--commitment", commitment)
    with house.gateway(api, "--at", at, "--load", load) as gateway:
        answer = asyncio.run(call(gateway.port, "/v1/images/7/analysis", key))
    quote = house.meter(
        *("quote", "POST", "/v1/images/7/analysis", "--at", at, "--load", load, "--commitment", commitment)
    )

    assert (answer.status, answer.json()["meta"]["credits_consumed"], quote["credits"]) == (200, analysis, analysis)
    assert house.balance(account)["consumed"] == analysis


def test_the_five_routes_cost_what_the_article_says(house: House, api: str) -> None:
    key = house.customer("five", "pro")
    with house.gateway(api, "--at", NOON, "--load", "0") as gateway:
        costs = {path: _cost(gateway.port, path, key) for path in ROUTES}

    assert costs == ROUTES
    assert house.balance("five")["consumed"] == sum(ROUTES.values())


def test_the_entry_of_a_drill_says_so_and_why_it_costs_what_it_does(house: House, api: str) -> None:
    key = house.customer("why", "pro", "--commitment", "1000000")
    with house.gateway(api, "--at", NIGHT, "--load", "0.95") as gateway:
        asyncio.run(call(gateway.port, "/v1/images/7/analysis", key))
    entry = _last_entry(house)

    assert all(word in entry for word in ('"why"', "off-peak", "surge", "commitment", "drill", "7/10", "3/2", "3/5"))


def test_a_drill_is_announced_at_the_start(house: House, api: str) -> None:
    with house.gateway(api, "--at", NIGHT, "--load", "0.95"):
        pass

    assert "drill: every call is priced as if" in (house.folder / "serve.log").read_text()


def _cost(port: int, path: str, key: str) -> int:
    return int(asyncio.run(call(port, path, key)).headers["x-credits-consumed"])


def _last_entry(house: House) -> str:
    with Store(folder=Path(house.folder)).client() as client:
        newest = [client.xrevrange(stream, count=1)[0] for stream in client.scan_iter("*:ledger")]
    return str(max(newest)[1][b"e"].decode())
