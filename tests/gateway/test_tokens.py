"""Callers by JSON Web Token: what makes one good, that nothing else does, and whose account it names."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import HMACAlgorithm

from meter import worker
from meter.app import MeterMiddleware
from meter.gateway.callers import Undecided, Unidentified
from meter.gateway.identification import Identification
from meter.gateway.tokens import EXPIRED_TOKEN, UNKNOWN_TOKEN
from meter.ledger.api_keys import new_key
from meter.policy.identity import ASYMMETRIC, Algorithm, IdentityRule, JwtRule
from meter.settings import SettingsError
from meter.till import Caller
from tests.support.asgi import answering, call, scope_of, until
from tests.support.issuer import AUDIENCE, ISSUER, document, key_set, private_key, public, publishing, token
from tests.support.metering import POLICY, metered, settings_of

SECRET = base64.urlsafe_b64encode(b"a secret of 32 bytes and of more").rstrip(b"=").decode()
KEYS = (
    public("EC", "one"),
    public("RSA", "two"),
    public("RSA", "three", alg="PS256"),
    {"kty": "oct", "kid": "secret", "k": SECRET},
    public("EC", "other use", use="enc"),
)


def rule(**facts) -> IdentityRule:
    said = {"jwks": "jwks.json", "issuer": ISSUER, "audience": (AUDIENCE,)} | facts
    return IdentityRule(jwt=JwtRule(**said))


@pytest.fixture
def identification(tmp_path):
    (tmp_path / "jwks.json").write_bytes(key_set(*KEYS))
    return Identification(folder=tmp_path)


async def caller_of(identification, written, wanted=None):
    scope = scope_of("GET /v1/item", [("Authorization", f"Bearer {written}")])
    return await identification(scope, wanted or rule())


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(head: dict, **claims) -> str:
    said = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 600, "sub": "acme"} | claims
    return f"{part(head)}.{part(said)}"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(token, id="ES256"),
        pytest.param(lambda: token("RSA", "two", "RS256"), id="RS256"),
        pytest.param(lambda: token("RSA", "two", "PS512"), id="a key that says no algorithm"),
        pytest.param(lambda: token("RSA", "three", "PS256"), id="a key that says its algorithm"),
        pytest.param(lambda: token(aud=["other", AUDIENCE]), id="one of several audiences"),
        pytest.param(lambda: token(exp=int(time.time()) - 10), id="clocks that differ a little"),
    ],
)
async def test_a_good_token_names_its_account(identification, written):
    assert await caller_of(identification, written()) == Caller(account="acme")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda: token(iss="https://evil.example/"), id="another issuer"),
        pytest.param(lambda: token(aud="https://other.example"), id="another audience"),
        pytest.param(lambda: token(iss=None), id="no issuer"),
        pytest.param(lambda: token(aud=None), id="no audience"),
        pytest.param(lambda: token(exp=None), id="no end"),
        pytest.param(lambda: token(nbf=int(time.time()) + 600), id="not yet"),
        pytest.param(lambda: token("EC other"), id="signed by another key"),
        pytest.param(lambda: token(kid="four"), id="a key that nobody has"),
        pytest.param(lambda: token(kid=None), id="no key named"),
        pytest.param(lambda: token(kid="two"), id="a key of another kind"),
        pytest.param(lambda: token(kid="other use"), id="a key of another use"),
        pytest.param(lambda: token("RSA", "three", "RS256"), id="another algorithm than the key's"),
        pytest.param(lambda: token()[:-4] + "AAAA", id="a changed signature"),
        pytest.param(lambda: unsigned({"alg": "none", "kid": "one"}) + ".", id="unsigned"),
        pytest.param(lambda: unsigned({"alg": "ES256", "kid": "one"}) + ".", id="without a signature"),
        pytest.param(lambda: unsigned({"alg": ["ES256"], "kid": "one"}) + ".AA", id="a list of algorithms"),
        pytest.param(lambda: unsigned({"alg": "ES256", "kid": 7}) + ".AA", id="a number as the key's name"),
        pytest.param(lambda: unsigned({"kid": "one"}) + ".AA", id="no algorithm"),
        pytest.param(lambda: part(["ES256"]) + ".e30.AA", id="a head that is a list"),
        pytest.param(lambda: base64.urlsafe_b64encode(b"[" * 6000).decode() + ".e30.AA", id="a head too deep"),
        pytest.param(lambda: "a.b.c", id="no JSON"),
        pytest.param(
            lambda: jwt.encode({"sub": "acme"}, SECRET, algorithm="HS256", headers={"kid": "secret"}),
            id="an algorithm that the policy does not name",
        ),
    ],
)
async def test_whatever_is_wrong_with_a_token_gets_one_answer(identification, written):
    assert await caller_of(identification, written()) == UNKNOWN_TOKEN


async def test_a_public_key_is_no_secret_that_signs(identification):
    """The confusion of algorithms: the bytes of a public key, taken for the secret of HS256."""
    wanted = rule(algorithms=tuple(Algorithm))
    pem = private_key("RSA").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsealed = unsigned({"alg": "HS256", "kid": "two", "typ": "JWT"})
    seal = HMACAlgorithm(HMACAlgorithm.SHA256).sign(unsealed.encode(), pem)
    forged = f"{unsealed}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"

    assert await caller_of(identification, forged, wanted) == UNKNOWN_TOKEN


async def test_a_shared_secret_signs_where_the_policy_names_its_algorithm(identification):
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60, "sub": "acme"}
    secret = base64.urlsafe_b64decode(SECRET + "=" * (-len(SECRET) % 4))
    written = jwt.encode(claims, secret, algorithm="HS256", headers={"kid": "secret"})

    assert await caller_of(identification, written, rule(algorithms=(Algorithm.HS256,))) == Caller(account="acme")


def test_no_algorithm_of_the_default_has_a_shared_secret():
    assert not any(one.is_secret for one in ASYMMETRIC)
    assert "none" not in set(Algorithm)


async def test_a_token_that_was_good_is_told_that_it_expired(identification):
    expired = int(time.time()) - 600

    assert await caller_of(identification, token(exp=expired)) == EXPIRED_TOKEN
    assert await caller_of(identification, token("EC other", exp=expired)) == UNKNOWN_TOKEN


@pytest.mark.parametrize(
    ("claim", "value", "account"),
    [
        pytest.param("sub", "acme/web", "acme/web", id="a path"),
        pytest.param("org_id", "acme", "acme", id="another claim"),
        pytest.param("https://api.example/org", "acme", "acme", id="a claim with a namespace"),
        pytest.param("org", 42, "42", id="a number"),
        pytest.param("sub", "auth0|5f7c8ec7", "id-621b3ebd936e3d561f86d5a77e7b36d5", id="no account id"),
    ],
)
async def test_a_claim_names_the_account(identification, claim, value, account):
    found = await caller_of(identification, token(**{claim: value}), rule(account_claim=claim))

    assert found == Caller(account=account)


@pytest.mark.parametrize("value", [None, "", True, ["acme"]])
async def test_a_token_without_an_account_names_none(identification, value):
    found = await caller_of(identification, token(org=value), rule(account_claim="org"))

    assert found == Unidentified(reason="The token names no account: its claim org is missing, or no text.")


async def test_a_key_is_no_token_and_a_token_no_key(identification):
    by_key = await caller_of(identification, new_key(7))
    without = await caller_of(identification, token()[:200], IdentityRule())

    assert by_key.key.shard == 7
    assert without == Unidentified(reason="The API key is not known.")


async def test_where_tokens_alone_are_wanted_other_bearers_are_the_apps_business(identification):
    wanted = IdentityRule(header=None, bearer=False, jwt=rule().jwt)

    assert await caller_of(identification, token(), wanted) == Caller(account="acme")
    assert await caller_of(identification, new_key(7), wanted) == Unidentified(
        reason="This call needs a token in Authorization: Bearer."
    )


async def test_where_the_keys_can_not_be_read_nobody_can_tell(tmp_path):
    assert await caller_of(Identification(folder=tmp_path), token()) == Undecided()


def jwt_policy(place: str) -> str:
    return POLICY + f"identity: {{jwt: {{jwks: '{place}', issuer: '{ISSUER}', audience: '{AUDIENCE}'}}}}\n"


async def test_the_account_of_a_token_pays_and_an_issuer_that_is_down_is_503(store_url, tmp_path):
    app = answering()
    async with (
        publishing(b"", "500 Internal Server Error") as place,
        metered(app, tmp_path, store_url, jwt_policy(place.url), identify=None) as here,
    ):
        shown = ("Authorization", f"Bearer {token()}")
        down = [await call(here.app, line, shown) for line in ("GET /v1/item", "GET /credits")]
        served_while_down = len(app.seen)
        place.answer = document(key_set(*KEYS))
        await _until_served(here, shown)
        answers = [await call(here.app, line, shown) for line in ("GET /v1/item", "GET /credits")]
        bad = await call(here.app, "GET /v1/item", ("Authorization", f"Bearer {token(iss='other')}"))
        consumed = await here.books.consumed()

    assert [(one.status, one.json["code"]) for one in down] == [(503, "identity_unavailable")] * 2
    assert down[0].headers["retry-after"] == "1"
    assert served_while_down == 0
    assert [one.status for one in (*answers, bad)] == [200, 200, 401]
    assert consumed == 5 * len(app.seen)


async def _until_served(here, shown):
    async def known():
        return (await call(here.app, "GET /v1/item", shown)).status == 200

    await until(known)


def test_a_policy_that_wants_tokens_says_what_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(worker.importlib.util, "find_spec", lambda _: None)
    settings = settings_of(tmp_path, "memory://", jwt_policy("jwks.json"))

    with pytest.raises(SettingsError, match=r"needs an extra: pip install 'asgi-meter\[jwt\]'\.$"):
        MeterMiddleware(answering(), settings=settings)
