"""The account's own desk at the gateway: answered there, whatever the upstream does."""

import json

import httpx

from tests.proxy.gateways import gateway
from tests.proxy.upstreams import free_port


def test_an_account_asks_the_gateway_about_itself_though_there_is_no_upstream(tmp_path, store_url, monkeypatch):
    monkeypatch.setenv("METER_REDIS", store_url)
    with (
        gateway(f"http://127.0.0.1:{free_port()}", tmp_path) as running,
        httpx.Client(base_url=f"http://{running.host}:{running.port}", headers={"X-API-Key": running.key}) as client,
    ):
        answers = {
            path: client.get(f"/credits{path}") for path in ("", "/usage", "/prices", "/ledger", "/openapi.json")
        }
        quote = client.post("/credits/quote", content=json.dumps({"method": "GET", "target": "/v1/videos"}))
        ambiguous = client.post("/credits/quote", content=json.dumps({"method": "GET", "target": "/v1//videos"}))
        operator = client.get("/_meter/accounts")

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert (quote.json()["data"]["credits"], ambiguous.status_code) == (2500, 400)
    assert operator.status_code == 404
