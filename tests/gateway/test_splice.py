"""Members go into a JSON body, and every other byte stays as it was written."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.gateway.splice import EXTENSIONS, META, OURS, ROOT, splice

SUITE = sorted((Path(__file__).parent.parent / "json-test-suite").glob("*.json"))
MEMBERS = b'"credits_consumed":5,"credits_remaining":17550,"credits_reset_at":"2026-12-01T00:00:00Z"'
TOLD = b'"meta":{' + MEMBERS + b"}"


class Pairs(list):
    """An object as JSON wrote it: its members in order, duplicates too."""


def parsed(body: bytes) -> object:
    """Read JSON as RFC 8259 wants it, numbers as they are written; ``ValueError`` where it is none."""

    def refused(constant: str) -> None:
        raise ValueError(constant)

    text = body.decode()
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=refused, object_pairs_hook=Pairs)


def is_object(body: bytes) -> bool:
    try:
        return isinstance(parsed(body), Pairs)
    except (ValueError, RecursionError):
        return False


def suite_bodies() -> Iterator[object]:
    for file in SUITE:
        yield pytest.param(file.read_bytes(), id=file.stem)
        yield pytest.param(b'{"a":' + file.read_bytes() + b"}", id=f"{file.stem}-as-a-member")


def test_the_whole_suite_is_here():
    assert len(SUITE) == 318


@pytest.mark.parametrize("body", list(suite_bodies()))
def test_a_valid_object_gets_meta_and_keeps_every_other_byte(body: bytes):
    spliced = splice(body, MEMBERS)

    if not is_object(body):
        assert spliced is None
        return
    assert spliced is not None
    before, _, after = spliced.rpartition(TOLD)
    assert before.removesuffix(b",") + after == body
    assert parsed(spliced) == [*parsed(body), ("meta", Pairs(parsed(b"{" + MEMBERS + b"}")))]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"{}", b"{" + TOLD + b"}", id="an-empty-object-gets-no-comma"),
        pytest.param(b" {\n} \n", b" {\n" + TOLD + b"} \n", id="white-space-stays-where-it-was"),
        pytest.param(b'{"a":1e99999}', b'{"a":1e99999,' + TOLD + b"}", id="a-number-beyond-any-float"),
        pytest.param(b'{"a":"\\ud800"}', b'{"a":"\\ud800",' + TOLD + b"}", id="a-lone-surrogate-escape"),
        pytest.param(b'{"met\\uD861":0}', b'{"met\\uD861":0,' + TOLD + b"}", id="a-lone-surrogate-is-no-letter"),
        pytest.param(b'{"\\uDFAA":"x"}', b'{"\\uDFAA":"x",' + TOLD + b"}", id="a-lone-surrogate-in-a-name"),
        pytest.param(
            b'{"a":"}\\"meta\\":{"}', b'{"a":"}\\"meta\\":{",' + TOLD + b"}", id="meta-inside-a-string-is-text"
        ),
        pytest.param(b'{"a":{"meta":{}}}', b'{"a":{"meta":{}},' + TOLD + b"}", id="a-nested-meta-is-not-ours"),
        pytest.param(b'{"a":"meta"}', b'{"a":"meta",' + TOLD + b"}", id="a-value-meta-is-no-name"),
        pytest.param(b'{"Meta":{}}', b'{"Meta":{},' + TOLD + b"}", id="names-compare-with-case"),
        pytest.param(b'{"meta":{}}', b'{"meta":{' + MEMBERS + b"}}", id="an-empty-meta"),
        pytest.param(b'{"meta" : {"page":1} , "b":2}', b'{"meta" : {"page":1,' + MEMBERS + b'} , "b":2}', id="merged"),
        pytest.param(
            b'{"meta":{"a":1},"meta":{"b":2}}', b'{"meta":{"a":1},"meta":{"b":2,' + MEMBERS + b"}}", id="last-meta-wins"
        ),
        pytest.param(b'{"\\u006deta":{"a":1}}', b'{"\\u006deta":{"a":1,' + MEMBERS + b"}}", id="an-escaped-meta"),
        pytest.param(
            b'{"\\ud800":0,"meta":{"a":1}}',
            b'{"\\ud800":0,"meta":{"a":1,' + MEMBERS + b"}}",
            id="surrogate-beside-meta",
        ),
        pytest.param(
            b'{"meta":{"credits_consumed":9,"a":1}}',
            b'{"meta":{"a":1,' + MEMBERS + b"}}",
            id="our-name-goes-from-the-front",
        ),
        pytest.param(
            b'{"meta":{"a":1 , "credits_consumed" : [{"x":"}"}] }}',
            b'{"meta":{"a":1  ,' + MEMBERS + b"}}",
            id="our-name-goes-from-the-end",
        ),
        pytest.param(
            b'{"meta":{"a":1,"credits_remaining":2,"b":3}}',
            b'{"meta":{"a":1,"b":3,' + MEMBERS + b"}}",
            id="from-between",
        ),
        pytest.param(
            b'{"meta":{"credit\\u0073_consumed":1,"credits_consumed":2,"credits_reset_at":null}}',
            b'{"meta":{' + MEMBERS + b"}}",
            id="our-names-go-however-they-are-spelled",
        ),
        pytest.param(
            b'{"credits_consumed":9}', b'{"credits_consumed":9,' + TOLD + b"}", id="our-names-elsewhere-are-the-apps"
        ),
    ],
)
def test_meta_goes_into_the_root(body: bytes, expected: bytes):
    assert splice(body, MEMBERS) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[]", id="an-array"),
        pytest.param(b'"meta"', id="a-string"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"meta":null}', id="meta-is-null"),
        pytest.param(b'{"meta":[]}', id="meta-is-an-array"),
        pytest.param(b'{"meta":"{}"}', id="meta-is-a-string"),
        pytest.param(b'{"meta":{},"meta":1}', id="the-last-meta-counts"),
        pytest.param(b'{"a":1', id="cut-off"),
        pytest.param(b'{"a":1}}', id="a-brace-too-many"),
        pytest.param(b'{"a":1}{}', id="two-documents"),
        pytest.param(b'{"a":NaN}', id="nan"),
        pytest.param(b'{"a":01}', id="a-leading-zero"),
        pytest.param(b'{"a":"\x1f"}', id="a-control-character"),
        pytest.param(b'{"a":"\\x"}', id="an-unknown-escape"),
        pytest.param(b'{"a":"\\ud800","b":\\ud800}', id="an-escape-outside-a-string"),
        pytest.param(b'{"a":"\\ud8"}', id="half-a-surrogate-escape"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="a-byte-order-mark"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="a-surrogate-in-utf-8"),
        pytest.param(b'{"a":"\xc0\xaf"}', id="an-overlong-encoding"),
        pytest.param('{"a":1}'.encode("utf-16"), id="utf-16"),
        pytest.param(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deeper-than-we-read"),
    ],
)
def test_what_cannot_have_meta_is_left_alone(body: bytes):
    assert splice(body, MEMBERS) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'{"type":"x"}', b'{"type":"x",' + MEMBERS + b"}", id="beside-the-problem"),
        pytest.param(b"{}", b"{" + MEMBERS + b"}", id="an-empty-problem"),
        pytest.param(b'{"credits_consumed":0,"type":"x"}', b'{"type":"x",' + MEMBERS + b"}", id="ours-win"),
        pytest.param(b'{"meta":1}', b'{"meta":1,' + MEMBERS + b"}", id="meta-means-nothing-here"),
    ],
)
def test_a_problem_gets_its_members_at_the_root(body: bytes, expected: bytes):
    assert splice(body, MEMBERS, ROOT) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'{"data":{}}', b'{"data":{},"extensions":{"credits":{' + MEMBERS + b"}}}", id="both-are-made"),
        pytest.param(b'{"extensions":{}}', b'{"extensions":{"credits":{' + MEMBERS + b"}}}", id="the-inner-is-made"),
        pytest.param(
            b'{"extensions":{"cost":1}}', b'{"extensions":{"cost":1,"credits":{' + MEMBERS + b"}}}", id="beside-others"
        ),
        pytest.param(
            b'{"extensions":{"credits":{"a":[1]}}}',
            b'{"extensions":{"credits":{"a":[1],' + MEMBERS + b"}}}",
            id="merged-into-the-inner",
        ),
        pytest.param(b'{"extensions":null}', None, id="no-object-on-the-way"),
        pytest.param(b'{"extensions":{"credits":5}}', None, id="no-object-at-the-end"),
    ],
)
def test_graphql_gets_its_members_in_extensions(body: bytes, expected: bytes | None):
    assert splice(body, MEMBERS, EXTENSIONS) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            b'{"jsonrpc":"2.0","id":1,"result":{}}',
            b'{"jsonrpc":"2.0","id":1,"result":{"_meta":{"asgi-meter/credits":{' + MEMBERS + b"}}}}",
            id="an-empty-result",
        ),
        pytest.param(
            b'{"result":{"_meta":{"progress":1},"content":[]}, "jsonrpc" : "2.0" }',
            b'{"result":{"_meta":{"progress":1,"asgi-meter/credits":{'
            + MEMBERS
            + b'}},"content":[]}, "jsonrpc" : "2.0" }',
            id="beside-what-the-app-says-there",
        ),
        pytest.param(
            b'{"jsonrpc":"2.0","result":{"_meta":{"asgi-meter/credits":{"credits_consumed":9}}}}',
            b'{"jsonrpc":"2.0","result":{"_meta":{"asgi-meter/credits":{' + MEMBERS + b"}}}}",
            id="in-place-of-our-names",
        ),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32600}}', None, id="an-error"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"result":[1]}', None, id="a-result-that-is-no-object"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"result":{"_meta":null}}', None, id="a-meta-that-is-no-object"),
        pytest.param(b'{"jsonrpc":"2.0","method":"ping","meta":{}}', None, id="a-request"),
        pytest.param(b'{"jsonrpc":"2.0","result":{},"result":1}', None, id="the-last-result-counts"),
        pytest.param(b'{"jsonrpc":2.0}', b'{"jsonrpc":2.0,' + TOLD + b"}", id="another-version-is-another-thing"),
        pytest.param(
            b'{"a":{"jsonrpc":"2.0"}}', b'{"a":{"jsonrpc":"2.0"},' + TOLD + b"}", id="a-nested-message-is-the-apps"
        ),
    ],
)
def test_a_response_of_json_rpc_gets_its_members_in_its_result(body: bytes, expected: bytes | None):
    assert splice(body, MEMBERS) == expected


def test_a_problem_is_a_problem_whatever_it_says_of_json_rpc():
    body = b'{"jsonrpc":"2.0","result":{}}'

    assert splice(body, MEMBERS, ROOT) == body[:-1] + b"," + MEMBERS + b"}"


@pytest.mark.parametrize("depth", [8, 9, 10, 100, 500])
def test_a_value_is_stepped_over_however_deep_it_is(depth: int):
    nested = b'[{"]":"}"},' * depth + b"1" + b"]" * depth
    body = b'{"a":%b,"meta":{},"b":%b}' % (nested, nested)

    assert splice(body, MEMBERS) == b'{"a":%b,"meta":{%b},"b":%b}' % (nested, MEMBERS, nested)


NAMES = st.sampled_from(
    ["meta", "extensions", "credits", "credits_consumed", "credits_reset_at", "a", "é", 'm"\\eta', ""]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
)


def objects(inner: st.SearchStrategy[object]) -> st.SearchStrategy[Pairs]:
    return st.lists(st.tuples(NAMES, inner), max_size=4).map(Pairs)


VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=12)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """An object in JSON with duplicate names, escapes and white space wherever it may stand."""
    spaces = st.sampled_from(["", " ", "\n\t"])

    def written(value: object) -> str:
        if isinstance(value, Pairs):
            inner = ",".join(f"{space()}{name(key)}{space()}:{written(one)}" for key, one in value)
            shown = "{" + inner + space() + "}"
        elif isinstance(value, list):
            shown = "[" + ",".join(map(written, value)) + space() + "]"
        else:
            shown = json.dumps(value, ensure_ascii=draw(st.booleans()))
        return space() + shown + space()

    def space() -> str:
        return draw(spaces)

    def name(key: str) -> str:
        return '"' + "".join(f"\\u{ord(c):04x}" for c in key) + '"' if draw(st.booleans()) else json.dumps(key)

    return written(draw(objects(VALUES))).encode("utf-8", "surrogatepass")


def merged(value: object, path: tuple[str, ...]) -> Pairs | None:
    """What the members make of a parsed object, the plain way."""
    if not isinstance(value, Pairs):
        return None
    if not path:
        return Pairs([*(pair for pair in value if pair[0] not in OURS), *parsed(b"{" + MEMBERS + b"}")])
    places = [place for place, (name, _) in enumerate(value) if name == path[0]]
    inner = merged(value[places[-1]][1] if places else Pairs(), path[1:])
    if inner is None:
        return None
    place = places[-1] if places else len(value)
    return Pairs([*value[:place], (path[0], inner), *value[place + 1 :]])


@given(bodies(), st.sampled_from([META, ROOT, EXTENSIONS]))
def test_what_is_read_afterwards_is_what_was_there_plus_the_members(body: bytes, path: tuple[str, ...]):
    spliced = splice(body, MEMBERS, path)

    assert (None if spliced is None else parsed(spliced)) == (merged(parsed(body), path) if is_object(body) else None)


@given(bodies(), st.sampled_from([META, ROOT, EXTENSIONS]))
def test_to_splice_twice_is_to_splice_once(body: bytes, path: tuple[str, ...]):
    once = splice(body, MEMBERS, path)

    assert once is None or splice(once, MEMBERS, path) == once


@given(st.binary(max_size=12) | bodies().flatmap(lambda body: st.permutations(body).map(bytes)))
def test_nothing_is_spliced_into_what_is_no_object(body: bytes):
    assert (splice(body, MEMBERS) is None) or is_object(body)
