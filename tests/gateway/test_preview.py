"""A caller who asks what its call will cost next is told so in the answer's headers."""

from datetime import UTC, datetime

import pytest

from meter.gateway.preview import wants_next
from tests.support.asgi import answering, call
from tests.support.metering import metered

POLICY = """
version: 1
operations:
  item: {credits: 5}
  chat: {credits: {per: {tokens: 1}, at_most: 7}, meters: {tokens: {reported: true}}}
  users: {credits: {base: 1, per: {query.limit: 0.5}}}
  fixed: {credits: 2}
routes:
  - {match: GET /v1/item, operation: item}
  - {match: GET /v1/chat, operation: chat}
  - {match: GET /v1/users, operation: users}
  - {match: GET /v1/fixed, operation: fixed}
prices:
  - version: "2027-01"
    effective_at: 2027-01-01T00:00:00Z
    operations: {item: 8.5, chat: {per: {tokens: 1}, at_most: 9}, users: {base: 2, per: {query.limit: 0.5}}}
rounding: {step: 0.5}
plans: {small: {included: 1000, period: month}}
"""
DECEMBER, JANUARY = datetime(2026, 12, 15, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC)
ASKED = ("Credits-Preview", "next")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("GET /v1/item", 'credits=8.5, at="2027-01-01T00:00:00Z", prices="2027-01"', id="a fixed price"),
        pytest.param("GET /v1/chat", 'credits=9, at="2027-01-01T00:00:00Z", prices="2027-01"', id="a ceiling"),
        pytest.param("GET /v1/users?limit=4", 'credits=4, at="2027-01-01T00:00:00Z", prices="2027-01"', id="this use"),
        pytest.param("GET /v1/fixed", None, id="no change is known"),
    ],
)
async def test_the_answer_tells_the_next_price_to_whoever_asks(store_url, tmp_path, line, said):
    async with metered(answering(), tmp_path, store_url, POLICY, at=DECEMBER) as here:
        answers = [await call(here.app, line, *headers) for headers in ((ASKED,), (ASKED,), ())]

    assert [answer.headers.get("x-credits-next") for answer in answers] == [said, said, None]
    assert {answer.status for answer in answers} == {200}


async def test_a_price_that_is_in_force_is_no_longer_told(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, POLICY, at=JANUARY) as here:
        answer = await call(here.app, "GET /v1/item", ASKED)

    assert (answer.consumed, answer.headers.get("x-credits-next")) == ("8.5", None)


async def test_an_upstream_does_not_tell_the_next_price_in_our_name(store_url, tmp_path):
    app = answering(b"{}", (b"x-credits-next", b"credits=0"))
    async with metered(app, tmp_path, store_url, POLICY, at=JANUARY) as here:
        answer = await call(here.app, "GET /v1/item", ASKED)

    assert answer.headers.get("x-credits-next") is None


@pytest.mark.parametrize(
    ("value", "wanted"), [(b"next", True), (b" NEXT ", True), (b"", False), (b"next, more", False), (b"last", False)]
)
def test_only_the_word_that_is_known_asks_for_it(value, wanted):
    assert wants_next([(b"credits-preview", value)]) is wanted
