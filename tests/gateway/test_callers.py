"""Who is charged: the account of a key, or the account that the application names."""

import pytest

from meter.credits import parse
from meter.gateway.callers import UNKNOWN_KEY, Unidentified, by_app, unknown
from meter.gateway.identification import Identification
from meter.ledger.accounts import Accounts
from meter.ledger.api_keys import ApiKey, new_key
from meter.ledger.engine import RedisLedger
from meter.ledger.line import Line, open_line
from meter.policy.identity import IdentityRule
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from meter.till import Caller
from tests.conftest import STEP_SECONDS
from tests.support.asgi import answering, call, scope_of
from tests.support.metering import Books, books, metered

RULE = IdentityRule()
BY_KEY = Identification()
TERMS = Terms(plan="small", included=parse("1000"), period=PeriodUnit.MONTH)


async def identified(identify, *headers: tuple[str, str], rule: IdentityRule = RULE) -> Caller | Unidentified:
    return await identify(scope_of("GET /v1/item", headers), rule)


@pytest.mark.parametrize(
    "header",
    [lambda key: ("X-API-Key", key), lambda key: ("Authorization", f"Bearer {key}")],
    ids=["its own header", "a bearer"],
)
async def test_a_key_is_known_by_its_hash_alone(header):
    written = new_key(7)

    caller = await identified(BY_KEY, header(written))

    assert isinstance(caller, Caller)
    assert caller.key.shard == 7
    assert written not in repr(caller)


@pytest.mark.parametrize(
    "written", ["mk_000short", new_key(7)[:-1] + "!", "secret"], ids=["short", "mistyped", "no key"]
)
async def test_a_malformed_key_is_answered_like_an_unknown_one(written):
    assert await identified(BY_KEY, ("X-API-Key", written)) == UNKNOWN_KEY


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        (RULE, "the header x-api-key or Authorization: Bearer"),
        (IdentityRule(header=None), "Authorization: Bearer"),
        (IdentityRule(header="x-token", bearer=False), "the header x-token"),
    ],
)
async def test_a_call_without_a_key_is_told_where_one_goes(rule, place):
    found = await identified(BY_KEY, rule=rule)

    assert found == Unidentified(reason=f"This call needs an API key in {place}.")


async def test_two_keys_are_none():
    found = await identified(BY_KEY, ("X-API-Key", new_key(1)), ("X-API-Key", new_key(1)))

    assert isinstance(found, Unidentified)


def plain(scope):
    return "acme/web"


async def awaited(scope):
    return "acme/web"


@pytest.mark.parametrize("identify", [plain, awaited])
async def test_an_application_names_the_account_in_a_plain_or_an_async_function(identify):
    assert await identified(by_app(identify)) == Caller(account="acme/web")


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        (None, "This call needs an account, and the application named none."),
        ("a b", "'a b' is no account id; use letters, digits, '.', '_' and '-'."),
        ("", "'' is no account id; use letters, digits, '.', '_' and '-'."),
        ("a/b/c/d/e", "'a/b/c/d/e' is no account id; use letters, digits, '.', '_' and '-'."),
        (7, "'7' is no account id; use letters, digits, '.', '_' and '-'."),
    ],
)
async def test_an_application_that_names_no_account_is_told_why(named, reason):
    assert await identified(by_app(lambda _: named)) == Unidentified(reason=reason)


def test_an_account_that_is_not_open_is_no_matter_of_keys():
    assert unknown(Caller(account="acme")).reason == "The account 'acme' has not been opened."


async def test_the_account_of_a_key_pays(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, identify=None) as here:
        await here.books.open("acme", TERMS)
        written, _ = await here.books.key("acme")
        answer = await call(here.app, "GET /v1/item", ("X-API-Key", written))
        consumed = await here.books.consumed()

    assert (answer.status, answer.consumed, consumed) == (200, "5", 5)


async def test_a_revoked_key_is_refused_by_the_very_next_call(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url, identify=None) as here:
        await here.books.open("acme", TERMS)
        written, key = await here.books.key("acme")
        await call(here.app, "GET /v1/item", ("X-API-Key", written))
        await here.books.ledger.revoke_key(key.shard, key.hash, op="stop")
        answers = [await call(here.app, "GET /v1/item", ("X-API-Key", written)) for _ in range(2)]
        consumed = await here.books.consumed()

    assert [answer.json["detail"] for answer in answers] == [UNKNOWN_KEY.reason] * 2
    assert (len(app.seen), consumed) == (1, 5)


async def keys_that_do_not_pay(books: Books) -> dict[str, str]:
    """A key of each kind, as its owner writes it."""
    await books.open("acme", TERMS)
    expired, _ = await books.key("acme", expires_at=books.ledger.now() - 1)
    revoked, key = await books.key("acme")
    await books.ledger.revoke_key(key.shard, key.hash, op="stop")
    return {"malformed": "mk_1", "unknown": new_key(key.shard), "expired": expired, "revoked": revoked}


async def test_every_key_that_does_not_pay_gets_the_same_answer(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, identify=None) as here:
        keys = await keys_that_do_not_pay(here.books)
        found = {
            (kind, line): await call(here.app, line, ("X-API-Key", written))
            for kind, written in keys.items()
            for line in ("GET /v1/item", "GET /credits")
        }

    for line in ("GET /v1/item", "GET /credits"):
        answers = [answer for (_, of), answer in found.items() if of == line]
        assert [(one.status, one.headers, one.body) for one in answers] == [
            (401, answers[0].headers, answers[0].body)
        ] * 4
    assert found["unknown", "GET /v1/item"].json["detail"] == UNKNOWN_KEY.reason
    assert found["unknown", "GET /v1/item"].headers["www-authenticate"].startswith("Bearer")


class CountingLine:
    """A line that counts its trips."""

    def __init__(self, line: Line) -> None:
        self._line, self.trips = line, 0

    async def run(self, *asked):
        self.trips += 1
        return await self._line.run(*asked)

    def place(self, keys):
        return self._line.place(keys)


async def test_every_key_that_does_not_pay_makes_the_same_trips_to_the_store(any_store_url):
    async with books(any_store_url) as seen, open_line(any_store_url) as line:
        keys = await keys_that_do_not_pay(seen)
        counting, trips = CountingLine(line), {}
        accounts = Accounts(await RedisLedger.open(counting, step_seconds=STEP_SECONDS), opening=lambda _: None)
        for kind in ("unknown", "expired", "revoked"):
            caller = Caller(key=ApiKey.parse(keys[kind]))
            for look in ("first", "second"):
                before = counting.trips
                assert await accounts.asked(caller) is None
                trips[kind, look] = counting.trips - before

    assert [trips[kind, "first"] for kind in ("unknown", "expired", "revoked")] == [1, 1, 1]
    assert [trips[kind, "second"] for kind in ("unknown", "expired", "revoked")] == [0, 0, 0]


async def test_a_key_is_never_logged(store_url, tmp_path, caplog):
    async with metered(answering(), tmp_path, store_url, identify=None) as here:
        await here.books.open("acme", TERMS)
        written, _ = await here.books.key("acme")
        for key in (written, written[:-1], new_key(3)):
            await call(here.app, "GET /v1/item", ("X-API-Key", key))

    assert "mk_" not in caplog.text
