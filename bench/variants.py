"""The apps that ``middleware.py`` compares: one answer, metered in different ways by the same real server.

``create`` is a uvicorn factory; it reads ``BENCH_VARIANT`` and ``BENCH_SOCKET`` (the server's Unix socket).
"""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import redis
import redis.asyncio
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

SOCKET = os.environ.get("BENCH_SOCKET", "")
ANSWER = {"data": {"id": 7, "name": "An image", "tags": ["a", "b", "c"], "width": 1920, "height": 1080}}
PER_MINUTE = 1_000_000_000


async def answer(request: Request) -> JSONResponse:  # noqa: ARG001 - slowapi asks for the name
    return JSONResponse(ANSWER)


def bare() -> ASGIApp:
    return Starlette(routes=[Route("/v1/items/{id}", answer)])


def bare_fastapi() -> ASGIApp:
    app = FastAPI()
    app.add_api_route("/v1/items/{id}", answer)
    return app


def metered() -> ASGIApp:
    from meter import MeterMiddleware

    policies = Path(__file__).parent / "policies"
    return MeterMiddleware(
        bare(), policies=policies, redis=f"unix://{SOCKET}", identify=lambda _: "bench", open_accounts="bench"
    )


class Naive(BaseHTTPMiddleware):
    """What one writes in an hour: GET, compare, DECRBY, then parse and dump the body. It overdraws, too."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self.redis = redis.asyncio.Redis(unix_socket_path=SOCKET)

    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        balance = int(await self.redis.get("naive:bench"))
        if balance < 1:
            return JSONResponse({"error": "no credits"}, status_code=402)
        remaining = await self.redis.decrby("naive:bench", 1)
        response = await call_next(request)
        body = b"".join([chunk async for chunk in response.body_iterator])  # type: ignore[attr-defined]
        value = json.loads(body)
        value["meta"] = {"credits_consumed": 1, "credits_remaining": remaining, "credits_reset_at": None}
        return JSONResponse(value, status_code=response.status_code)


def naive() -> ASGIApp:
    with redis.Redis(unix_socket_path=SOCKET) as client:
        client.set("naive:bench", PER_MINUTE)
    return Starlette(routes=[Route("/v1/items/{id}", answer)], middleware=[Middleware(Naive)])


def slowapi() -> ASGIApp:
    from slowapi import Limiter
    from slowapi.util import get_remote_address

    limiter = Limiter(key_func=get_remote_address, storage_uri=f"redis+unix://{SOCKET}")
    app = Starlette(routes=[Route("/v1/items/{id}", limiter.limit(f"{PER_MINUTE}/minute")(answer))])
    app.state.limiter = limiter
    return app


def fastapi_limiter() -> ASGIApp:
    from fastapi_limiter import FastAPILimiter
    from fastapi_limiter.depends import RateLimiter

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await FastAPILimiter.init(redis.asyncio.Redis(unix_socket_path=SOCKET))
        yield

    app = FastAPI(lifespan=lifespan)
    limit = Depends(RateLimiter(times=PER_MINUTE, seconds=60))
    app.add_api_route("/v1/items/{id}", answer, dependencies=[limit])
    return app


VARIANTS: dict[str, Callable[[], ASGIApp]] = {
    "bare": bare,
    "bare-fastapi": bare_fastapi,
    "meter": metered,
    "naive": naive,
    "slowapi": slowapi,
    "fastapi-limiter": fastapi_limiter,
}


def create() -> ASGIApp:
    """Make the app that ``BENCH_VARIANT`` names."""
    return VARIANTS[os.environ["BENCH_VARIANT"]]()
