"""Events are counted, split and read as they pass, whatever pieces they come in."""

import json
import re
import tracemalloc
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.gateway.borders import Format, Standing, format_of
from meter.gateway.events import StreamReader
from tests.support.json_texts import cuttings, prefixes

TOKENS = "/usage/total_tokens"
SSE = "text/event-stream; charset=utf-8"
LINES = "application/x-ndjson"
RECORDS = "application/json-seq"
MAX = 40

Parser = Callable[[bytes], list[bytes]]


def sse_events(stream: bytes) -> list[bytes]:
    """The data of each event that a client is given, read as the standard tells it, over the whole stream."""
    events, data = [], []
    lines = re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf"))
    for line in lines[:-1]:
        if not line:
            if data:
                events.append(b"\n".join(data))
            data = []
            continue
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
    return events


def lines(stream: bytes) -> list[bytes]:
    return [line for line in stream.split(b"\n")[:-1] if line.strip(b" \t\r\n")]


def records(stream: bytes) -> list[bytes]:
    return [record for record in stream.split(b"\x1e")[:-1] if record.strip(b" \t\r\n")]


PARSERS: dict[str, Parser] = {SSE: sse_events, LINES: lines, RECORDS: records}
EVENT = b'{"usage":{"total_tokens":%d}}'
NUMBERS = st.integers(0, 999).map(lambda number: EVENT % number)
DATA = NUMBERS | st.sampled_from(
    [b"[DONE]", b"", b'{"usage":null}', b"x" * MAX, b"x" * (MAX + 1), b'{"a":"' + b"y" * 60]
)
BITS = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"data:", b"data: ", b"data", b"datas: x", b"event: a", b":",
     b": ping",     b"\xef\xbb\xbf", b"id", b" ", b"\x1e", b"\xc3", b"\\u"]
)  # fmt: skip
STREAMS = st.lists(BITS | DATA, max_size=14).map(b"".join)
TYPES = st.sampled_from([SSE, LINES, RECORDS])


def last(events: list[bytes]) -> Fraction | None:
    """The number in the last event that has one and is not too long; what follows a whole text is another matter."""
    found = None
    for event in events:
        try:
            text, _ = json.JSONDecoder().raw_decode(event.strip(b" \t\r\n").decode(errors="surrogateescape"))
            found = Fraction(text["usage"]["total_tokens"]) if len(event) <= MAX else found
        except (ValueError, TypeError, KeyError):
            continue
    return found


def reader_of(content_type: str, *pointers: str) -> StreamReader:
    return StreamReader.of(content_type, pointers or (TOKENS,), event_bytes_max=MAX)


@given(TYPES, cuttings(STREAMS))
def test_after_each_piece_the_events_are_those_of_a_client_that_got_so_much(content_type: str, pieces: list[bytes]):
    reader = reader_of(content_type)
    for piece, passed in zip(pieces, prefixes(pieces), strict=True):
        events = PARSERS[content_type](passed)

        assert reader.feed(piece) == reader.events == len(events)
        assert reader.found == {TOKENS: last(events)}


@given(TYPES, cuttings(STREAMS))
def test_a_stream_is_split_into_pieces_that_join_to_itself_and_end_where_an_event_ends(
    content_type: str, pieces: list[bytes]
):
    reader, passed = reader_of(content_type), b""
    for piece in pieces:
        parts = list(reader.split(piece))

        assert b"".join(part.data for part in parts) == piece
        assert all(part.data for part in parts)
        for number, part in enumerate(parts, 1):
            passed += part.data
            ended = len(PARSERS[content_type](passed + (b"\x1e" if content_type == RECORDS else b"")))
            begun = part.events - ended

            assert begun == 0 if number < len(parts) else begun in {0, 1}


@given(TYPES, cuttings(STREAMS), st.integers(0, 4))
def test_who_lets_through_the_pieces_that_are_covered_gives_no_event_too_many(
    content_type: str, pieces: list[bytes], covered: int
):
    reader, given_out = reader_of(content_type), b""
    parts = [part for piece in pieces for part in reader.split(piece)]
    for part in parts:
        if part.events > covered:
            break
        given_out += part.data
    stream = b"".join(pieces)
    reader.finish()

    end = {SSE: b"", LINES: b"\n", RECORDS: b"\x1e"}[content_type]
    assert len(PARSERS[content_type](given_out + end)) == min(covered, len(PARSERS[content_type](stream + end)))
    assert reader.events == len(PARSERS[content_type](stream + end))


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", 2, id="two"),
        pytest.param(b"data: a\r\rdata: b\r\r", 2, id="carriage-returns"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", 2, id="both"),
        pytest.param(b"data: a\r\ndata: b\r\n\r\n", 1, id="both-in-one-event"),
        pytest.param(b": ping\n\n:\n\ndata: a\n\n", 1, id="comments-and-keep-alives"),
        pytest.param(b"event: a\nid: 7\nretry: 3\n\n", 0, id="without-data"),
        pytest.param(b"data\n\ndata\ndata\n\ndata:", 2, id="the-standards-example-of-empty-data"),
        pytest.param(b"data: YHOO\ndata: +2\ndata: 10\n\n", 1, id="lines-of-one-event"),
        pytest.param(b"data: a\n\ndata: cut off\n", 1, id="cut-off"),
        pytest.param(b"data: [DONE]\n\n", 1, id="done"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", 1, id="a-byte-order-mark"),
        pytest.param(b"Data: a\n\n data: b\n\n", 0, id="other-fields"),
        pytest.param(b"\n\n\n\n", 0, id="blank-lines"),
    ],
)
def test_server_sent_events_are_those_that_a_client_is_given(stream: bytes, events: int):
    reader, one_by_one = reader_of(SSE), reader_of(SSE)
    reader.feed(stream)
    for at in range(len(stream)):
        one_by_one.feed(stream[at : at + 1])

    assert reader.finish() == one_by_one.finish() == events


@pytest.mark.parametrize(
    ("content_type", "stream", "events"),
    [
        pytest.param(LINES, b'{"a":1}\n\n \r\n{"a":2}\r\n{"a":3}', 3, id="lines"),
        pytest.param(LINES, b"1\n", 1, id="nothing-after-the-last-line"),
        pytest.param(LINES, b"1\n  ", 1, id="blanks-after-the-last-line"),
        pytest.param(RECORDS, b'\x1e{"a":\n1}\n\x1e\x1e2\n', 2, id="records-of-many-lines"),
        pytest.param("application/json", b'{"a":1}\n\n{"a":1}\n', 0, id="a-body-without-events"),
    ],
)
def test_texts_are_counted_without_the_blank_ones(content_type: str, stream: bytes, events: int):
    reader = reader_of(content_type)
    reader.feed(stream)

    assert reader.finish() == events


def test_a_chunk_is_split_where_its_events_end():
    parts = list(reader_of(SSE).split(b"data: a\n\n: ping\n\ndata: b\n\ndata: c"))

    assert [(part.data, part.events) for part in parts] == [
        (b"data: a\n\n", 1), (b": ping\n\ndata: b\n\n", 2), (b"data: c", 3),
    ]  # fmt: skip


def test_a_record_begins_with_its_separator():
    reader = reader_of(RECORDS)
    parts = [part for chunk in (b"\x1e1\n", b"\x1e2\n\x1e3") for part in reader.split(chunk)]

    assert [(part.data, part.events) for part in parts] == [(b"\x1e1\n", 1), (b"\x1e2\n", 2), (b"\x1e3", 3)]


def test_a_line_ends_with_its_separator():
    parts = list(reader_of(LINES).split(b"1\r\n\n2\n3"))

    assert [(part.data, part.events) for part in parts] == [(b"1\r\n", 1), (b"\n2\n", 2), (b"3", 3)]


def test_a_line_feed_that_comes_late_belongs_to_its_carriage_return():
    reader = reader_of(SSE)
    for chunk in (b"data: a\r", b"", b"\ndata: b\r", b"\n", b"\r", b"\n"):
        reader.feed(chunk)

    assert reader.events == 1


@pytest.mark.parametrize(("spaces", "units"), [(MAX - 28, 7), (MAX - 27, None)], ids=["fits", "a-byte-too-many"])
def test_data_is_read_up_to_its_limit_whatever_stands_before_it(spaces: int, units: int | None):
    reader = reader_of(SSE)
    for byte in b"\xef\xbb\xbfdata: " + EVENT % 7 + b" " * spaces + b"\n\n":
        reader.feed(bytes([byte]))

    assert reader.found == {TOKENS: units}


def test_blank_lines_take_no_room_from_the_next_text():
    reader = reader_of(LINES)
    reader.feed(b" " * MAX + b"\n" + EVENT % 7 + b"\n")

    assert reader.found == {TOKENS: 7}


def test_two_lines_of_data_do_not_make_one_number():
    reader = reader_of(SSE)
    reader.feed(b'data: {"usage":{"total_tokens":1\ndata: 2}}\n\n')

    assert reader.found != {TOKENS: 12}


def test_a_keep_alive_after_the_last_event_begins_no_other():
    parts = list(reader_of(SSE).split(b"data: a\n\n: ping"))

    assert [part.events for part in parts] == [1, 1]


def test_a_piece_is_read_when_it_is_asked_for():
    reader = reader_of(SSE)
    pieces = reader.split(b"data: %b\n\ndata: %b\n\n" % (EVENT % 5, EVENT % 7))
    next(pieces)

    assert reader.found[TOKENS] == 5


@pytest.mark.parametrize(
    ("event", "units"),
    [
        pytest.param(b'{"usage":{"total_tokens":7}}', 7, id="a-number"),
        pytest.param(rb'{"usage":{"\u0074otal_tokens":7}}', 7, id="an-escaped-name"),
        pytest.param(b'{"usage":null}', 5, id="none"),
        pytest.param(b'{"usage":{"total_tokens":null}}', 5, id="null"),
        pytest.param(b"[DONE]", 5, id="no-text"),
        pytest.param(b'{"usage":{"total_tokens":7},"aaaaaaaaaaaaaaaaa":1}', 5, id="too-long"),
    ],
)
@pytest.mark.parametrize("write", [b"data: %b\n\n", b"event: x\r\ndata:%b\r\n\r\n"])
def test_the_last_event_with_a_number_counts(event: bytes, units: int, write: bytes):
    reader = reader_of(SSE)
    reader.feed(write % (EVENT % 5) + write % event)

    assert reader.found == {TOKENS: units}
    assert reader.events == 2


def test_the_data_of_one_event_may_have_many_lines():
    reader = reader_of(SSE)
    reader.feed(b'data: {"usage":\ndata: {"total_tokens":\ndata: 7}}\n\n')

    assert reader.found == {TOKENS: 7}


@pytest.mark.parametrize(("pointer", "units"), [("/a~1b", 1), ('/q"', 2), ("/0", 3), ("/é", 4), ("/a/1", 5)])
def test_names_of_many_spellings_are_found_in_events(pointer: str, units: int):
    reader = StreamReader.of(LINES, (pointer,))
    reader.feed(rb'{"a\/b":1,"q\"":2,"0":3,"\u00e9":4,"a":[0,5]}' + b"\n")

    assert reader.found[pointer] == units


def test_a_body_without_events_is_read_as_one_text():
    reader = StreamReader.of("application/json", (TOKENS,))
    pieces = [piece for chunk in (b'{"usage":{"total_', b'tokens":7}}') for piece in reader.split(chunk)]

    assert [(piece.data, piece.events) for piece in pieces] == [(b'{"usage":{"total_', 0), (b'tokens":7}}', 0)]
    assert reader.found == {TOKENS: 7}


@pytest.mark.parametrize(
    ("content_type", "format_"),
    [
        ("text/event-stream", Format.SSE),
        ("Text/Event-Stream;charset=UTF-8", Format.SSE),
        ("application/jsonl", Format.LINES),
        ("application/x-ndjson; charset=utf-8", Format.LINES),
        ("application/json-seq", Format.RECORDS),
        ("application/geo+json-seq", Format.RECORDS),
        ("application/json", Format.WHOLE),
        ("text/event-streams", Format.WHOLE),
        ("", Format.WHOLE),
    ],
)
def test_the_media_type_names_the_format(content_type: str, format_: Format):
    assert format_of(content_type) is format_


@pytest.mark.parametrize(
    ("content_type", "passed", "standing"),
    [
        (SSE, b"", Standing.BETWEEN),
        (SSE, b"data: a\n\n", Standing.BETWEEN),
        (SSE, b"data: a\n\n: ping\n", Standing.BETWEEN),
        (SSE, b"data: a\r\n\r", Standing.BETWEEN),
        (SSE, b"data: a\n\n: pi", Standing.IN_A_COMMENT),
        (SSE, b"data: a\n: pi", Standing.IN_A_LINE),
        (SSE, b"data: a\n", Standing.WITHIN),
        (SSE, b"id: a\r", Standing.WITHIN),
        (SSE, b"data: a", Standing.IN_A_LINE),
        (LINES, b"1\n", Standing.BETWEEN),
        (LINES, b"1\n ", Standing.IN_A_LINE),
        (LINES, b"1", Standing.IN_A_LINE),
        ("text/plain", b"data: a", Standing.BETWEEN),
    ],
)
@pytest.mark.parametrize("pointers", [(), (TOKENS,)], ids=["read", "counted-alone"])
def test_a_reader_knows_where_its_stream_stands(
    content_type: str, passed: bytes, standing: Standing, pointers: tuple[str, ...]
):
    reader = StreamReader.of(content_type, pointers)
    reader.feed(passed)

    assert reader.standing is standing


@pytest.mark.parametrize("pointers", [(), (TOKENS,)], ids=["counted-alone", "read"])
@pytest.mark.parametrize(
    ("content_type", "begin", "more"),
    [
        pytest.param(SSE, b"data: ", b"a" * 4096, id="a-long-line"),
        pytest.param(SSE, b": ", b"a" * 4096, id="a-long-comment"),
        pytest.param(SSE, b"", b"data: aaaa\n" * 400, id="many-lines"),
        pytest.param(SSE, b"", b"data: aaaa\n\n" * 400, id="many-events"),
        pytest.param(LINES, b"1", b"1" * 4096, id="a-long-text"),
        pytest.param(LINES, b"", b" " * 4096, id="blanks"),
        pytest.param(RECORDS, b"\x1e", b"1" * 4096, id="a-long-record"),
    ],
)
def test_no_stream_piles_up(content_type: str, begin: bytes, more: bytes, pointers: tuple[str, ...]):
    reader = StreamReader.of(content_type, pointers, event_bytes_max=1000)
    reader.feed(begin + more)
    tracemalloc.start()
    try:
        for _ in range(50):
            reader.feed(more)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 8192
