"""Our parts start before the app and stop after it, whatever the app makes of its lifespan."""

import pytest

from meter.gateway.lifespan import Lifespan
from tests.support.asgi import Server, running


class Parts:
    """Our parts, and the order in which everything happened."""

    def __init__(self, flaw: Exception | None = None) -> None:
        self.events: list[str] = []
        self._flaw = flaw

    async def start(self) -> None:
        if self._flaw is not None:
            raise self._flaw
        self.events.append("parts start")

    async def stop(self) -> None:
        self.events.append("parts stop")

    def app(self, *answers: str, flaw: Exception | None = None):
        """An app that answers each message of its lifespan, and then raises."""

        async def app(scope, receive, send):
            for answer in answers:
                asked = (await receive())["type"].removeprefix("lifespan.")
                self.events.append(f"app {asked}")
                await send({"type": f"lifespan.{answer}", "message": "of the app"})
            if flaw is not None:
                raise flaw

        return app

    def around(self, app) -> Lifespan:
        return Lifespan(app, self.start, self.stop)


async def test_our_parts_start_first_and_stop_last():
    parts = Parts()
    async with running(parts.around(parts.app("startup.complete", "shutdown.complete"))) as server:
        pass

    assert parts.events == ["parts start", "app startup", "app shutdown", "parts stop"]
    assert server.words == ["startup.complete", "shutdown.complete"]


async def silent(scope, receive, send):
    """An app that knows no lifespan, and says nothing."""


async def refusing(scope, receive, send):
    """An app that knows no lifespan, and says so."""
    raise NotImplementedError(scope["type"])


async def refusing_late(scope, receive, send):
    """An app that takes what it is sent for a request."""
    await receive()
    raise KeyError("method")


@pytest.mark.parametrize("app", [silent, refusing, refusing_late])
async def test_an_app_without_a_lifespan_gets_ours_alone(app):
    parts = Parts()
    async with running(parts.around(app)) as server:
        started = list(parts.events)

    assert started == ["parts start"]
    assert parts.events == ["parts start", "parts stop"]
    assert server.words == ["startup.complete", "shutdown.complete"]


async def test_an_app_that_leaves_its_lifespan_early_is_served_on():
    parts = Parts()
    async with running(parts.around(parts.app("startup.complete"))) as server:
        before = list(parts.events)

    assert "parts stop" not in before
    assert server.words == ["startup.complete", "shutdown.complete"]


@pytest.mark.parametrize("flaw", [None, RuntimeError("broken")], ids=["returns", "raises"])
async def test_an_app_that_fails_to_start_stops_our_parts_and_says_so_last(flaw):
    parts = Parts()
    server = Server(parts.around(parts.app("startup.failed", flaw=flaw)))
    await server.start()
    await server.stop()

    assert server.said == [{"type": "lifespan.startup.failed", "message": "of the app"}]
    assert parts.events[-1] == "parts stop"
    assert server.failure is flaw


async def test_an_app_that_fails_to_stop_says_so_after_our_parts_have_stopped():
    parts = Parts()
    server = Server(parts.around(parts.app("startup.complete", "shutdown.failed")))
    await server.start()
    await server.stop()

    assert server.words == ["startup.complete", "shutdown.failed"]
    assert parts.events[-1] == "parts stop"


async def test_an_app_that_raises_after_its_start_is_not_taken_for_one_without_a_lifespan():
    parts, flaw = Parts(), RuntimeError("broken")
    server = Server(parts.around(parts.app("startup.complete", flaw=flaw)))
    await server.start()
    await server.stop()

    assert server.failure is flaw
    assert parts.events[-1] == "parts stop"


async def test_a_start_of_ours_that_fails_is_told_in_its_own_words_and_the_app_never_starts():
    parts = Parts(flaw=RuntimeError("The store is gone."))
    server = Server(parts.around(parts.app("startup.complete")))
    await server.start()
    await server.stop()

    assert server.said == [{"type": "lifespan.startup.failed", "message": "The store is gone."}]
    assert parts.events == []
