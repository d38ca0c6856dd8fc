"""Through the whole gateway, what arrives is what was sent, but for the key and what belongs to one connection."""

from tests.proxy.gateways import gateway
from tests.proxy.wire import connected, raw_upstream

OURS = {b"host", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}


def head(key: str, cookie: bytes) -> bytes:
    return (
        b"POST /v1/videos?b=2&&a=%7e{}%23x=1 HTTP/1.1\r\nHost: api.example\r\n"
        + b"aCCept: */*\r\nX-API-Key: %b\r\nCookie: who=%b\r\nX-Twice: 2\r\nX-Empty:\r\n" % (key.encode(), cookie)
        + b"X-Twice: 1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nContent-Length: 3\r\n\r\na\x00b"
    )


async def test_two_callers_requests_arrive_as_they_were_sent(tmp_path):
    async with raw_upstream() as upstream:
        with gateway(upstream.url, tmp_path) as door:
            for cookie in (b"alice", b"bob"):
                async with connected(door.port) as client:
                    await client.send(head(door.key, cookie))
                    answer = await client.answer()

    assert answer.all(b"x-credits-consumed") == [b"2500"]
    for seen, cookie in zip(upstream.seen, (b"alice", b"bob"), strict=True):
        assert (seen.line, seen.body) == (b"POST /v1/videos?b=2&&a=%7e{}%23x=1 HTTP/1.1", b"a\x00b")
        assert [header for header in seen.headers if header[0].lower() not in OURS] == [
            (b"aCCept", b"*/*"),
            (b"Cookie", b"who=" + cookie),
            (b"X-Twice", b"2"),
            (b"X-Empty", b""),
            (b"X-Twice", b"1"),
            (b"Content-Length", b"3"),
        ]
