"""Ways to write ``/v1/videos`` that one server or another takes for ``/v1/videos``.

Whoever learns of another one adds it here.
"""

from dataclasses import dataclass

CANONICAL = b"/v1/videos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """One request that may reach the dear handler."""

    name: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def request(self, host: bytes, extra: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
        """The whole request, its connection closed after it."""
        headers = ((b"Host", host), (b"Connection", b"close"), *self.headers, *extra)
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        return b"GET " + self.target + b" HTTP/1.1\r\n" + head + b"\r\n"


def _encoded() -> dict[str, bytes]:
    """Letters that need no escape, escaped: each alone in capitals and small letters of the escape, and all at once."""
    single = {
        f"letter {place} escaped, {case}": CANONICAL[:place] + escape(CANONICAL[place]) + CANONICAL[place + 1 :]
        for place in range(len(CANONICAL))
        for case, escape in (("capital", b"%%%02X".__mod__), ("small", b"%%%02x".__mod__))
        if place > 0
    }
    return single | {
        "all letters escaped": b"/" + b"".join(b"%%%02X" % letter for letter in CANONICAL[1:]),
        "escaped twice": b"/v1/%2576ideos",
        "a slash escaped twice": b"/v1%252fvideos",
        "the first slash escaped": b"%2Fv1/videos",
        "a broken escape": b"/v1/video%7",
        "an escape that is none": b"/v1/%76ideo%zz",
        "an escape of four digits": b"/v1/%u0076ideos",
    }


_SEGMENTS = {
    "two slashes first": b"//v1/videos",
    "two slashes within": b"/v1//videos",
    "three slashes": b"/v1///videos",
    "two slashes last": b"/v1/videos//",
    "a slash last": b"/v1/videos/",
    "a dot first": b"/./v1/videos",
    "a dot within": b"/v1/./videos",
    "a dot last": b"/v1/videos/.",
    "a dot and a slash last": b"/v1/videos/./",
    "an escaped dot": b"/v1/%2e/videos",
    "an escaped dot in capitals": b"/v1/%2E/videos",
    "an escaped dot last": b"/v1/videos/%2e",
    "up and down": b"/v1/x/../videos",
    "up and down from the root": b"/x/../v1/videos",
    "up from itself": b"/v1/videos/x/..",
    "up above the root": b"/../v1/videos",
    "up above the root, escaped": b"/%2e%2e/v1/videos",
    "up and down, escaped": b"/v1/x/%2e%2e/videos",
    "up and down, half escaped": b"/v1/x/.%2e/videos",
    "up and down, the other half": b"/v1/x/%2E./videos",
    "up and down, slash escaped": b"/v1/x/..%2fvideos",
    "up and down, all escaped": b"/v1/x%2f%2e%2e%2fvideos",
    "up through a parameter": b"/v1/x/..;/videos",
    "up with a backslash": b"/v1/x/..\\videos",
    "up with an escaped backslash": b"/v1/x/..%5cvideos",
    "up twice": b"/v1/x/y/../../videos",
    "up through an empty segment": b"/v1/x//../../videos",
    "up from itself and back": b"/v1/videos/../videos",
    "three dots": b"/v1/.../videos",
}

_CASE = {
    "capitals": b"/V1/VIDEOS",
    "a capital version": b"/V1/videos",
    "a capital letter": b"/v1/Videos",
    "a capital last letter": b"/v1/videoS",
    "a capital letter, escaped": b"/v1/%56ideos",
    "a capital letter and a slash": b"/v1/Videos/",
    "the Kelvin sign's cousin: a long s": b"/v1/video%C5%BF",
    "a dotless i": b"/v1/v%C4%B1deos",
    "full-width letters": b"/v1/%EF%BD%96ideos",
    "a combining mark": b"/v1/videos%CC%81",
}

_BYTES = {
    "a backslash for a slash": b"/v1\\videos",
    "a backslash first": b"\\v1\\videos",
    "an escaped backslash": b"/v1%5Cvideos",
    "an escaped backslash in small letters": b"/v1%5cvideos",
    "a backslash last": b"/v1/videos\\",
    "a parameter": b"/v1/videos;x",
    "an empty parameter": b"/v1/videos;",
    "a parameter with a value": b"/v1/videos;a=b",
    "a parameter on the version": b"/v1;x/videos",
    "a parameter, escaped": b"/v1/videos%3Bx",
    "a session": b"/v1/videos;jsessionid=1",
    "a NUL": b"/v1/videos%00",
    "a NUL and more": b"/v1/videos%00.png",
    "a NUL within": b"/v1/vid%00eos",
    "a line feed": b"/v1/videos%0a",
    "a carriage return": b"/v1/videos%0d",
    "a header smuggled": b"/v1/videos%0d%0aX:%20y",
    "a tab, escaped": b"/v1/videos%09",
    "a space, escaped": b"/v1/videos%20",
    "a space before, escaped": b"/v1/%20videos",
    "a delete byte": b"/v1/videos%7f",
    "a soft hyphen": b"/v1/videos%C2%AD",
    "a byte order mark": b"/v1/%EF%BB%BFvideos",
    "a zero-width space": b"/v1/videos%E2%80%8B",
    "overlong slash of two bytes": b"/v1%c0%afvideos",
    "overlong slash of three bytes": b"/v1%e0%80%afvideos",
    "overlong slash of four bytes": b"/v1%f0%80%80%afvideos",
    "overlong dot": b"/v1/x/%c0%ae%c0%ae/videos",
    "overlong letter": b"/v1/%c1%b6ideos",
    "a bare continuation byte": b"/v1/videos%80",
    "a raw byte beyond ASCII": b"/v1/videos\xa0",
    "a raw tab": b"/v1/videos\t",
    "a raw vertical tab": b"/v1/videos\x0b",
    "a raw NUL": b"/v1/videos\x00",
    "a raw space": b"/v1/videos x",
    "a space before the version": b"/v1/videos ",
    "a plus": b"/v1/videos+",
    "a star last": b"/v1/videos*",
    "a dot last, no slash": b"/v1/videos.",
    "an extension": b"/v1/videos.json",
    "a tilde": b"/v1/videos~",
    "a dollar": b"/v1/videos$",
}

_FORMS = {
    "a query": b"/v1/videos?x=1",
    "an empty query": b"/v1/videos?",
    "a query with a path": b"/v1/videos?/../cheap",
    "a query before the path": b"/?/../v1/videos",
    "a cheap path with a query that climbs": b"/v1/cheap?/../videos",
    "a question mark, escaped": b"/v1/videos%3Fx",
    "a fragment": b"/v1/videos#x",
    "a fragment that climbs": b"/v1/cheap#/../videos",
    "a fragment, escaped": b"/v1/videos%23x",
    "absolute form": b"http://HOST/v1/videos",
    "absolute form of another host": b"http://other.example/v1/videos",
    "absolute form with a user": b"http://u:p@HOST/v1/videos",
    "absolute form in capitals": b"HTTP://HOST/v1/videos",
    "absolute form over TLS": b"https://HOST/v1/videos",
    "absolute form without a host": b"http:///v1/videos",
    "absolute form of another scheme": b"file:///v1/videos",
    "a host for a path": b"//HOST/v1/videos",
    "no first slash": b"v1/videos",
    "a star": b"*",
}

_HEADERS: dict[str, tuple[bytes, tuple[bytes, bytes]]] = {
    "an original URL": (b"/v1/cheap", (b"X-Original-URL", CANONICAL)),
    "a rewritten URL": (b"/v1/cheap", (b"X-Rewrite-URL", CANONICAL)),
    "an original URI": (b"/v1/cheap", (b"X-Original-URI", CANONICAL)),
    "a forwarded URI": (b"/v1/cheap", (b"X-Forwarded-Uri", CANONICAL)),
    "a forwarded path": (b"/v1/cheap", (b"X-Forwarded-Path", CANONICAL)),
    "a forwarded prefix": (b"/videos", (b"X-Forwarded-Prefix", b"/v1")),
    "an original URL of small letters": (b"/v1/cheap", (b"x-original-url", CANONICAL)),
    "an original URL named by Connection": (b"/v1/cheap", (b"Connection", b"close, X-Original-URL")),
    "another method": (b"/v1/videos", (b"X-HTTP-Method-Override", b"POST")),
    "another method, shorter": (b"/v1/videos", (b"X-HTTP-Method", b"POST")),
    "another method, the other way": (b"/v1/videos", (b"X-Method-Override", b"POST")),
    "a base path": (b"/videos", (b"X-Script-Name", b"/v1")),
}


def spellings(host: bytes) -> list[Spelling]:
    """All of them, for a gateway at that host and port."""
    targets = _encoded() | _SEGMENTS | _CASE | _BYTES | _FORMS
    plain = [Spelling(name=name, target=target.replace(b"HOST", host)) for name, target in targets.items()]
    return plain + [Spelling(name=n, target=target, headers=(header,)) for n, (target, header) in _HEADERS.items()]
