"""Callers as the policy says: whom the app's own auth names, whose key it is, or an address on a plan of its own."""

from ipaddress import ip_network
from types import SimpleNamespace
from uuid import UUID

import pytest
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware

from meter.gateway.callers import UNKNOWN_KEY, Unidentified, by_app
from meter.gateway.identification import Identification
from meter.ledger.api_keys import new_key
from meter.ledger.names import is_account_id
from meter.policy.identity import AnonymousRule, IdentityRule
from meter.till import Caller
from tests.support.asgi import answering, call, scope_of
from tests.support.metering import POLICY, metered

GUESTS = IdentityRule(anonymous=AnonymousRule(plan="guest"))
GUEST_POLICY = POLICY + "  guest: {included: 10, period: day}\nidentity: {anonymous: {plan: guest}}\n"


async def identified(rule, *headers, proxies=(), **facts):
    scope = scope_of("GET /v1/item", headers, **facts)
    return await Identification(proxies=proxies)(scope, rule)


def at(path: str) -> IdentityRule:
    return IdentityRule(scope=tuple(path.split(".")))


class User(BaseUser):
    """As an app's own auth leaves one."""

    @property
    def is_authenticated(self):
        return True

    @property
    def identity(self):
        return "acme/web"


@pytest.mark.parametrize(
    ("path", "left", "account"),
    [
        pytest.param("user.identity", User(), "acme/web", id="a user of Starlette"),
        pytest.param("user.identity", SimpleUser("acme"), "acme", id="a simple one"),
        pytest.param("user.id", SimpleNamespace(id=7), "7", id="a number"),
        pytest.param("user.id", SimpleNamespace(id=UUID(int=5)), str(UUID(int=5)), id="a UUID"),
        pytest.param("user.org.id", {"org": {"id": "acme"}}, "acme", id="mappings"),
        pytest.param("user", "acme", "acme", id="the name itself"),
    ],
)
async def test_the_apps_own_auth_names_the_account_in_the_scope(path, left, account):
    assert await identified(at(path), user=left) == Caller(account=account)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        pytest.param("user.identity", None, id="nobody"),
        pytest.param("user.identity", BaseUser(), id="a user without identity"),
        pytest.param("user.id", SimpleNamespace(id="acme", is_authenticated=False), id="not authenticated"),
        pytest.param("user.id", SimpleNamespace(id=True), id="true"),
        pytest.param("user.id", SimpleNamespace(id=""), id="an empty name"),
        pytest.param("user.id", SimpleNamespace(id=lambda: "acme"), id="a function"),
        pytest.param("account.id", SimpleNamespace(id="acme"), id="another path"),
    ],
)
async def test_whom_the_apps_own_auth_does_not_name_needs_a_key(path, left):
    found = await identified(at(path), user=left)

    assert found == Unidentified(
        reason="This call needs an API key in the header x-api-key or Authorization: Bearer, or an account that the "
        "application names."
    )


async def test_a_name_in_the_scope_that_is_no_account_id_is_refused():
    found = await identified(at("user"), user="a b")

    assert found == Unidentified(reason="'a b' is no account id; use letters, digits, '.', '_' and '-'.")


class Backend(AuthenticationBackend):
    """The auth of an app: a session that names its user."""

    async def authenticate(self, conn):
        return (AuthCredentials(), User()) if "session" in conn.headers else None


async def test_an_app_behind_its_own_authentication_is_charged_to_its_users(store_url, tmp_path):
    policy = POLICY + "identity: {scope: user.identity, header: ~, bearer: false}\n"
    async with metered(answering(), tmp_path, store_url, policy, identify=None) as here:
        app = AuthenticationMiddleware(here.app, backend=Backend())
        answers = [await call(app, "GET /v1/item", *headers) for headers in ([("Session", "1")], [])]
        consumed = await here.books.consumed("acme/web")

    assert [answer.status for answer in answers] == [200, 401]
    assert answers[1].json["detail"] == "This call needs an account that the application names."
    assert consumed == 5


async def test_an_address_without_a_key_is_a_caller_whose_id_does_not_tell_it():
    found = await identified(GUESTS, client=("192.0.2.1", 5000))

    assert isinstance(found, Caller)
    assert found.plan == "guest"
    assert found.account.startswith("anon-")
    assert is_account_id(found.account)
    assert "192.0.2.1" not in found.account
    assert found == await identified(GUESTS, client=("192.0.2.1", 6000))
    assert found != await identified(GUESTS, client=("192.0.2.2", 5000))


async def test_a_guest_is_not_somebody_else_by_a_header_of_their_own():
    plain = await identified(GUESTS, client=("192.0.2.1", 5000))
    lying = await identified(GUESTS, ("X-Forwarded-For", "192.0.2.9"), client=("192.0.2.1", 5000))
    proxied = await identified(
        GUESTS, ("X-Forwarded-For", "192.0.2.1"), client=("10.0.0.1", 5000), proxies=(ip_network("10.0.0.0/8"),)
    )

    assert plain == lying == proxied


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        pytest.param(("X-API-Key", "mk_1"), UNKNOWN_KEY.reason, id="malformed"),
        pytest.param(("X-API-Key", ""), "The credential is empty; send the API key.", id="empty"),
        pytest.param(("Authorization", "Bearer secret"), UNKNOWN_KEY.reason, id="a bearer"),
    ],
)
async def test_nobody_becomes_anonymous_by_a_mistake_in_their_key(header, reason):
    assert await identified(GUESTS, header) == Unidentified(reason=reason)


async def test_a_guest_without_an_address_needs_a_key():
    assert isinstance(await identified(GUESTS, client=None), Unidentified)


async def test_whom_an_application_does_not_name_is_a_guest_unless_they_carry_a_key():
    identify = by_app(lambda _: None)
    guest = await identify(scope_of("GET /", client=("192.0.2.1", 1)), GUESTS)
    wrong = await identify(scope_of("GET /", [("X-API-Key", "mk_1")]), GUESTS)

    assert guest == await identified(GUESTS, client=("192.0.2.1", 1))
    assert isinstance(wrong, Unidentified)


async def test_guests_have_an_account_an_address_on_a_plan_of_their_own(any_store_url, tmp_path):
    async with metered(answering(), tmp_path, any_store_url, GUEST_POLICY, identify=None, open_accounts=None) as here:
        answers = [await call(here.app, client=("192.0.2.1", port)) for port in range(3)]
        other = await call(here.app, client=("192.0.2.2", 1))
        unknown = await call(here.app, "GET /v1/item", ("X-API-Key", new_key(3)))
        account = (await identified(GUESTS, client=("192.0.2.1", 1))).account
        statement = await here.books.of(account)

    assert [answer.status for answer in answers] == [200, 200, 402]
    assert (other.status, other.remaining, unknown.status) == (200, "5", 401)
    assert statement.account.terms.plan == "guest"


async def test_a_listed_proxy_tells_guests_apart(store_url, tmp_path):
    facts = {"identify": None, "trusted_proxies": ("10.0.0.0/8",)}
    async with metered(answering(), tmp_path, store_url, GUEST_POLICY, **facts) as here:
        answers = [
            await call(here.app, "GET /v1/item", ("X-Forwarded-For", f"203.0.113.9, {caller}"), client=("10.0.0.1", 1))
            for caller in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2")
        ]

    assert [answer.status for answer in answers] == [200, 200, 402, 200]
