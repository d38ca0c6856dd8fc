"""What arrives upstream is what was sent, byte for byte, but for what belongs to one connection or is ours."""

from ipaddress import ip_network

import pytest

from meter.gateway.forwarding import Forwarding
from tests.proxy.wire import OK, answers, connected, proxied, raw_upstream

TARGETS = [
    pytest.param(target, id=name)
    for name, target in {
        "plain": b"/v1/images",
        "root": b"/",
        "an empty query": b"/v1/images?",
        "a query of many marks": b"/a?b=c?d&&e==&%zz",
        "an encoded slash": b"/v1%2Fimages",
        "an encoded slash in small letters": b"/v1%2fimages",
        "an encoded letter": b"/v1/%69mages",
        "an encoded dot segment": b"/v1/%2e%2e/images",
        "dot segments": b"/v1/./x/../images",
        "empty segments": b"//v1///images/",
        "a broken escape": b"/v1/%zz/%4",
        "braces and quotes": b"/v1/{id}/\"quoted\"/'x'/`y`/<z>",
        "a bar, a caret and a backslash": b"/v1/a|b^c\\d",
        "parameters": b"/v1/images;v=1,2",
        "an encoded NUL": b"/v1/%00",
        "overlong UTF-8": b"/v1/%c0%af",
        "a space as a plus": b"/v1/a+b%20c",
        "sub-delimiters": b"/!$&'()*+,;=:@-._~",
        "a URL within": b"/https://example.com/x?y=http://z",
        "8 000 letters": b"/" + b"a" * 8000,
    }.items()
]

HEADERS = [
    pytest.param(headers, id=name)
    for name, headers in {
        "cookies": [(b"Cookie", b"a=1; b=2"), (b"Cookie", b"c=3")],
        "duplicates in their order": [(b"X-A", b"1"), (b"X-B", b"2"), (b"X-A", b"3")],
        "odd spelling": [(b"x-ODD-nAME", b"1"), (b"ACCEPT", b"*/*")],
        "an empty value": [(b"X-Empty", b"")],
        "bytes beyond ASCII": [(b"X-Latin", b"caf\xe9"), (b"X-Utf", "é✓".encode())],
        "inner white space": [(b"X-Space", b"a  b\tc")],
        "conditions and ranges": [(b"If-None-Match", b'"x"'), (b"Range", b"bytes=0-9")],
        "somebody else's credentials": [(b"Authorization", b"Bearer eyJ.x.y"), (b"X-API-Key", b"theirs")],
        "what the middleware reads": [(b"Idempotency-Key", b'"k"'), (b"Credits-Max", b"50")],
        "what compresses": [(b"Accept-Encoding", b"br, gzip"), (b"User-Agent", b"curl/8")],
        "a long value": [(b"X-Long", b"v" * 30_000)],
    }.items()
]

OURS = {b"host", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}


def request(target: bytes, headers: list[tuple[bytes, bytes]], method: bytes = b"GET", body: bytes = b"") -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: api.example", *(b"%b: %b" % header for header in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def through(raw: bytes, forwarding: Forwarding | None = None, upstream_raw: bytes = OK):
    async with (
        raw_upstream(answers(upstream_raw)) as upstream,
        proxied(upstream.url, forwarding=forwarding) as port,
        connected(port) as client,
    ):
        await client.send(raw)
        answer = await client.answer(head_only=raw.startswith(b"HEAD"))
    return upstream, answer


@pytest.mark.parametrize("target", TARGETS)
async def test_a_target_arrives_as_it_was_sent(target):
    upstream, _ = await through(request(target, []))

    assert upstream.seen[0].line == b"GET " + target + b" HTTP/1.1"


@pytest.mark.parametrize("headers", HEADERS)
async def test_headers_arrive_as_they_were_sent(headers):
    upstream, _ = await through(request(b"/", headers))

    assert [header for header in upstream.seen[0].headers if header[0].lower() not in OURS] == headers


async def test_the_host_is_the_upstreams_own():
    upstream, _ = await through(request(b"/", []))

    assert upstream.seen[0].all(b"host") == [upstream.url.removeprefix("http://").encode()]


async def test_the_host_can_be_the_callers():
    upstream, _ = await through(request(b"/", []), Forwarding(preserve_host=True))

    assert upstream.seen[0].all(b"host") == [b"api.example"]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param((b"Connection", b"keep-alive"), id="connection"),
        pytest.param((b"Keep-Alive", b"timeout=5"), id="keep-alive"),
        pytest.param((b"TE", b"trailers"), id="te"),
        pytest.param((b"Trailer", b"X-Sum"), id="trailer"),
        pytest.param((b"Upgrade", b"h2c"), id="upgrade"),
        pytest.param((b"Proxy-Authorization", b"Basic eDp5"), id="proxy-authorization"),
        pytest.param((b"Proxy-Connection", b"keep-alive"), id="proxy-connection"),
        pytest.param((b"X-HTTP-Method-Override", b"DELETE"), id="method override"),
        pytest.param((b"X-HTTP-Method", b"DELETE"), id="method"),
        pytest.param((b"X-Method-Override", b"DELETE"), id="override"),
        pytest.param((b"X-Original-URL", b"/v1/videos"), id="original url"),
        pytest.param((b"X-Rewrite-URL", b"/v1/videos"), id="rewrite url"),
        pytest.param((b"X-Credits-Consumed", b"1"), id="our figures"),
        pytest.param((b"Credits-Usage", b"tokens=1"), id="usage that only the upstream may say"),
        pytest.param((b"Credits-Price", b"1"), id="a price that only the upstream may say"),
        pytest.param((b"X-API-Key", b"mk_11" + b"a" * 50), id="our key"),
        pytest.param((b"Authorization", b"Bearer mk_11" + b"a" * 50), id="our key as a bearer"),
        pytest.param((b"X-Forwarded-User", b"root"), id="a claim about the caller"),
        pytest.param((b"Forwarded", b"for=1.2.3.4"), id="the standard's claim about the caller"),
    ],
)
async def test_what_is_ours_or_the_connections_goes_no_further(header):
    upstream, _ = await through(request(b"/", [header, (b"X-Last", b"1")]))

    assert [name for name, _ in upstream.seen[0].headers if name.lower() not in OURS] == [b"X-Last"]


async def test_a_header_named_by_connection_goes_no_further():
    upstream, _ = await through(request(b"/", [(b"Connection", b"X-Hop , close"), (b"X-Hop", b"1"), (b"X-End", b"2")]))

    assert (upstream.seen[0].all(b"x-hop"), upstream.seen[0].all(b"x-end")) == ([], [b"2"])


async def test_connection_cannot_take_the_length_from_a_body():
    headers = [(b"Connection", b"Content-Length, Host, X-Forwarded-For"), (b"Content-Length", b"3")]
    upstream, _ = await through(request(b"/", headers, b"POST", b"abc"))

    seen = upstream.seen[0]
    assert (seen.body, seen.all(b"content-length"), seen.all(b"x-forwarded-for")) == (b"abc", [b"3"], [b"127.0.0.1"])


async def test_a_strangers_word_about_the_caller_is_replaced():
    lies = [(b"X-Forwarded-For", b"1.2.3.4"), (b"X-Forwarded-Proto", b"https"), (b"X-Forwarded-Host", b"bank.example")]
    upstream, _ = await through(request(b"/", lies))

    said = [upstream.seen[0].all(name) for name in (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")]
    assert said == [[b"127.0.0.1"], [b"http"], [b"api.example"]]


async def test_a_listed_proxys_word_about_the_caller_is_kept_and_added_to():
    facts = [(b"X-Forwarded-For", b"1.2.3.4"), (b"X-Forwarded-Proto", b"https"), (b"X-Forwarded-Host", b"api.example")]
    trusting = Forwarding(trusted=(ip_network("127.0.0.0/8"),))
    upstream, _ = await through(request(b"/", facts), trusting)

    said = [upstream.seen[0].all(name) for name in (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")]
    assert said == [[b"1.2.3.4, 127.0.0.1"], [b"https"], [b"api.example"]]


async def test_two_callers_cookies_never_mix():
    async with (
        raw_upstream(answers(b"HTTP/1.1 200 OK\r\nSet-Cookie: s=alice\r\nContent-Length: 0\r\n\r\n")) as upstream,
        proxied(upstream.url) as port,
    ):
        for cookie in (b"alice", b"bob"):
            async with connected(port) as client:
                await client.send(request(b"/", [(b"Cookie", b"who=" + cookie)]))
                await client.answer()
        async with connected(port) as client:
            await client.send(request(b"/", []))
            await client.answer()

    assert [seen.all(b"cookie") for seen in upstream.seen] == [[b"who=alice"], [b"who=bob"], []]


async def test_one_connection_to_the_upstream_serves_call_after_call():
    async with raw_upstream() as upstream, proxied(upstream.url) as port, connected(port) as client:
        for _ in range(3):
            await client.send(request(b"/", []))
            await client.answer()

    assert (len(upstream.seen), upstream.connections) == (3, 1)


@pytest.mark.parametrize(
    ("headers", "body", "arrives"),
    [
        pytest.param([(b"Content-Length", b"5")], b"hello", b"hello", id="with a length"),
        pytest.param([(b"Content-Length", b"0")], b"", b"", id="empty, with a length"),
        pytest.param(
            [(b"Transfer-Encoding", b"chunked")],
            b"5;x=y\r\nhello\r\n0\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            id="chunked",
        ),
        pytest.param([(b"Transfer-Encoding", b"Chunked")], b"0\r\n\r\n", b"0\r\n\r\n", id="chunked and empty"),
        pytest.param(
            [(b"Transfer-Encoding", b"chunked")],
            b"1\r\na\r\n0\r\nX-Sum: 1\r\nX-API-Key: x\r\n\r\n",
            b"1\r\na\r\n0\r\n\r\n",
            id="chunked, its trailers dropped",
        ),
    ],
)
async def test_a_body_arrives_with_one_framing(headers, body, arrives):
    upstream, _ = await through(request(b"/", headers, b"POST", body))

    seen = upstream.seen[0]
    assert (seen.body, len(seen.all(b"content-length")) + len(seen.all(b"transfer-encoding"))) == (arrives, 1)
    assert not seen.all(b"x-api-key")


async def test_a_request_without_a_body_gets_no_framing():
    upstream, _ = await through(request(b"/", [], b"DELETE"))

    assert upstream.seen[0].all(b"content-length") + upstream.seen[0].all(b"transfer-encoding") == []


async def test_a_caller_that_expects_continue_gets_it_from_us():
    async with raw_upstream() as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(request(b"/", [(b"Expect", b"100-continue"), (b"Content-Length", b"2")], b"POST"))
        interim = await client.reader.readuntil(b"\r\n\r\n")
        await client.send(b"hi")
        answer = await client.answer()

    assert (interim, answer.status) == (b"HTTP/1.1 100 Continue\r\n\r\n", 200)
    assert (upstream.seen[0].all(b"expect"), upstream.seen[0].body) == ([], b"hi")


async def test_an_answer_keeps_its_headers_their_order_and_duplicates():
    raw = (
        b"HTTP/1.1 201 Made\r\nSet-Cookie: a=1\r\nX-B: caf\xe9\r\nSet-Cookie: b=2; Path=/\r\nDate: today\r\n"
        b"Server: x\r\nContent-Length: 2\r\n\r\nhi"
    )
    _, answer = await through(request(b"/", []), upstream_raw=raw)

    assert answer.head.split(b"\r\n")[1:] == [
        b"set-cookie: a=1",
        b"x-b: caf\xe9",
        b"set-cookie: b=2; Path=/",
        b"date: today",
        b"server: x",
        b"content-length: 2",
    ]


@pytest.mark.parametrize(
    ("raw", "head", "body"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n"
            b"Content-Length: 1\r\n\r\nx",
            [b"content-length: 1"],
            b"x",
            id="hop-by-hop headers end here",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-Trailer: 1\r\n\r\n",
            [b"transfer-encoding: chunked"],
            b"abc",
            id="chunks come through, trailers don't",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            [b"transfer-encoding: chunked"],
            b"a",
            id="of two framings the chunks hold",
        ),
        pytest.param(b"HTTP/1.1 204 No\r\nX-A: 1\r\n\r\n", [b"x-a: 1"], b"", id="204 has no body"),
        pytest.param(
            b"HTTP/1.1 304 No\r\nContent-Length: 9\r\nETag: x\r\n\r\n", [b"etag: x"], b"", id="304 has no body"
        ),
        pytest.param(
            b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
            [b"content-length: 2"],
            b"ok",
            id="interim answers end here",
        ),
    ],
)
async def test_an_answer_arrives_with_its_own_body(raw, head, body):
    _, answer = await through(request(b"/", []), upstream_raw=raw)

    assert (answer.head.split(b"\r\n")[1:], answer.body) == (head, body)


async def test_an_answer_that_ends_with_its_connection_is_complete():
    async def behave(_request, _reader, writer):
        writer.write(b"HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nall of it")
        await writer.drain()
        writer.close()

    async with raw_upstream(behave) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(request(b"/", []))
        answer = await client.answer()

    assert answer.body == b"all of it"


async def test_a_head_request_gets_the_length_and_no_body():
    async with (
        raw_upstream(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")) as upstream,
        proxied(upstream.url) as port,
        connected(port) as client,
    ):
        await client.send(request(b"/", [], b"HEAD"))
        first = await client.answer(head_only=True)
        await client.send(request(b"/", [], b"HEAD"))
        second = await client.answer(head_only=True)

    assert (first.all(b"content-length"), second.status) == ([b"12345"], 200)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(b"http://api.example/v1/videos", id="absolute form"),
        pytest.param(b"/v1/images#/../videos", id="a fragment"),
        pytest.param(b"/v1/images#x?y", id="a fragment before a query"),
        pytest.param(b"/v1/images?x#y", id="a fragment after a query"),
    ],
)
async def test_a_target_that_is_more_than_a_path_and_a_query_is_refused(target):
    upstream, answer = await through(request(target, []))

    assert (answer.status, upstream.seen) == (400, [])


async def test_what_looks_like_a_handshake_and_is_none_is_refused():
    headers = [(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Key", b"x")]
    upstream, answer = await through(request(b"/", headers))

    assert (answer.status, upstream.seen) == (403, [])
