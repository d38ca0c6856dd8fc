"""The upstream over ``httpx``'s transport: HTTP/1.1, raw targets, no cookies, no redirects, no retries.

The one module that imports httpx for proxying. Its *client* must never come here: it keeps one cookie jar for all
callers, rewrites targets, and adds headers of its own.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import h11
import httpx

from meter.gateway.upstream import (
    Headers,
    UpstreamAnswer,
    UpstreamBroken,
    UpstreamRequest,
    UpstreamTimeout,
    UpstreamUnreachable,
)

_FINAL = range(200, 600)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""Bytes that no header value may hold (RFC 9110, 5.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLimits:
    """How long each wait may take, and how many connections a worker keeps."""

    connect_seconds: float = 5
    answer_seconds: float = 60
    """From the end of the request to the head of the answer."""
    idle_seconds: float = 60
    """Between two pieces of either body."""
    pool_seconds: float = 5
    """For a free connection."""
    connections_max: int = 200
    spare_seconds: float = 4
    """How long an unused connection is kept: less than the 5 s after which Node and uvicorn close theirs, for a request
    that meets a closing connection fails, and is not sent twice."""


class HttpxUpstream:
    """One origin, reached over plain TCP or TLS."""

    def __init__(self, url: str, limits: UpstreamLimits | None = None) -> None:
        """Read the origin's URL: ``http://HOST[:PORT]`` or ``https://…``, without a path.

        Raises:
            ValueError: it is anything else.
        """
        self._url = origin(url)
        self._limits = limits or UpstreamLimits()
        self.authority = self._url.netloc
        self._transport = _transport(self._limits)

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send a request once, and wait for the head of its answer."""
        timeouts = _timeouts(self._limits)
        sent = httpx.Request(
            request.method,
            self._url,
            headers=request.headers,
            stream=_Body(request.body),
            extensions={"target": request.target, "timeout": timeouts},
        )
        with _translated(self._url):
            response = await self._transport.handle_async_request(sent)
        timeouts["read"] = self._limits.idle_seconds  # httpcore looks here again when the body is read
        return await _checked(_HttpxAnswer(response, self._url))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()


def origin(written: str) -> httpx.URL:
    """Read the URL of an origin.

    Raises:
        ValueError: it is anything else.
    """
    try:
        url = httpx.URL(written)
    except httpx.InvalidURL as error:
        raise ValueError(f"The upstream {written!r} is no URL ({error}); write http://HOST:PORT.") from error
    plain = url.scheme in ("http", "https") and url.host and not url.userinfo and url.raw_path == b"/"
    if not plain or url.fragment:
        raise ValueError(f"The upstream {written!r} is not an origin; write http://HOST:PORT, without path or user.")
    return url


class _HttpxAnswer:
    """One answer, read from its connection as it is asked for."""

    def __init__(self, response: httpx.Response, url: httpx.URL) -> None:
        self.status = response.status_code
        self.headers: Headers = response.headers.raw
        self._response = response
        self._url = url

    async def chunks(self) -> AsyncIterator[bytes]:
        with _translated(self._url):
            async for chunk in self._response.aiter_raw():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class _Body(httpx.AsyncByteStream):
    """A request's body as httpx wants it: nothing is added for a request that has none."""

    def __init__(self, chunks: AsyncIterator[bytes] | None) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._chunks is None:
            return
        async for chunk in self._chunks:
            yield chunk


def _transport(limits: UpstreamLimits) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(
        http1=True,
        http2=False,
        retries=0,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=limits.connections_max,
            max_keepalive_connections=limits.connections_max,
            keepalive_expiry=limits.spare_seconds,
        ),
    )


def _timeouts(limits: UpstreamLimits) -> dict[str, float]:
    return {
        "connect": limits.connect_seconds,
        "read": limits.answer_seconds,
        "write": limits.idle_seconds,
        "pool": limits.pool_seconds,
    }


@contextmanager
def _translated(origin: httpx.URL) -> Iterator[None]:
    """Turn what httpx raises into what an upstream may raise; what a request's body raises passes."""
    try:
        yield
    except httpx.PoolTimeout as error:
        raise UpstreamTimeout(f"All connections of this worker to {origin} are in use.") from error
    except httpx.ConnectTimeout as error:
        raise UpstreamTimeout(f"{origin} did not accept a connection in time.") from error
    except httpx.TimeoutException as error:
        raise UpstreamTimeout(f"{origin} did not answer in time.") from error
    except httpx.ConnectError as error:
        raise UpstreamUnreachable(f"{origin} accepts no connection: {_said(error)}.") from error
    except (httpx.TransportError, h11.ProtocolError) as error:
        raise UpstreamBroken(f"{origin} broke off: {_said(error)}.") from error


def _said(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


async def _checked(answer: _HttpxAnswer) -> _HttpxAnswer:
    """Refuse a head that cannot be passed on, before anything of it is."""
    flaw = _flaw(answer)
    if flaw is None:
        return answer
    await answer.aclose()
    raise UpstreamBroken(f"The upstream answered {flaw}.")


def _flaw(answer: _HttpxAnswer) -> str | None:
    if answer.status not in _FINAL:
        return f"with the status {answer.status}, which is no final answer"
    for name, value in answer.headers:
        if _CONTROL.search(value):
            return f"with a control byte in {name.decode('latin-1')}"
    return None
