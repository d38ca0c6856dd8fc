"""The wrapped send of one call: what is held, what passes, and what is told."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from meter.credits import parse
from meter.gateway.asgi import Message
from meter.gateway.figures import Figures
from meter.gateway.splice import splice
from meter.gateway.wire import members
from meter.gateway.writer import AnswerWriter, HeldBytes, HoldLimits, WriterParts
from meter.policy.model import Meta

FIGURES = Figures(
    consumed=parse("5"), remaining=parse("17550"), granted=parse("50000"), reset_at=1796083200, now=1795341600
)
JSON = (b"content-type", b"application/json")
NEVER = 3600.0


class Call:
    """One call with a writer, and all that came out of it."""

    def __init__(
        self,
        *,
        method: str = "GET",
        meta: Meta = Meta.BODY,
        figures: Figures | None = FIGURES,
        limits: HoldLimits | None = None,
        held: HeldBytes | None = None,
    ) -> None:
        self.sent: list[Message] = []
        self.closed: list[int] = []
        self.changed = asyncio.Event()
        self._figures = figures
        self.held = held or HeldBytes()
        parts = WriterParts(limits=limits or HoldLimits(seconds=NEVER), held=self.held)
        scope = {"type": "http", "method": method}
        self.writer = AnswerWriter(self._send, scope, meta=meta, telling=self, parts=parts)

    async def _send(self, message: Message) -> None:
        self.sent.append(dict(message))
        self.changed.set()

    async def at_head(self, status: int) -> Figures | None:
        assert not self.sent, "what is told in the head is known before it leaves"
        self.closed.append(status)
        return self._figures

    async def at_end(self, status: int) -> Figures | None:
        if not self.sent:
            self.closed.append(status)
        return self._figures

    async def start(self, *headers: tuple[bytes, bytes], status: int = 200, **more: Any) -> None:
        await self.writer({"type": "http.response.start", "status": status, "headers": list(headers), **more})

    async def body(self, body: bytes = b"", *, more: bool = False) -> None:
        await self.writer({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, body: bytes, *headers: tuple[bytes, bytes], status: int = 200) -> None:
        await self.start(*headers, status=status)
        await self.body(body)
        await self.writer.finish()

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def received(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def is_told(call: Call) -> bool:
    return call.headers.get(b"x-credits-consumed") == b"5"


async def test_a_json_object_tells_what_the_call_cost():
    call = Call()

    await call.answer(b'{"a": 1.0}', JSON, (b"content-length", b"10"), (b"etag", b'"x"'))

    assert call.received == splice(b'{"a": 1.0}', members(FIGURES))
    assert call.headers[b"content-length"] == b"%d" % len(call.received)
    assert call.headers[b"etag"] == b'W/"x"'
    assert is_told(call)
    assert call.closed == [200]


async def test_a_problem_tells_it_at_its_root():
    call = Call()

    await call.answer(b'{"status":400}', (b"content-type", b"application/problem+json"), status=400)

    assert json.loads(call.received)["credits_consumed"] == 5


async def test_graphql_tells_it_in_its_extensions():
    call = Call()

    await call.answer(b'{"data":null}', (b"content-type", b"application/graphql-response+json; charset=utf-8"))

    assert json.loads(call.received)["extensions"]["credits"]["credits_consumed"] == 5


@pytest.mark.parametrize(
    "content_type",
    [b"application/json; charset=utf-8", b"APPLICATION/JSON", b"application/vnd.api+json", b"application/hal+json"],
)
async def test_every_kind_of_json_gets_meta(content_type: bytes):
    call = Call()

    await call.answer(b'{"a":1}', (b"Content-Type", content_type))

    assert json.loads(call.received)["meta"]["credits_remaining"] == 17550


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        pytest.param([(b"content-type", b"text/plain")], 200, b'{"a":1}', id="not-json"),
        pytest.param([], 200, b'{"a":1}', id="no-type"),
        pytest.param([(b"content-type", b"application/json-seq")], 200, b'{"a":1}', id="a-sequence"),
        pytest.param([JSON], 200, b"[1]", id="an-array"),
        pytest.param([JSON], 200, b' "meta"', id="a-string"),
        pytest.param([JSON], 200, b'{"a":}', id="invalid"),
        pytest.param([JSON], 200, b'{"meta":[]}', id="meta-is-no-object"),
        pytest.param([JSON], 200, b"", id="empty"),
        pytest.param([JSON, (b"content-encoding", b"gzip")], 200, b'{"a":1}', id="encoded"),
        pytest.param([JSON, (b"Cache-Control", b"max-age=1, No-Transform")], 200, b'{"a":1}', id="no-transform"),
        pytest.param([JSON, (b"content-range", b"bytes 0-6/9")], 200, b'{"a":1}', id="a-range"),
        pytest.param([JSON, (b"trailer", b"digest")], 200, b'{"a":1}', id="announced-trailers"),
        pytest.param([JSON, (b"content-length", b"8")], 200, b'{"a":1}', id="shorter-than-it-says"),
        pytest.param([JSON, (b"content-length", b"x")], 200, b'{"a":1}', id="a-length-that-is-none"),
        pytest.param([JSON, (b"content-length", b"9" * 5000)], 200, b'{"a":1}', id="an-endless-length"),
        pytest.param([JSON], 204, b"", id="204"),
        pytest.param([JSON], 205, b"", id="205"),
        pytest.param([JSON], 206, b'{"a":1}', id="206"),
        pytest.param([JSON], 101, b'{"a":1}', id="1xx"),
    ],
)
async def test_what_cannot_tell_in_its_body_tells_in_its_headers(
    headers: Sequence[tuple[bytes, bytes]], status: int, body: bytes
):
    call = Call()

    await call.answer(body, *headers, status=status)

    assert call.received == body
    assert is_told(call)
    assert call.headers.get(b"content-length") == dict(headers).get(b"content-length")
    assert call.closed == [status]


async def test_an_answer_of_headers_alone_is_passed_piece_by_piece():
    call = Call(meta=Meta.HEADERS)

    await call.start(JSON)
    await call.body(b'{"a":', more=True)

    assert [message["type"] for message in call.sent] == ["http.response.start", "http.response.body"]
    assert is_told(call)


async def test_a_stream_is_never_held():
    call = Call()

    await call.start((b"content-type", b"text/event-stream"))

    assert call.writer.begun
    assert is_told(call)


async def test_nothing_is_told_where_there_is_nothing_to_tell():
    call = Call(figures=None)

    await call.answer(b'{"a":1}', JSON, (b"etag", b'"x"'), (b"x-credits-consumed", b"forged"))

    assert call.received == b'{"a":1}'
    assert call.headers == {b"content-type": b"application/json", b"etag": b'"x"'}


async def test_a_head_that_tells_nothing_is_left_alone():
    call = Call(method="HEAD", figures=None)

    await call.answer(b"", JSON, (b"content-length", b"7"))

    assert call.headers[b"content-length"] == b"7"


async def test_head_never_promises_a_length_that_get_would_not_have():
    call = Call(method="HEAD")

    await call.answer(b"", JSON, (b"content-length", b"7"), (b"etag", b'"x"'))

    assert b"content-length" not in call.headers
    assert call.headers[b"etag"] == b'W/"x"'
    assert is_told(call)


async def test_head_of_what_we_do_not_change_keeps_its_length():
    call = Call(method="HEAD")

    await call.answer(b"", (b"content-type", b"text/plain"), (b"content-length", b"7"))

    assert call.headers[b"content-length"] == b"7"


async def test_not_modified_names_the_entity_as_the_full_answer_did():
    call = Call()

    await call.answer(b"", (b"etag", b'"x"'), status=304)

    assert call.headers[b"etag"] == b'W/"x"'


async def test_not_modified_is_left_alone_where_bodies_are():
    call = Call(meta=Meta.HEADERS)

    await call.answer(b"", (b"etag", b'"x"'), status=304)

    assert call.headers[b"etag"] == b'"x"'


async def test_a_body_in_pieces_is_held_to_its_end():
    call = Call()

    await call.start(JSON)
    for piece in (b" ", b"", b'{"a"', b":1"):
        await call.body(piece, more=True)
    assert not call.sent
    await call.body(b"}")
    await call.writer.finish()

    assert call.received == splice(b' {"a":1}', members(FIGURES))
    assert call.held.take(64 * 1024 * 1024), "all that was held is given back"


async def test_white_space_before_an_array_is_let_out_with_it():
    call = Call()

    await call.start(JSON)
    await call.body(b"\n", more=True)
    await call.body(b"[", more=True)

    assert call.received == b"\n["


async def test_a_body_that_grows_beyond_the_limit_goes_out_as_it_came():
    call = Call(limits=HoldLimits(body_bytes=10, seconds=NEVER))

    await call.start(JSON)
    await call.body(b'{"a":"xxxx', more=True)
    assert not call.sent
    await call.body(b"y", more=True)
    await call.body(b'"}')
    await call.writer.finish()

    assert [message.get("body") for message in call.sent[1:]] == [b'{"a":"xxxx', b"y", b'"}']
    assert is_told(call)
    assert call.closed == [200]


async def test_a_body_that_declares_to_be_too_long_is_not_held_at_all():
    call = Call(limits=HoldLimits(body_bytes=10, seconds=NEVER))

    await call.start(JSON, (b"content-length", b"11"))

    assert call.writer.begun


async def test_all_calls_of_a_worker_hold_back_no_more_than_their_share():
    held = HeldBytes(10)
    first, second = Call(held=held), Call(held=held)

    for call in (first, second):
        await call.start(JSON)
        await call.body(b'{"a":1', more=True)

    assert (first.received, second.received) == (b"", b'{"a":1')


async def test_what_a_failed_call_held_is_free_for_others():
    held = HeldBytes(10)
    call = Call(held=held)
    await call.start(JSON)
    await call.body(b'{"a":1', more=True)

    await call.writer.abandon()

    assert held.take(10)


async def test_a_slow_body_goes_out_when_its_time_is_over():
    call = Call(limits=HoldLimits(seconds=0.01))
    await call.start(JSON)
    await call.body(b'{"a":', more=True)

    await asyncio.wait_for(call.changed.wait(), 5)
    await call.body(b"1}")
    await call.writer.finish()

    assert call.received == b'{"a":1}'
    assert is_told(call)
    assert call.closed == [200]


async def test_a_body_that_ends_in_time_is_told_once():
    call = Call(limits=HoldLimits(seconds=0.01))
    await call.start(JSON)
    await call.body(b'{"a":', more=True)
    await call.body(b"1}")

    await call.writer.finish()

    assert call.received == splice(b'{"a":1}', members(FIGURES))
    assert len(asyncio.all_tasks()) == 1


async def test_the_next_piece_waits_for_what_is_being_let_out():
    """The client reads slowly: the timer's flush stands in ``send`` when the app sends on."""
    reads, stuck = asyncio.Event(), asyncio.Event()
    call = Call(limits=HoldLimits(seconds=0.01))
    passed = call.writer._send

    async def slow(message: Message) -> None:
        if message["type"] == "http.response.start":
            stuck.set()
            await reads.wait()
        await passed(message)

    call.writer._send = slow
    await call.start(JSON)
    await call.body(b'{"a":', more=True)
    await asyncio.wait_for(stuck.wait(), 5)

    async def read() -> None:
        reads.set()

    await asyncio.gather(call.body(b"1}"), read())
    await call.writer.finish()

    assert [message.get("body") for message in call.sent] == [None, b'{"a":', b"1}"]


async def test_a_failure_of_the_timer_is_not_lost():
    call = Call(limits=HoldLimits(seconds=0.01))
    failed = asyncio.Event()

    async def gone(_: Message) -> None:
        failed.set()
        raise OSError("the client is gone")

    call.writer._send = gone
    await call.start(JSON)
    await call.body(b'{"a":', more=True)
    await asyncio.wait_for(failed.wait(), 5)

    with pytest.raises(OSError, match="the client is gone"):
        await call.writer.finish()


async def test_an_app_that_fails_while_all_is_held_has_not_begun_to_answer():
    call = Call()
    await call.start(JSON)
    await call.body(b'{"a":', more=True)

    await call.writer.abandon()

    assert not call.writer.begun
    assert (call.sent, call.closed) == ([], [])
    assert len(asyncio.all_tasks()) == 1


async def test_an_app_that_never_ends_its_answer_shows_what_it_sent():
    call = Call()
    await call.start(JSON)
    await call.body(b'{"a":', more=True)

    await call.writer.finish()

    assert [message.get("more_body") for message in call.sent] == [None, True]
    assert call.received == b'{"a":'


async def test_an_app_that_sends_nothing_is_not_closed_here():
    call = Call()

    await call.writer.finish()

    assert (call.sent, call.closed, call.writer.begun) == ([], [], False)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"type": "http.response.pathsend", "path": "/srv/a.json"}, id="a-path"),
        pytest.param({"type": "http.response.zerocopysend", "file": 3}, id="a-file"),
        pytest.param({"type": "http.response.unheard-of"}, id="whatever-comes"),
    ],
)
async def test_a_body_that_does_not_pass_here_is_told_in_its_headers(message: Message):
    call = Call()

    await call.start(JSON, (b"content-length", b"7"))
    await call.writer(message)

    assert call.sent[1:] == [message]
    assert is_told(call)
    assert call.headers[b"content-length"] == b"7"


@pytest.mark.parametrize("kind", ["http.response.early_hint", "http.response.debug"])
async def test_what_comes_before_the_head_passes_before_it(kind: str):
    call = Call()

    await call.writer({"type": kind})

    assert call.sent == [{"type": kind}]
    assert not call.writer.begun


async def test_an_answer_with_trailers_is_not_held():
    call = Call()

    await call.start(JSON, trailers=True)
    await call.body(b'{"a":1}')
    await call.writer({"type": "http.response.trailers", "headers": [(b"x", b"1")], "more_trailers": False})

    assert [message["type"] for message in call.sent][1:] == ["http.response.body", "http.response.trailers"]
    assert call.received == b'{"a":1}'


async def test_a_second_head_is_the_servers_to_refuse():
    call = Call()

    await call.start(JSON)
    await call.start(JSON)

    assert [message["type"] for message in call.sent] == ["http.response.start"] * 2
    assert call.closed == [200]
