"""A request has one credential, or none, or is told what is wrong; a key is never repeated."""

import pytest

from meter.credits import Credits, parse
from meter.gateway.identity import (
    CreditsMaxError,
    IdempotencyKeyError,
    Malformed,
    Missing,
    Presented,
    credits_max,
    idempotency_key,
    presented,
)
from meter.policy.identity import IdentityRule

BOTH = IdentityRule()
Header = tuple[bytes, bytes]


@pytest.mark.parametrize(
    ("headers", "rule", "expected"),
    [
        pytest.param([(b"x-api-key", b"mk_1")], BOTH, Presented("mk_1"), id="by-header"),
        pytest.param([(b"x-api-key", b" mk_1\t")], BOTH, Presented("mk_1"), id="white-space-around-is-none-of-it"),
        pytest.param([(b"authorization", b"Bearer mk_1")], BOTH, Presented("mk_1"), id="by-bearer"),
        pytest.param([(b"authorization", b"BEARER  mk_1")], BOTH, Presented("mk_1"), id="a-scheme-has-no-case"),
        pytest.param(
            [(b"x-api-key", b"mk_1"), (b"authorization", b"Bearer mk_1")], BOTH, Presented("mk_1"), id="the-same-twice"
        ),
        pytest.param(
            [(b"x-api-key", b"mk_1"), (b"authorization", b"Basic dTpw")],
            BOTH,
            Presented("mk_1"),
            id="basic-is-the-apps",
        ),
        pytest.param(
            [(b"x-key", b"mk_1")],
            IdentityRule(header="X-Key", bearer=False),
            Presented("mk_1"),
            id="a-header-of-the-policy",
        ),
        pytest.param([], BOTH, Missing(), id="nothing"),
        pytest.param([(b"authorization", b"Basic dTpw")], BOTH, Missing(), id="basic-alone"),
        pytest.param([(b"authorization", b"Bearerx")], BOTH, Missing(), id="a-scheme-that-only-begins-so"),
        pytest.param([(b"x-api-key", b"k")], IdentityRule(header=None), Missing(), id="a-header-nobody-reads"),
        pytest.param(
            [(b"authorization", b"Bearer k")], IdentityRule(bearer=False), Missing(), id="a-bearer-nobody-reads"
        ),
        pytest.param([(b"", b"k")], IdentityRule(header=None), Missing(), id="no-header-is-not-the-empty-name"),
    ],
)
def test_a_credential_is_found_where_the_policy_says(headers: list[Header], rule: IdentityRule, expected: object):
    assert presented(headers, rule) == expected


SECRET = b"mk_secret"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"x-api-key", SECRET), (b"authorization", b"Bearer other")], id="two-different"),
        pytest.param([(b"x-api-key", SECRET), (b"x-api-key", SECRET)], id="a-header-twice"),
        pytest.param([(b"authorization", b"Bearer " + SECRET)] * 2, id="authorization-twice"),
        pytest.param([(b"authorization", b"Basic x"), (b"authorization", b"Bearer " + SECRET)], id="two-schemes"),
        pytest.param([(b"x-api-key", b"")], id="empty"),
        pytest.param([(b"authorization", b"Bearer")], id="a-bearer-of-nothing"),
        pytest.param([(b"authorization", b"Bearer  ")], id="a-bearer-of-spaces"),
        pytest.param([(b"x-api-key", SECRET + b" x")], id="a-space-inside"),
        pytest.param([(b"x-api-key", SECRET + b"\x00")], id="a-control-character"),
        pytest.param([(b"x-api-key", SECRET + b"\xe9")], id="not-ascii"),
        pytest.param([(b"x-api-key", SECRET + b"x" * 248)], id="257-bytes"),
    ],
)
def test_what_is_no_single_credential_is_refused_without_repeating_it(headers: list[Header]):
    answer = presented(headers, BOTH)

    assert isinstance(answer, Malformed)
    assert "secret" not in answer.reason


def test_the_longest_credential_has_256_bytes():
    assert presented([(b"x-api-key", b"x" * 256)], BOTH) == Presented("x" * 256)


def test_a_credential_is_not_in_its_representation():
    assert "mk_1" not in repr(Presented("mk_1"))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], None, id="not-said"),
        pytest.param([(b"credits-max", b"50")], parse("50"), id="whole"),
        pytest.param([(b"credits-max", b" 0.5 ")], parse("0.5"), id="a-part"),
        pytest.param([(b"credits-max", b"0")], parse("0"), id="nothing-at-all"),
    ],
)
def test_a_caller_may_say_the_most_that_it_pays(headers: list[Header], expected: Credits | None):
    assert credits_max(headers) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param([b"1e3"], "'1e3' is not an amount", id="an-exponent"),
        pytest.param([b"-5"], "'-5' is not an amount", id="negative"),
        pytest.param([b""], "'' is not an amount", id="empty"),
        pytest.param([b"0.0000001"], "at most 6 decimals", id="seven-decimals"),
        pytest.param([b"9999999999"], "out of range", id="above-the-limit"),
        pytest.param([b"nan"], "write a plain number", id="nan"),
        pytest.param([b"mk_secret"], "write a plain number", id="a-key-by-mistake"),
        pytest.param(["５".encode()], "write a plain number", id="other-digits"),
        pytest.param([b"5", b"5"], "2 times", id="twice"),
    ],
)
def test_a_bad_most_is_told_in_a_sentence(values: list[bytes], message: str):
    with pytest.raises(CreditsMaxError, match=message) as raised:
        credits_max([(b"credits-max", value) for value in values])

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(b"8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324", id="bare"),
        pytest.param(b'"8e03978e"', "8e03978e", id="quoted"),
        pytest.param(b'  "a b"\t', "a b", id="quoted-with-a-space"),
        pytest.param(rb'"a\"b\\c"', 'a"b\\c', id="escaped"),
        pytest.param(rb"a\b", "a\\b", id="bare-with-a-backslash"),
        pytest.param(b"abc+/==:.~!#", "abc+/==:.~!#", id="base64-and-more"),
        pytest.param(b"k" * 255, "k" * 255, id="as-long-as-may-be"),
        pytest.param(b'"' + b'\\"' * 255 + b'"', '"' * 255, id="as-long-as-may-be-without-its-escapes"),
    ],
)
def test_a_key_is_read_quoted_and_bare(written: bytes, expected: str):
    assert idempotency_key([(b"idempotency-key", written)]) == expected


def test_a_request_need_not_have_a_key():
    assert idempotency_key([(b"x-idempotency-key", b"k")]) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param([b""], "is no key", id="empty"),
        pytest.param([b'""'], "is no key", id="empty-in-quotes"),
        pytest.param([b"a b"], "is no key", id="a-space"),
        pytest.param([b'"a'], "is no key", id="half-a-pair-of-quotes"),
        pytest.param([b'a"b'], "is no key", id="a-quote-inside"),
        pytest.param([rb'"a\b"'], "is no key", id="an-escape-of-nothing"),
        pytest.param([b'"a";p=1'], "is no key", id="parameters"),
        pytest.param([b"a, b"], "is no key", id="joined-with-another"),
        pytest.param([b"a\x00"], "is no key", id="a-control-character"),
        pytest.param(["é".encode()], "is no key", id="not-ascii"),
        pytest.param([b"k" * 256], "longer than 255", id="too-long"),
        pytest.param([b"a", b"a"], "2 times", id="twice"),
    ],
)
def test_what_is_no_key_is_told_in_a_sentence(values: list[bytes], message: str):
    with pytest.raises(IdempotencyKeyError, match=message):
        idempotency_key([(b"idempotency-key", value) for value in values])
