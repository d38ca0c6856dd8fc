"""The one canonical form of a request target's path."""

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.pricing.target import path_of
from meter.pricing.verdict import Ambiguous

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/", id="the root"),
        pytest.param("/v1/images", id="plain"),
        pytest.param("/v1/images/", id="a slash at the end"),
        pytest.param("/.well-known/x..y/...", id="dots that are no dot segment"),
        pytest.param("/v1/a!$&'()*+,=:@b", id="all that a segment may hold unescaped"),
        pytest.param("/v1/a%40b.example", id="an escaped delimiter of one segment"),
        pytest.param("/v1/%C3%BC%20%E2%82%AC", id="escaped UTF-8 and a space"),
        pytest.param("/v1/100%25", id="an escaped percent sign"),
        pytest.param("/v1/C%23%3F", id="escaped number and question marks"),
    ],
)
def test_a_canonical_path_is_returned_as_it_was_written(target):
    found = path_of(target.encode())

    assert found == target


@pytest.mark.parametrize(
    ("target", "named"),
    [
        pytest.param(b"", "''", id="nothing"),
        pytest.param(b"*", "'*' does not begin with `/`", id="asterisk form"),
        pytest.param(b"http://h/v1", "'http://h/v1' does not begin", id="absolute form"),
        pytest.param(b"v1/x", "does not begin with `/`", id="relative"),
        pytest.param(b"/v1//x", "'//' is an empty segment", id="empty segment"),
        pytest.param(b"//", "'//' is an empty segment", id="two slashes"),
        pytest.param(b"/v1/x//", "'//' is an empty segment", id="two slashes at the end"),
        pytest.param(b"/v1/./x", "'/.' is a dot segment", id="dot"),
        pytest.param(b"/v1/y/../x", "'/..' is a dot segment", id="two dots"),
        pytest.param(b"/v1/..", "'/..' is a dot segment", id="two dots at the end"),
        pytest.param(b"/v1/%2e%2e/x", "'%2e' escapes a character", id="escaped dots"),
        pytest.param(b"/v1/%76ideos", "'%76' escapes a character", id="escaped letter"),
        pytest.param(b"/v1/%7E", "'%7E' escapes a character", id="escaped tilde"),
        pytest.param(b"/v1%2Fx", "'%2F' is an escaped separator", id="escaped slash"),
        pytest.param(b"/v1%5cx", "'%5c' is an escaped separator", id="escaped backslash"),
        pytest.param(b"/v1/x%3Ba", "'%3B' is an escaped separator", id="escaped semicolon"),
        pytest.param(b"/v1/x%00", "'%00' is an escaped control", id="NUL"),
        pytest.param(b"/v1/x%0A", "'%0A' is an escaped control", id="line feed"),
        pytest.param(b"/v1/x%7F", "'%7F' is an escaped control", id="DEL"),
        pytest.param(b"/v1/%c3%bc", "'%c3' is an escape in small letters", id="hex in small letters"),
        pytest.param(b"/v1/%zz", "'%zz' is no percent escape", id="no hex"),
        pytest.param(b"/v1/%", "'%' is no percent escape", id="a percent sign alone"),
        pytest.param(b"/v1/%u0076", "'%u0' is no percent escape", id="IIS escape"),
        pytest.param(b"/v1/%2576", "'%2576' is an escaped escape", id="escaped twice"),
        pytest.param(b"/v1/%C0%AF", "'%C0%AF' escapes bytes that are no UTF-8", id="overlong slash"),
        pytest.param(b"/v1/%FF", "'%FF' escapes bytes that are no UTF-8", id="no UTF-8"),
        pytest.param(b"/v1/x;a=1", "';' begins parameters", id="semicolon"),
        pytest.param(b"/v1\\x", "is a backslash", id="backslash"),
        pytest.param(b"/v1/x#y", "'#y' is a fragment", id="fragment"),
        pytest.param(b"/v1/x y", "' ' is a space", id="space"),
        pytest.param(b"/v1/\tx", "is a space or a control", id="tab"),
        pytest.param("/v1/ü".encode(), "is not ASCII", id="raw UTF-8"),
        pytest.param(b"/v1/{id}", "'{' must be percent-escaped", id="brace"),
        pytest.param(b"/v1/x?y", "'?' must be percent-escaped", id="a query left in the path"),
        pytest.param(b"/v1/" + b"a" * 60 + b"\xff" * 60, "…", id="long bytes are cut"),
    ],
)
def test_what_has_no_single_form_is_refused_with_the_bytes_that_are_wrong(target, named):
    found = path_of(target)

    assert isinstance(found, Ambiguous)
    assert named in found.reason


@pytest.mark.parametrize("byte", range(256))
def test_an_escape_passes_if_it_is_needed_and_separates_nothing(byte):
    needless = bytes([byte]) in [UNRESERVED[i : i + 1] for i in range(len(UNRESERVED))]
    separates = byte in b"/\\;" or byte < 0x20 or byte == 0x7F
    alone = byte < 0x80

    passes = path_of(b"/x%%%02X" % byte) == f"/x%{byte:02X}"

    assert passes == (alone and not needless and not separates)


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_characters="/\\;\x7f", exclude_categories=["Cs"])))
def test_text_that_is_escaped_as_little_as_possible_is_canonical_unless_it_holds_an_escape(text):
    target = "/x" + quote(text, safe="!$&'()*+,=:@")

    found = path_of(target.encode())

    assert found == target or "escaped escape" in found.reason


@given(st.lists(st.sampled_from([*b"/.%25aFc3#;\\~ \xc3{"]), max_size=12).map(lambda tail: b"/" + bytes(tail)))
def test_every_target_is_a_path_or_has_a_reason_and_decoding_a_path_makes_no_slash(target):
    found = path_of(target)

    if isinstance(found, Ambiguous):
        assert found.reason.endswith(".")
    else:
        assert unquote_to_bytes(found).count(b"/") == found.count("/")


def test_a_long_path_is_read_in_linear_time():
    target = b"/v1/" + b"a%20." * 200_000 + b"\xff"

    found = path_of(target)

    assert isinstance(found, Ambiguous)
