"""Callers of the gateway as its users start it, over real sockets: by address, by token, by key."""

import httpx

from meter.ledger.api_keys import new_key
from tests.proxy.gateways import POLICY, gateway
from tests.proxy.wire import OK, answers, raw_upstream
from tests.support.issuer import AUDIENCE, ISSUER, key_set, public, token

IDENTITY = f"""
  guest: {{included: 2, period: day}}
identity:
  anonymous: {{plan: guest}}
  jwt: {{jwks: jwks.json, issuer: "{ISSUER}", audience: "{AUDIENCE}"}}
"""


async def test_the_gateway_tells_its_callers_apart(tmp_path, monkeypatch):
    (tmp_path / "jwks.json").write_bytes(key_set(public("EC", "one")))
    monkeypatch.setenv("METER_TRUSTED_PROXIES", "127.0.0.0/8")
    shown = [
        *[{"X-Forwarded-For": f"203.0.113.{lie}, 192.0.2.1"} for lie in range(3)],
        {"X-Forwarded-For": "192.0.2.2"},
        {"Authorization": f"Bearer {token()}"},
        {"Authorization": f"Bearer {token(aud='another')}"},
        {"X-API-Key": new_key(3)},
    ]
    async with raw_upstream(answers(OK)) as upstream:
        with gateway(upstream.url, tmp_path, POLICY.rstrip() + IDENTITY) as here:
            async with httpx.AsyncClient(base_url=f"http://{here.host}:{here.port}", trust_env=False) as client:
                found = [await client.get("/v1/thing", headers=headers) for headers in shown]
                paid = await client.get("/credits", headers={"X-API-Key": here.key})

    assert [answer.status_code for answer in found] == [200, 200, 402, 200, 200, 401, 401]
    assert paid.json()["data"]["consumed"] == 1
