"""Pointers into a text that streams past find what a parser finds in the whole of it."""

import json
import tracemalloc
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.gateway.json_pointer import PointerReader
from tests.support.json_texts import Number, broken, cuttings, prefixes, texts

SUITE = sorted((Path(__file__).parent.parent / "json-test-suite").glob("*.json"))
NAMES = ("usage", "tokens", "a/b", "m~n", "0", "1", "é", "😀", 'q"', "", "us")
POINTERS = (
    "/usage/tokens", "/usage", "/tokens", "/a~1b/m~0n", "/usage/0/tokens", "/0", "/1/1", "/0/tokens/0", "/é", "/😀/",
    '/q"', "/", "/usage/é",
)  # fmt: skip
TOKENS = "/usage/total_tokens"


def read(pieces: list[bytes], *pointers: str) -> PointerReader:
    reader = PointerReader(pointers)
    for piece in pieces:
        reader.feed(piece)
    return reader


def found(text: bytes, pointer: str = TOKENS) -> Fraction | None:
    return read([text], pointer).found[pointer]


def escaped(name: str) -> bytes:
    return "".join(f"\\u{ord(character):04x}" for character in name).encode()


def expected(text: bytes, pointer: str) -> Fraction | None:
    """What stands at a pointer, the plain way."""
    value = json.loads(text, parse_int=Number, parse_float=Number)
    for name in (token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name in {str(index) for index in range(len(value))}:
            value = value[int(name)]
        else:
            return None
    if not isinstance(value, Number) or value.startswith("-") or len(value) > 32:
        return None
    exact = Fraction(value)
    return exact if exact < 10**15 else None


@given(cuttings(texts(NAMES)), st.lists(st.sampled_from(POINTERS), min_size=1, max_size=4, unique=True))
def test_any_pieces_of_a_text_give_what_a_parser_finds_in_the_whole(pieces: list[bytes], pointers: list[str]):
    text = b"".join(pieces)
    reader = read(pieces, *pointers)

    assert reader.found == {pointer: expected(text, pointer) for pointer in pointers}
    assert reader.valid


@given(cuttings(broken(texts(NAMES))), st.lists(st.sampled_from(POINTERS), min_size=1, max_size=4, unique=True))
def test_after_each_piece_the_reader_knows_what_it_would_know_from_one_piece(pieces: list[bytes], pointers: list[str]):
    reader = PointerReader(tuple(pointers))
    for piece, passed in zip(pieces, prefixes(pieces), strict=True):
        reader.feed(piece)
        whole = read([passed], *pointers)

        assert (reader.found, reader.valid) == (whole.found, whole.valid)


@given(cuttings(st.lists(st.sampled_from(b'[]{}"":,,\\\\ \n12a\xc3\xff'), max_size=30).map(bytes)))
def test_the_same_holds_for_bytes_that_mean_nothing(pieces: list[bytes]):
    one_by_one, whole = read(pieces, "/a/1", "/1"), read([b"".join(pieces)], "/a/1", "/1")

    assert (one_by_one.found, one_by_one.valid) == (whole.found, whole.valid)


@pytest.mark.parametrize("file", SUITE, ids=lambda file: file.stem)
def test_no_text_of_the_suite_disturbs_what_stands_before_it(file: Path):
    text = file.read_bytes()
    reader = read([b'{"usage":{"total_tokens":5},"more":', text, b"}"], TOKENS)

    assert reader.found == {TOKENS: Fraction(5)}
    assert reader.valid or file.stem[0] != "y"
    if file.stem.startswith("y"):
        assert read([b'{"more":', text, b',"usage":{"total_tokens":5}}'], TOKENS).found == {TOKENS: Fraction(5)}


@pytest.mark.parametrize(
    ("text", "units"),
    [
        pytest.param(b'{"usage":{"total_tokens":812}}', 812, id="a-whole-number"),
        pytest.param(b'{"usage":{"total_tokens":0.1}}', Fraction(1, 10), id="an-exact-decimal"),
        pytest.param(b'{"usage":{"total_tokens":8.12e2}}', 812, id="an-exponent"),
        pytest.param(b'{"usage":{"total_tokens":0.30000000000000004}}', Fraction("0.30000000000000004"), id="a-float"),
        pytest.param(b'{"usage":{"total_tokens":0}}', 0, id="zero"),
        pytest.param(b'{"usage":{"total_tokens":-1}}', None, id="negative"),
        pytest.param(b'{"usage":{"total_tokens":"812"}}', None, id="a-string"),
        pytest.param(b'{"usage":{"total_tokens":null}}', None, id="null"),
        pytest.param(b'{"usage":{"total_tokens":[812]}}', None, id="an-array"),
        pytest.param(b'{"usage":{"total_tokens":012}}', None, id="no-number-of-json"),
        pytest.param(b'{"usage":{"total_tokens":1e999999999}}', None, id="an-endless-exponent"),
        pytest.param(b'{"usage":{"total_tokens":%b}}' % (b"9" * 100_000), None, id="endless-digits"),
        pytest.param(b'{"usage":{"total_tokens":0.%b}}' % (b"1" * 31), None, id="a-digit-too-many"),
        pytest.param(b'{"usage":{"total_tokens":999999999999999}}', 999_999_999_999_999, id="the-most"),
        pytest.param(b'{"usage":{"total_tokens":1000000000000000}}', None, id="more-than-the-most"),
        pytest.param(b'{"usage":{"total_tokens":1,"total_tokens":2}}', 2, id="the-last-of-two"),
        pytest.param(b'{"usage":{"total_tokens":1},"usage":{"total_tokens":2}}', 2, id="the-last-of-two-parents"),
        pytest.param(b'{"usage":{"total_tokens":1},"usage":{}}', None, id="the-last-parent-has-none"),
        pytest.param(b'{"usage":{"total_tokens":1,"total_tokens":"x"}}', None, id="the-last-is-no-number"),
        pytest.param(rb'{"us\u0061ge":{"\u0074otal_tokens":3}}', 3, id="escaped-names"),
        pytest.param(b'{"%b":{"%b":3}}' % (escaped("usage"), escaped("total_tokens")), 3, id="names-of-escapes-alone"),
        pytest.param(rb'{"usage":{"a\\\"":"}","total_tokens":3}}', 3, id="quotes-and-brackets-in-strings"),
        pytest.param(b'{"a":[1],"b":"x","usage":{"total_tokens":3}}', 3, id="a-string-after-an-array"),
        pytest.param(b'{"x":{"usage":{"total_tokens":3}}}', None, id="deeper-than-it-should-be"),
        pytest.param(b'[{"usage":{"total_tokens":3}}]', None, id="in-an-array"),
        pytest.param(b'{"usage":[{"total_tokens":3}]}', None, id="an-array-on-the-way"),
        pytest.param(b'{"usage":{"total_tokens":3', None, id="cut-within-the-number"),
        pytest.param(b'{"usage":{"total_tokens":3,"a":"', 3, id="cut-after-it"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_one_number_is_found(text: bytes, units: Fraction | int | None):
    one_by_one = [text[at : at + 1] for at in range(len(text))]

    assert found(text) == units
    assert read(one_by_one, TOKENS).found[TOKENS] == units


def test_pointers_lead_into_arrays():
    text = b'{"choices":[{"x":1,"y":[0,{"z":2}]},{"x":3}],"last":4}'
    pointers = (
        "/choices/0/x",
        "/choices/0/y/1/z",
        "/choices/1/x",
        "/choices/2/x",
        "/choices/01/x",
        "/choices/-/x",
        "/last",
    )

    assert list(read([text], *pointers).found.values()) == [1, 2, 3, None, None, None, 4]


@pytest.mark.parametrize(
    "text",
    [
        b"{]", b"[}", b"[1}", b'{"a":1]', b"{,}", b"{1:2}", b'{"a" 1}', b'{"a":,}', b'{"a":1 2}', b'{"a":1}}',
        b'{"a":1}{', b"1 2", b":", b"]", b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_a_fault_on_the_way_is_noticed(text: bytes):
    assert not read([text], "/a", "/0").valid


def test_what_stands_before_a_fault_is_kept():
    assert found(b'{"usage":{"total_tokens":5}} and now something else {"usage":{"total_tokens":6}}') == 5


@pytest.mark.parametrize("pointer", ["", "usage", "usage/total"])
def test_what_is_no_pointer_to_a_part_is_refused(pointer: str):
    with pytest.raises(ValueError, match="is not a JSON pointer"):
        PointerReader((pointer,))


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        pytest.param(b'{"a":"', b"a" * 65536, id="a-long-string"),
        pytest.param(b'{"a":"', b"\\" * 65536, id="backslashes"),
        pytest.param(b'{"', b"a" * 65536, id="a-long-name"),
        pytest.param(b'{"usage":{"total_tokens":', b"9" * 65536, id="a-long-number"),
        pytest.param(b'{"a":', b"[" * 4096, id="brackets"),
        pytest.param(b'{"usage":', b'{"usage":' * 4096, id="nested-objects"),
        pytest.param(b"", b" " * 65536, id="white-space"),
    ],
)
def test_nothing_that_passes_piles_up(begin: bytes, more: bytes):
    reader = read([begin, more], TOKENS)
    tracemalloc.start()
    try:
        for _ in range(50):
            reader.feed(more)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 32768  # of 1.6 MB or more; what else runs in this process leaves some KiB
