"""A call's answer, kept as it leaves, and given again byte for byte."""

import msgspec

from meter.gateway.asgi import Message, Receive, Scope, Send
from meter.gateway.borders import Format, format_of
from meter.gateway.headers import Headers

ANSWER_BYTES_MAX = 64 * 1024
"""What an answer may hold, head and body, to be kept."""
REPLAYED = (b"idempotent-replayed", b"true")


class KeptAnswer(msgspec.Struct, frozen=True, array_like=True):
    """A whole answer, as an ASGI app that answers with it again."""

    status: int
    headers: Headers
    body: bytes

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Answer, and say that this is not the first time."""
        await send({"type": "http.response.start", "status": self.status, "headers": [*self.headers, REPLAYED]})
        await send({"type": "http.response.body", "body": self.body})

    def text(self) -> str:
        """Write it as a text that holds every byte: the store keeps texts."""
        return msgspec.msgpack.encode(self).decode("latin-1")


def read(text: str) -> KeptAnswer:
    """Read an answer from the text that was written of it."""
    return msgspec.msgpack.decode(text.encode("latin-1"), type=KeptAnswer)


class Recording:
    """An answer, noted message by message as it leaves."""

    __slots__ = ("_bytes", "_chunks", "_headers", "_keeps", "_status", "_trailers", "complete")

    def __init__(self, *, keeps: bool) -> None:
        """Begin; what is not to be kept is noted for its end alone."""
        self._keeps = keeps
        self._status = 0
        self._headers: Headers = []
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._trailers = False
        self.complete = False
        """Whether the answer has ended."""

    @property
    def keeps(self) -> bool:
        """Whether it can be given again, as far as it has come."""
        return self._keeps

    def note(self, message: Message) -> None:
        """Note a message that is about to leave."""
        kind = message["type"]
        if kind == "http.response.start":
            self._begin(message)
        elif kind == "http.response.body":
            self._take(bytes(message.get("body", b"")))
            self.complete = not message.get("more_body", False) and not self._trailers
        elif kind == "http.response.trailers":
            self.complete = not message.get("more_trailers", False)
        elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
            self._give_up()
            self.complete = not message.get("more_body", False) and not self._trailers

    def text(self) -> str:
        """Write the whole answer; empty where it can't be given again."""
        if not self._keeps:
            return ""
        return KeptAnswer(status=self._status, headers=self._headers, body=b"".join(self._chunks)).text()

    def _begin(self, start: Message) -> None:
        self._status = start["status"]
        self._headers = [(bytes(name), bytes(value)) for name, value in start.get("headers", ())]
        self._trailers = start.get("trailers", False)
        self._bytes = sum(len(name) + len(value) for name, value in self._headers)
        if self._trailers or _is_stream(self._headers):
            self._give_up()

    def _take(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        if self._bytes > ANSWER_BYTES_MAX:
            self._give_up()
        if self._keeps:
            self._chunks.append(chunk)

    def _give_up(self) -> None:
        self._keeps, self._chunks = False, []


def _is_stream(headers: Headers) -> bool:
    content = next((value for name, value in headers if name.lower() == b"content-type"), b"")
    return format_of(content.decode("latin-1")) is not Format.WHOLE
