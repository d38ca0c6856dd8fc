"""The beginning of a request's body: read before the app is called, fingerprinted, and given to the app as it came."""

from collections import deque
from dataclasses import dataclass
from hashlib import sha256

from meter.gateway.asgi import Message, Receive, Scope

BODY_BYTES_MAX = 64 * 1024
"""How much of a body is read before the app is called; the rest streams through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The first messages of a request, as they came."""

    messages: tuple[Message, ...]
    whole: bool
    """Whether the body has ended, within the limit."""

    @property
    def is_cut(self) -> bool:
        """Whether the caller left before that."""
        last: str = self.messages[-1]["type"]
        return last == "http.disconnect"

    def fingerprint(self, scope: Scope) -> str:
        """Hash method, target and body, in hex; of a body beyond the limit its beginning and its declared length."""
        target = scope.get("raw_path") or scope["path"].encode()
        body = b"".join(message.get("body", b"") for message in self.messages)[:BODY_BYTES_MAX]
        length = b"" if self.whole else dict(scope["headers"]).get(b"content-length", b"?")
        line = b"%b %b?%b %b\n" % (scope["method"].encode(), target, scope["query_string"], length)
        return sha256(line + body).hexdigest()


async def beginning(receive: Receive) -> Beginning:
    """Read a request until its body ends, or has passed the limit, or its caller leaves."""
    messages, size, more = [], 0, True
    while more and size <= BODY_BYTES_MAX:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return Beginning(messages=tuple(messages), whole=size <= BODY_BYTES_MAX)


class Replayed:
    """The wrapped ``receive`` of a request whose beginning was read: that first, then what follows."""

    __slots__ = ("_first", "_receive", "whole")

    def __init__(self, begun: Beginning, receive: Receive) -> None:
        self._first = deque(begun.messages)
        self._receive = receive
        self.whole = begun.whole
        """Whether the body has ended."""

    async def __call__(self) -> Message:
        """Give the next message."""
        if self._first:
            return self._first.popleft()
        message = await self._receive()
        self.whole = self.whole or (message["type"] == "http.request" and not message.get("more_body", False))
        return message
