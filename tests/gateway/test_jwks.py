"""An issuer's keys: read when they are needed, kept, and read again once a minute at most."""

import asyncio
import json

import pytest

from meter.gateway.jwks import (
    AGAIN_SECONDS,
    BYTES_MAX,
    FRESH_SECONDS,
    KEPT_SECONDS,
    READ_SECONDS_MAX,
    RETRY_SECONDS,
    KeySet,
    KeysUnavailable,
    fetch_of,
    signing_keys,
)
from tests.support.issuer import document, key_set, publishing

ONE, TWO = {"kid": "one", "kty": "EC"}, {"kid": "two", "kty": "EC"}


class Issuer:
    """Keys that a test can change, and a clock that it can move."""

    def __init__(self, *keys):
        self.keys, self.down, self.asked, self.now = keys, False, 0, 1000.0
        self.set = KeySet(self.fetch, lambda: self.now)

    async def fetch(self):
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise KeysUnavailable("The issuer is down.")
        return key_set(*self.keys)


async def test_keys_are_read_once_however_many_ask_at_once():
    issuer = Issuer(ONE)
    found = await asyncio.gather(*(issuer.set.named("one") for _ in range(100)))

    assert (found, issuer.asked) == ([[ONE]] * 100, 1)


async def test_a_new_key_is_found_and_made_up_ones_cause_one_reading_a_minute():
    issuer = Issuer(ONE)
    await issuer.set.named("one")
    issuer.keys = (ONE, TWO)
    issuer.now += AGAIN_SECONDS - 1
    early = await issuer.set.named("two")
    issuer.now += 1
    found = [await issuer.set.named(name) for name in ("two", *(f"made up {n}" for n in range(50)))]

    assert (early, found[0], issuer.asked) == ([], [TWO], 2)
    assert not any(found[1:])


async def test_a_withdrawn_key_is_believed_no_longer_than_keys_are_fresh():
    issuer = Issuer(ONE, TWO)
    await issuer.set.named("two")
    issuer.keys = (ONE,)
    issuer.now += FRESH_SECONDS
    before = await issuer.set.named("two")
    issuer.now += 1

    assert (before, await issuer.set.named("two")) == ([TWO], [])


async def test_known_keys_outlive_an_issuer_that_is_down_for_a_while():
    issuer = Issuer(ONE)
    await issuer.set.named("one")
    issuer.down = True
    issuer.now += KEPT_SECONDS

    assert await issuer.set.named("one") == [ONE]
    with pytest.raises(KeysUnavailable):
        await issuer.set.named("two")
    issuer.now += 1
    with pytest.raises(KeysUnavailable):
        await issuer.set.named("one")


async def test_an_issuer_that_was_never_there_is_asked_again_after_a_second():
    issuer = Issuer(ONE)
    issuer.down = True
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            await issuer.set.named("one")
    issuer.down = False
    issuer.now += RETRY_SECONDS

    assert (await issuer.set.named("one"), issuer.asked) == ([ONE], 2)


async def test_one_who_leaves_does_not_end_the_reading_of_the_others():
    issuer = Issuer(ONE)
    leaving, staying = (asyncio.create_task(issuer.set.named("one")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()

    assert await staying == [ONE]


async def test_a_token_without_a_keys_name_means_the_only_key():
    assert await Issuer(ONE).set.named(None) == [ONE]
    assert not await Issuer(ONE, TWO).set.named(None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"not JSON", id="not JSON"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"keys": {}}', id="no list of keys"),
        pytest.param(b'{"keys": []}', id="no key"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(key_set(ONE | {"use": "enc"}), id="keys that encrypt"),
        pytest.param(key_set(ONE | {"key_ops": ["encrypt"]}), id="keys with other operations"),
    ],
)
def test_what_is_no_key_set_is_none(text):
    with pytest.raises(KeysUnavailable):
        signing_keys(text)


async def test_keys_are_read_from_a_file_beside_the_policy(tmp_path):
    (tmp_path / "jwks.json").write_bytes(key_set(ONE))

    assert json.loads(await fetch_of("jwks.json", tmp_path)()) == {"keys": [ONE]}


async def test_keys_are_read_from_a_url(tmp_path):
    async with publishing(key_set(ONE)) as place:
        assert signing_keys(await fetch_of(place.url, tmp_path)()) == [ONE]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(document(b"", "404 Not Found"), "it answers 404", id="missing"),
        pytest.param(document(b"", "302 Found\r\nLocation: /other"), "it answers 302", id="elsewhere"),
        pytest.param(document(b" " * (BYTES_MAX + 1)), "longer than 262144 bytes", id="too long"),
        pytest.param(b"nonsense\r\n\r\n", "can't be read", id="not HTTP"),
    ],
)
async def test_an_answer_that_has_no_keys_is_said(answer, said, tmp_path):
    async with publishing(b"") as place:
        place.answer = answer
        with pytest.raises(KeysUnavailable, match=said):
            await fetch_of(place.url, tmp_path)()


async def test_a_url_that_does_not_answer_is_waited_for_a_moment_only(tmp_path):
    async with publishing(b"") as place:
        place.held.clear()
        began = asyncio.get_running_loop().time()
        with pytest.raises(KeysUnavailable):
            await fetch_of(place.url, tmp_path)()
        took = asyncio.get_running_loop().time() - began
        place.held.set()

    assert took < READ_SECONDS_MAX + 3


@pytest.mark.parametrize("name", ["missing.json", "."], ids=["missing", "a folder"])
async def test_a_file_that_can_not_be_read_is_said(name, tmp_path):
    with pytest.raises(KeysUnavailable, match=rf"The keys of tokens can't be read from {name}"):
        await fetch_of(name, tmp_path)()
