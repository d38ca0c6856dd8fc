"""A stream ends in its own format, and no client takes a part of an event for the whole."""

import json

import pytest
from hypothesis import given

from meter.credits import parse
from meter.gateway.endings import Cut, Endings
from meter.gateway.events import StreamReader
from meter.gateway.figures import Figures
from meter.gateway.wire import members
from tests.gateway.test_events import LINES, RECORDS, SSE, STREAMS, lines, records, sse_events

FIGURES = Figures(
    consumed=parse("5.5"), remaining=parse("0"), granted=parse("50000"), reset_at=1796083200, now=1795341600
)
ENDINGS = Endings(problems_url="https://api.example/problems")
COST = b": credits {" + members(FIGURES) + b"}\n"
PROBLEM = {
    "type": "https://api.example/problems/insufficient-credits",
    "title": "Insufficient credits",
    "detail": "The stream was ended here: the credits that remain do not pay for more of it.",
    "code": "insufficient_credits",
    "credits_consumed": 5.5,
    "credits_remaining": 0,
    "credits_reset_at": "2026-12-01T00:00:00Z",
    "retryable": False,
}


def told(content_type: str, stream: bytes) -> bytes:
    """A stream that came to its end, with what is said there."""
    reader = StreamReader.of(content_type, ())
    reader.feed(stream)
    return stream + ENDINGS.told(reader.format, reader.standing, FIGURES)


def cut(content_type: str, stream: bytes, why: Cut = Cut.SHORT, *, last_line: bool = True) -> bytes:
    """A stream that was cut, with what is said there."""
    reader = StreamReader.of(content_type, ())
    reader.feed(stream)
    return stream + ENDINGS.cut(reader.format, reader.standing, FIGURES, why, last_line=last_line)


@pytest.mark.parametrize(
    ("stream", "end"),
    [
        pytest.param(b"data: a\n\n", COST + b"\n", id="after-an-event"),
        pytest.param(b"data: a\r\r", COST + b"\n", id="after-a-carriage-return"),
        pytest.param(b"", COST + b"\n", id="of-an-empty-stream"),
        pytest.param(b"data: a\n\ndata: b\n", COST, id="in-an-event"),
        pytest.param(b"data: a\n\ndata: b", b"\n" + COST, id="in-a-line"),
        pytest.param(b"data: a\n\n: b", b"\n" + COST + b"\n", id="in-a-comment"),
    ],
)
def test_a_stream_of_events_tells_its_cost_in_a_comment(stream: bytes, end: bytes):
    assert told(SSE, stream) == stream + end


@given(STREAMS)
def test_a_client_is_given_the_same_events_with_the_cost_as_without(stream: bytes):
    assert sse_events(told(SSE, stream)) == sse_events(stream)


@pytest.mark.parametrize("content_type", [LINES, RECORDS, "text/plain", "application/json"])
def test_other_bodies_have_no_place_for_the_cost(content_type: str):
    assert told(content_type, b"1\n") == b"1\n"


@pytest.mark.parametrize("stream", [b"data: a\n\n", b"data: a\r\r", b"data: a\n\n: pi", b"data: a\n\n: ping\n"])
def test_a_stream_of_events_that_is_cut_between_two_ends_with_an_error(stream: bytes):
    ended = cut(SSE, stream)

    *_, comment, event, rest = ended.split(b"\n\n")
    assert comment.endswith(COST.rstrip())
    assert event.startswith(b"event: error\ndata: {")
    assert json.loads(sse_events(ended)[-1]) == PROBLEM
    assert rest == b""


@given(STREAMS)
def test_a_client_of_a_cut_stream_is_given_what_was_whole_and_at_most_an_error(stream: bytes):
    before, after = sse_events(stream), sse_events(cut(SSE, stream))

    assert after[: len(before)] == before
    assert [json.loads(event) for event in after[len(before) :]] in ([], [PROBLEM])


@pytest.mark.parametrize("stream", [b"data: a\n\ndata: half", b"data: a\n\ndata: half\n"])
def test_half_an_event_is_never_made_a_whole(stream: bytes):
    ended = cut(SSE, stream)

    assert sse_events(ended) == [b"a"]
    assert b"\n: error {" in ended
    assert b'"code":"insufficient_credits"' in ended


@pytest.mark.parametrize("stream", [b"1\n", b"1\n2", b"", b"1\n\n"])
def test_lines_that_are_cut_get_a_last_one_where_the_policy_wants_it(stream: bytes):
    ended = cut(LINES, stream)

    assert lines(ended)[: len(lines(stream))] == lines(stream)
    assert json.loads(lines(ended)[-1]) == {"error": PROBLEM}
    assert cut(LINES, stream, last_line=False) == stream


@pytest.mark.parametrize("stream", [b"\x1e1\n", b"\x1e1\n\x1e2"])
def test_records_that_are_cut_get_a_last_one_where_the_policy_wants_it(stream: bytes):
    assert json.loads(records(cut(RECORDS, stream) + b"\x1e")[-1]) == {"error": PROBLEM}
    assert cut(RECORDS, stream, last_line=False) == stream


@given(STREAMS)
def test_other_bodies_that_are_cut_just_end(stream: bytes):
    assert cut("application/octet-stream", stream) == stream


@pytest.mark.parametrize(
    ("why", "title", "retryable"),
    [
        (Cut.SHORT, "Insufficient credits", False),
        (Cut.CEILING, "Ceiling reached", False),
        (Cut.UNAVAILABLE, "Ledger unavailable", True),
    ],
)
def test_each_reason_has_its_problem(why: Cut, title: str, retryable: bool):
    problem = json.loads(sse_events(cut(SSE, b"", why))[-1])

    assert (problem["code"], problem["title"], problem["retryable"]) == (why.value, title, retryable)
    assert problem["type"].endswith(f"/problems/{why.value.replace('_', '-')}")
