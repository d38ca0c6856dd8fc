"""The headers of a metered answer say what it cost, and nothing that is no longer true."""

import pytest

from meter.credits import Credits, parse
from meter.gateway.figures import Figures
from meter.gateway.headers import CreditHeaders, Headers, lowered, rewritten
from meter.gateway.wire import members

DECEMBER = 1796083200


def figures(
    *, consumed: str = "5", remaining: str = "17550", granted: str = "50000", reset_at: int | None = DECEMBER
) -> Figures:
    return Figures(
        consumed=parse(consumed),
        remaining=parse(remaining),
        granted=parse(granted),
        reset_at=reset_at,
        now=DECEMBER - 741600,
    )


def values(headers: Headers, name: bytes) -> list[bytes]:
    return [value for found, value in headers if found == name]


def told(*headers: tuple[bytes, bytes], of: Figures | None = None) -> Headers:
    return CreditHeaders().told(lowered(headers), of or figures())


def test_an_answer_says_what_it_cost_in_the_names_that_are_written_down():
    assert CreditHeaders().of(figures()) == [
        (b"x-credits-consumed", b"5"),
        (b"x-credits-remaining", b"17550"),
        (b"x-credits-reset-at", b"2026-12-01T00:00:00Z"),
        (b"ratelimit-policy", b'"credits";q=50000;qu="credits"'),
        (b"ratelimit", b'"credits";r=17550;t=741600'),
    ]


def test_where_nothing_resets_neither_the_moment_nor_the_pair_is_told():
    written = CreditHeaders().of(figures(reset_at=None))

    assert [name for name, _ in written] == [b"x-credits-consumed", b"x-credits-remaining"]


@pytest.mark.parametrize(
    ("remaining", "granted", "pair"),
    [
        pytest.param("17550.9", "50000.9", (b"q=50000", b"r=17550"), id="whole-numbers-rounded-down"),
        pytest.param("900", "500", (b"q=500", b"r=500"), id="overage-never-lifts-r-above-q"),
        pytest.param("0", "0", (b"q=0", b"r=0"), id="nothing"),
        pytest.param("9007199254.740991", "9007199254.740991", (b"q=9007199254", b"r=9007199254"), id="the-limit"),
    ],
)
def test_the_ratelimit_pair_is_in_whole_credits(remaining: str, granted: str, pair: tuple[bytes, bytes]):
    written = dict(CreditHeaders().of(figures(remaining=remaining, granted=granted)))

    assert (written[b"ratelimit-policy"].split(b";")[1], written[b"ratelimit"].split(b";")[1]) == pair


def test_a_reset_that_has_passed_is_no_negative_time():
    passed = Figures(consumed=Credits(0), remaining=Credits(0), granted=Credits(0), reset_at=10, now=11)

    assert dict(CreditHeaders().of(passed))[b"ratelimit"] == b'"credits";r=0;t=0'


def test_amounts_are_exact_decimals():
    assert dict(CreditHeaders().of(figures(consumed="0.000001")))[b"x-credits-consumed"] == b"0.000001"


def test_the_prefix_and_the_pair_are_settings():
    written = CreditHeaders(prefix="X-Acme-", rate_limit=False).of(figures())

    assert [name for name, _ in written] == [b"x-acme-consumed", b"x-acme-remaining", b"x-acme-reset-at"]


def test_the_body_is_told_the_same_figures():
    assert members(figures(consumed="0.5")) == (
        b'"credits_consumed":0.5,"credits_remaining":17550,"credits_reset_at":"2026-12-01T00:00:00Z"'
    )


def test_the_body_leaves_out_a_reset_that_never_comes():
    assert members(figures(reset_at=None)) == b'"credits_consumed":5,"credits_remaining":17550,"credits_reset_at":null'


def test_the_apps_headers_keep_their_order_and_their_duplicates():
    kept = told((b"Set-Cookie", b"a=1"), (b"X-Own", b"1"), (b"Set-Cookie", b"b=2"))

    assert kept[:3] == [(b"set-cookie", b"a=1"), (b"x-own", b"1"), (b"set-cookie", b"b=2")]


@pytest.mark.parametrize(
    "name",
    [
        b"X-Credits-Remaining",
        b"X-CREDITS-Anything",
        b"Credits-Usage",
        b"Credits-Price",
        b"RateLimit",
        b"RateLimit-Policy",
    ],
)
def test_what_the_upstream_says_in_our_name_never_passes(name: bytes):
    assert b"forged" not in dict(told((name, b"forged"))).values()


@pytest.mark.parametrize("name", [b"X-Credits-Remaining", b"Credits-Price"])
def test_it_never_passes_where_we_say_nothing_either(name: bytes):
    assert CreditHeaders().told(lowered([(name, b"forged"), (b"ratelimit", b"theirs")]), None) == [
        (b"ratelimit", b"theirs")
    ]


def test_the_upstreams_own_ratelimit_passes_where_we_write_none():
    assert values(told((b"ratelimit", b"theirs"), of=figures(reset_at=None)), b"ratelimit") == [b"theirs"]


@pytest.mark.parametrize("of", [pytest.param(None, id="nothing-told"), pytest.param(figures(reset_at=None), id="told")])
def test_another_prefix_is_protected_too(of: Figures | None):
    forged = lowered([(b"X-Acme-Reset-At", b"forged"), (b"X-Acme-Own", b"1")])

    headers = CreditHeaders(prefix="X-Acme-").told(forged, of)

    assert headers[0] == (b"x-acme-own", b"1")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param([], b"private", id="nothing-said"),
        pytest.param([b"max-age=60"], b"max-age=60, private", id="a-lifetime-stays"),
        pytest.param([b"public, max-age=60"], b"max-age=60, private", id="public-goes"),
        pytest.param([b"max-age=5, S-MaxAge=60"], b"max-age=5, private", id="s-maxage-goes"),
        pytest.param([b"Public"], b"private", id="without-case"),
        pytest.param([b"no-store"], b"no-store", id="no-store-is-stricter"),
        pytest.param([b"private, max-age=1"], b"private, max-age=1", id="private-stays"),
        pytest.param([b"public, no-store"], b"no-store", id="public-beside-no-store-goes"),
        pytest.param([b'private="set-cookie"'], b"private", id="private-for-one-field-is-not-private"),
        pytest.param([b'no-cache="a, public"'], b'no-cache="a, public", private', id="a-comma-in-quotes"),
        pytest.param([b'x="no-store"'], b'x="no-store", private', id="a-word-in-quotes-is-no-directive"),
        pytest.param([b'x="no-store'], b"x=, no-store", id="quotes-without-an-end-hide-nothing"),
        pytest.param([b'x="\\", public"'], b'x="\\", public", private', id="an-escaped-quote"),
        pytest.param([b"no-store, must-understand"], b"no-store, must-understand, private", id="must-understand"),
        pytest.param([b"public", b"max-age=3"], b"max-age=3, private", id="two-lines-are-one-list"),
        pytest.param([b" , ,"], b"private", id="empty-elements"),
    ],
)
def test_shared_caches_do_not_keep_account_data(said: list[bytes], expected: bytes):
    assert values(told(*((b"Cache-Control", value) for value in said)), b"cache-control") == [expected]


@pytest.mark.parametrize("name", [b"CDN-Cache-Control", b"Surrogate-Control"])
def test_what_only_shared_caches_read_goes(name: bytes):
    assert values(told((name, b"max-age=600")), name.lower()) == []


OURS = b"x-credits-consumed, x-credits-remaining, x-credits-reset-at, ratelimit-policy, ratelimit"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], [], id="an-answer-to-its-own-origin"),
        pytest.param([(b"access-control-expose-headers", b"a")], [b"a"], id="no-origin-is-allowed"),
        pytest.param([(b"access-control-allow-origin", b"*")], [OURS], id="any-origin"),
        pytest.param(
            [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"X-A, RateLimit")],
            [b"X-A, RateLimit, " + OURS.removesuffix(b", ratelimit")],
            id="appended-once",
        ),
        pytest.param(
            [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"*")], [b"*"], id="star-is-all"
        ),
        pytest.param(
            [
                (b"access-control-allow-origin", b"https://a"),
                (b"access-control-allow-credentials", b"true"),
                (b"access-control-expose-headers", b"*"),
            ],
            [b"*, " + OURS],
            id="star-is-a-name-where-credentials-are-allowed",
        ),
    ],
)
def test_scripts_of_other_origins_may_read_our_headers(headers: Headers, expected: list[bytes]):
    assert values(told(*headers), b"access-control-expose-headers") == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param((b"ETag", b'"a"'), [(b"etag", b'W/"a"')], id="a-strong-etag-becomes-weak"),
        pytest.param((b"ETag", b'W/"a"'), [(b"etag", b'W/"a"')], id="a-weak-etag-stays"),
        pytest.param((b"Content-Length", b"2"), [(b"content-length", b"99")], id="the-length-is-the-new-one"),
        pytest.param((b"Digest", b"x"), [], id="digest"),
        pytest.param((b"Content-Digest", b"x"), [], id="content-digest"),
        pytest.param((b"Repr-Digest", b"x"), [], id="repr-digest"),
        pytest.param((b"Content-MD5", b"x"), [], id="content-md5"),
        pytest.param((b"Accept-Ranges", b"bytes"), [], id="ranges-would-be-of-the-old-bytes"),
        pytest.param((b"Last-Modified", b"x"), [(b"last-modified", b"x")], id="all-else-stays"),
    ],
)
def test_headers_stay_true_of_a_changed_body(header: tuple[bytes, bytes], expected: Headers):
    assert rewritten(lowered([header]), 99) == expected


def test_the_length_of_a_changed_body_that_is_not_seen_is_not_told():
    assert rewritten([(b"content-length", b"2")], None) == []
