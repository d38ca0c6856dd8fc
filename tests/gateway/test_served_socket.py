"""WebSockets that cost something: held, metered message by message, cut exactly, and closed by how they ended."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from meter.gateway import meter as metering
from meter.gateway import served_socket
from meter.gateway.asgi import Message, Scope
from meter.gateway.reported import REPORTED
from meter.gateway.served import CutOff, charge_of
from meter.policy.ends import End
from meter.pricing.terms import Terms
from tests.support.asgi import scope_of, until
from tests.support.metering import metered

POLICY = """
version: 1
unmatched: refuse
operations:
  talk: {title: Talk, credits: 7}
  chat: {title: Chat, credits: {base: 10, per: {request_events: 2, response_events: 3}, at_most: 100}}
  drip: {title: Drip, credits: {base: 0, per: {request_events: 0.3}, at_most: 1}}
  pour: {title: Pour, credits: {base: 0, per: {response_events: 1}, at_most: 2000, step: 10}}
  both: {title: Both, credits: {base: 0, per: {request_events: 2, response_events: 3}, at_most: 2000, step: 4}}
  size: {title: Size, credits: {base: 0, per: {request_bytes: 0.01, response_bytes: 0.1}, at_most: 100}}
  time: {title: Time, credits: {base: 0, per: {duration_seconds: 100}, at_most: 50}}
  said: {title: Said, credits: {base: 1, per: {words: 1}, at_most: 50}, meters: {words: {reported: true}}}
  open: {free: true}
routes:
  - {match: GET /talk, operation: talk}
  - {match: /chat, operation: chat}
  - {match: /drip, operation: drip}
  - {match: /pour, operation: pour}
  - {match: /both, operation: both}
  - {match: /size, operation: size}
  - {match: /time, operation: time}
  - {match: /said, operation: said}
  - {match: /free, operation: open}
  - {match: POST /post, operation: talk}
rounding: {step: 0.01, minimum: 0.01}
plans:
  small: {included: 1000, period: month}
"""
ACCEPT: Message = {"type": "websocket.accept"}
CUT: Message = {"type": "websocket.disconnect", "code": 1008, "reason": "credits exhausted"}


class Line:
    """The server's side of one WebSocket: what its caller says, and what it is told."""

    def __init__(self, path: str, *headers: tuple[str, str], **facts: object) -> None:
        extensions = {"websocket.http.response": {}}
        self.scope = scope_of(f"GET {path}", headers, type="websocket", extensions=extensions, scheme="ws", **facts)
        del self.scope["method"]
        self.scope["subprotocols"] = []
        self.told: list[Message] = []
        self.is_gone = False
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._said.put_nowait({"type": "websocket.connect"})

    def says(self, *messages: str | bytes) -> None:
        for message in messages:
            kind = "text" if isinstance(message, str) else "bytes"
            self._said.put_nowait({"type": "websocket.receive", kind: message})

    def leaves(self, code: int = 1000, **facts: object) -> None:
        self._said.put_nowait({"type": "websocket.disconnect", "code": code, "reason": "", **facts})

    def drops(self) -> None:
        """Be gone, so that whatever is sent fails."""
        self.is_gone = True

    async def receive(self) -> Message:
        return await self._said.get()

    async def send(self, message: Message) -> None:
        if self.is_gone:
            raise OSError("gone")
        self.told.append(dict(message))
        if message["type"] == "websocket.close":
            self.leaves(message.get("code", 1000))

    @property
    def texts(self) -> list[str | bytes]:
        """What the caller heard."""
        return [one.get("text", one.get("bytes")) for one in self.told if one["type"] == "websocket.send"]

    @property
    def closed(self) -> list[tuple[int, str]]:
        ends = [one for one in self.told if one["type"] == "websocket.close"]
        return [(one.get("code", 1000), one.get("reason", "")) for one in ends]

    @property
    def headers(self) -> dict[str, str]:
        """Of the answer to the handshake."""
        return {name.decode(): value.decode() for name, value in self.told[0]["headers"]}

    @property
    def status(self) -> int:
        return self.told[0]["status"]


def accepting(*acts: Message, then=None):
    """An app that opens the socket, sends this, and does the rest; it notes what it hears."""

    async def app(scope, receive, send):
        assert scope["type"] == "websocket"
        app.scopes.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        await send(ACCEPT)
        for message in acts:
            await send(message)
            app.sent.append(message)
        if then is not None:
            await then(scope, receive, send)

    app.scopes, app.sent = [], []
    return app


def listening(count: int | None = None):
    """An app that takes what is said to the end, or so many messages."""

    async def listen(scope, receive, send):
        while count is None or len(app.heard) < count:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                app.goodbyes.append(message)
                return
            app.heard.append(message.get("text", message.get("bytes")))

    app = accepting(then=listen)
    app.heard, app.goodbyes = [], []
    return app


def saying(*texts: str | bytes) -> list[Message]:
    return [{"type": "websocket.send", "text" if isinstance(text, str) else "bytes": text} for text in texts]


async def served(here, line: Line) -> None:
    async with asyncio.timeout(20):
        await here.app(line.scope, line.receive, line.send)


async def assert_settled(here, consumed: float, account: str = "acme") -> None:
    books = await here.books.of(account)
    assert books.consumed == round(consumed * 1_000_000)
    assert (books.reserved, books.granted) == (0, books.consumed + books.remaining)


async def test_a_socket_has_a_price_to_connect(store_url, tmp_path):
    line = Line("/talk")
    line.says("hello")
    line.leaves()
    app = listening()
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 7)
        kinds = await here.books.kinds()

    assert app.heard == ["hello"]
    assert line.headers["x-credits-consumed"] == "7"
    assert line.headers["x-credits-remaining"] == "993"
    assert kinds == ["open", "hold", "settle"], "a socket may outlive what the books remember of a charge"


async def test_messages_each_way_have_their_price(store_url, tmp_path):
    line = Line("/chat")
    line.says("a", b"b", "", "d")
    line.leaves()
    app = accepting(*saying("x", b"y", ""), then=listening_on)
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 10 + 4 * 2 + 3 * 3)

    assert line.texts == ["x", b"y", ""]
    assert line.headers["x-credits-reserved"] == "100"
    assert "x-credits-consumed" not in line.headers


async def test_bytes_each_way_have_their_price(store_url, tmp_path):
    line = Line("/size")
    line.says("é" * 50, b"x" * 100)
    line.leaves()
    app = accepting(*saying("é" * 5, b"y" * 10), then=listening_on)
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 200 * 0.01 + 20 * 0.1)


async def listening_on(scope, receive, send):
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def test_the_caller_is_cut_after_exactly_what_its_ceiling_pays_for(store_url, tmp_path):
    line = Line("/chat")
    line.says(*map(str, range(100)))
    app = listening()
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 100)

    assert app.heard == [str(number) for number in range(45)], "10 to connect, and 45 at 2"
    assert app.goodbyes == [CUT]
    assert line.closed == [(1008, "credits exhausted")]


async def test_the_app_is_cut_after_exactly_what_the_ceiling_pays_for(store_url, tmp_path):
    line = Line("/chat")
    app = accepting(*saying(*map(str, range(100))))
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 100)

    assert line.texts == [str(number) for number in range(30)], "10 to connect, and 30 at 3"
    assert len(app.sent) == 30
    assert line.closed == [(1008, "credits exhausted")]


async def test_a_message_that_was_not_passed_is_not_charged(store_url, tmp_path):
    line = Line("/drip")
    line.says("a", "b", "c", "d")
    app = listening()
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 0.9)

    assert app.heard == ["a", "b", "c"]


async def test_a_message_that_could_not_be_sent_is_not_charged(store_url, tmp_path):
    line = Line("/chat")

    async def then(scope, receive, send):
        line.drops()
        await send(saying("lost")[0])

    async with metered(accepting(*saying("heard"), then=then), tmp_path, store_url, POLICY) as here:
        with pytest.raises(OSError, match="gone"):
            await served(here, line)
        await assert_settled(here, 13)


async def test_a_socket_is_cut_when_its_account_has_no_more(store_url, tmp_path):
    line = Line("/pour", ("x-account", "poor"))
    app = accepting(*saying(*map(str, range(500))))
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await here.books.open("poor", Terms(plan="small", included=25_000_000, period="month"))
        await served(here, line)
        await assert_settled(here, 25, "poor")

    assert line.texts == [str(number) for number in range(25)]
    assert line.closed == [(1008, "credits exhausted")]


def both_ways():
    """An app that hears and says at the same time, until it is cut; of the last socket, it notes what it heard."""

    async def both(scope, receive, send):
        app.heard = []

        async def hear():
            while (message := await receive())["type"] == "websocket.receive":
                app.heard.append(message["text"])
                await asyncio.sleep(0)

        async def say():
            with contextlib.suppress(CutOff):
                while True:
                    await send(saying("x")[0])
                    await asyncio.sleep(0)

        await asyncio.gather(hear(), say())

    app = accepting(then=both)
    app.heard = []
    return app


async def test_both_ways_at_once_are_cut_at_one_ceiling(store_url, tmp_path):
    app, line = both_ways(), Line("/chat")
    line.says(*map(str, range(200)))
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 10 + 2 * len(app.heard) + 3 * len(line.texts))
        paid = await here.books.consumed()

    assert app.heard
    assert line.texts
    assert 97 <= paid <= 100
    assert len(line.closed) == 1


async def test_both_ways_at_once_pay_for_what_passed_whatever_is_left(store_url, tmp_path):
    """The last messages of both ways wait for the same extension of the hold; none that stays behind is paid for."""
    app = both_ways()
    async with metered(app, tmp_path, store_url, POLICY) as here:
        for included in range(40, 60):
            line = Line("/both", ("x-account", f"with-{included}"))
            line.says(*map(str, range(200)))
            terms = Terms(plan="small", included=included * 1_000_000, period="month")
            await here.books.open(f"with-{included}", terms)
            await served(here, line)
            await assert_settled(here, 2 * len(app.heard) + 3 * len(line.texts), f"with-{included}")

            assert len(line.closed) == 1


async def test_a_silent_socket_is_cut_when_its_time_is_used_up(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr(served_socket, "TICK_SECONDS", 0.05)
    line = Line("/time")
    app = listening()
    async with metered(app, tmp_path, store_url, POLICY) as here:
        began = asyncio.get_running_loop().time()
        await served(here, line)
        seconds = asyncio.get_running_loop().time() - began
        await assert_settled(here, 50)

    assert 0.5 <= seconds < 1.5
    assert app.goodbyes == [CUT]
    assert line.closed == [(1008, "credits exhausted")]


async def test_time_ends_with_the_socket_and_not_with_the_app(store_url, tmp_path):
    line = Line("/time")

    async def linger(scope, receive, send):
        line.leaves()
        await receive()
        await asyncio.sleep(0.3)

    async with metered(accepting(then=linger), tmp_path, store_url, POLICY) as here:
        await served(here, line)
        consumed = (await here.books.of()).consumed / 1_000_000

    assert consumed < 25


async def test_a_handler_reports_use_even_after_the_goodbye(store_url, tmp_path):
    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        charge_of(socket).use(words=3)
        async for _ in socket.iter_text():
            pass
        charge_of(socket).use(words=4)

    line = Line("/said")
    line.says("hello")
    line.leaves()
    app = Starlette(routes=[WebSocketRoute("/said", endpoint)])
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 8)


async def test_the_upstream_reports_use_in_its_answer_and_nobody_else_hears(store_url, tmp_path):
    line = Line("/said")
    headers = [(b"Credits-Usage", b"words=5"), (b"X-Credits-Consumed", b"666"), (b"X-Own", b"1")]

    async def app(scope, receive, send):
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept", "headers": headers, "subprotocol": "v2"})

    line.scope[REPORTED] = {}
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 6)

    assert line.scope[REPORTED] == {"usage": {"words": 5}}
    assert line.told[0]["subprotocol"] == "v2"
    assert line.headers.keys() == {
        "x-own", "x-credits-reserved", "x-credits-remaining", "x-credits-reset-at", "ratelimit-policy", "ratelimit",
    }  # fmt: skip


async def test_a_free_socket_passes_and_tells_nothing_in_our_name(store_url, tmp_path):
    line = Line("/free")

    async def app(scope, receive, send):
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"x-credits-consumed", b"666"), (b"x-own", b"1")]})

    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)

    assert line.headers == {"x-own": "1"}


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        pytest.param(("/else", []), 403, "websocket_unpriced", id="no price"),
        pytest.param(("/post", []), 403, "websocket_unpriced", id="a price for POST alone"),
        pytest.param(("/credits", []), 403, "websocket_unpriced", id="our own path"),
        pytest.param(("/_meter/health", []), 403, "websocket_unpriced", id="the operator's path"),
        pytest.param(("/talk", [("credits-max", "6")]), 412, "price_above_max", id="above what the caller pays"),
        pytest.param(("/chat", [("credits-max", "99")]), 412, "price_above_max", id="a ceiling above it"),
        pytest.param(("/talk", [("credits-max", "much")]), 400, "bad_credits_max", id="no amount"),
        pytest.param(("/chat", [("x-account", "poor")]), 402, "insufficient_credits", id="too few credits"),
    ],
)
async def test_a_refused_socket_is_denied_before_it_is_opened(store_url, tmp_path, asked, status, code):
    app = accepting()
    path, headers = asked
    line = Line(path, *headers)
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await here.books.open("poor", Terms(plan="small", included=5_000_000, period="month"))
        await served(here, line)
        paid = await here.books.consumed()

    assert (line.status, app.scopes, paid) == (status, [], 0)
    assert line.told[0]["type"] == "websocket.http.response.start"
    assert f'"code":"{code}"'.encode() in line.told[1]["body"]
    assert line.headers["x-credits-consumed"] == "0"


@pytest.mark.parametrize("path", ["/%74alk", "/talk;x", "//talk", "/else/../talk", "/talk%2F"])
async def test_a_path_that_can_be_read_in_two_ways_is_denied_where_paths_are_strict(store_url, tmp_path, path):
    app = accepting()
    policy = POLICY.replace("unmatched: refuse", "unmatched: refuse\npaths: strict")
    line = Line(path)
    line.scope["raw_path"] = path.encode()
    async with metered(app, tmp_path, store_url, policy) as here:
        await served(here, line)

    assert (line.status, app.scopes) == (400, [])


async def test_a_socket_without_a_key_is_denied_and_one_with_a_key_is_charged(store_url, tmp_path):
    async with metered(listening(), tmp_path, store_url, POLICY, identify=None) as here:
        await here.books.open("keyed", Terms(plan="small", included=100_000_000, period="month"))
        key, _ = await here.books.key("keyed")
        lines = [Line("/talk"), Line("/talk", ("x-api-key", key)), Line("/talk", ("authorization", f"Bearer {key}"))]
        for line in lines:
            line.says("hello")
            line.leaves()
            await served(here, line)
        await assert_settled(here, 14, "keyed")

    assert lines[0].status == 401
    assert [line.told[0]["type"] for line in lines[1:]] == ["websocket.accept"] * 2


async def test_an_observed_socket_passes_and_is_written_down(store_url, tmp_path):
    line = Line("/chat", ("x-account", "acme"))
    line.says(*map(str, range(100)))
    line.leaves()
    app = listening()
    policy = POLICY.replace("version: 1", "version: 1\nobserve: true")
    async with metered(app, tmp_path, store_url, policy) as here:
        await served(here, line)
        await assert_settled(here, 0)
        entries = await here.books.entries()

    assert len(app.heard) == 100
    assert [(entry["kind"], entry["amount"]) for entry in entries][1:] == [("observed", "100000000")]


async def test_an_observed_policy_lets_a_socket_without_a_price_pass(store_url, tmp_path):
    app = accepting()
    policy = POLICY.replace("version: 1", "version: 1\nobserve: true")
    async with metered(app, tmp_path, store_url, policy) as here:
        await served(here, Line("/else"))

    assert len(app.scopes) == 1


SHARES = {end: Fraction(number, 100) for number, end in enumerate(End, 1)}
TABLE = ", ".join(f"{end.value!r}: {float(share)}" for end, share in SHARES.items() if end is not End.KILLED)
OUTCOMES = """
version: 1
operations:
  work: {title: Work, credits: CREDITS}
routes: [{match: /work, operation: work}]
rounding: {step: 0.01, minimum: 0.01}
charge: {TABLE}
plans: {small: {included: 100000, period: month}}
"""
PRICES = {
    "fixed": ("1000", "'killed': full"),
    "held": ("1000", "'killed': 0.5"),
    "metered": ("{base: 1000, per: {response_events: 0.0001}, at_most: 2000, step: 1100}", "'killed': 0.5"),
}


@dataclass
class Play:
    scope: Scope
    line: Line
    receive: Callable[[], Awaitable[Message]]
    send: Callable[[Message], Awaitable[None]]


def denies(status: int):
    async def act(play: Play) -> None:
        await play.send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await play.send({"type": "websocket.http.response.body", "body": b""})

    return act


def closes(code: int | None, *, midway: bool = True, failure: End | None = None):
    async def act(play: Play) -> None:
        if midway:
            await opens(play)
        if failure is not None:
            play.scope["meter.failure"] = failure.value
        await play.send({"type": "websocket.close"} | ({} if code is None else {"code": code}))

    return act


def is_left(code: int, *, midway: bool = True, **facts: object):
    """The caller leaves; the app notices, and fails then, as handlers that catch nothing do."""

    async def act(play: Play) -> None:
        if midway:
            await opens(play)
        play.line.leaves(code, **facts)
        await play.receive()
        raise RuntimeError("nobody is there")

    return act


def is_dropped(*, midway: bool):
    """The caller is gone, and the app hears it by what it sends alone."""

    async def act(play: Play) -> None:
        if midway:
            await opens(play)
        play.line.drops()
        await play.send(saying("x")[0] if midway else ACCEPT)

    return act


def raises(error: BaseException, *, midway: bool):
    async def act(play: Play) -> None:
        if midway:
            await opens(play)
        raise error

    return act


def gives_up(end: End):
    async def act(play: Play) -> None:
        play.scope["meter.failure"] = end.value
        await denies(502)(play)

    return act


async def returns(play: Play) -> None:
    pass


async def opens(play: Play) -> None:
    await play.send(ACCEPT)
    await play.send(saying("x")[0])


ENDS = [
    pytest.param(End.SUCCESS, opens, id="the app returns"),
    pytest.param(End.SUCCESS, closes(1000), id="the app says goodbye"),
    pytest.param(End.SUCCESS, closes(None), id="the app says goodbye without a code"),
    pytest.param(End.SUCCESS, closes(4001), id="the app says goodbye by a code of its own"),
    pytest.param(End.SUCCESS, is_left(1000), id="the caller says goodbye"),
    pytest.param(End.SUCCESS, is_left(1005), id="the caller says goodbye without a code"),
    pytest.param(End.SUCCESS, is_left(1011), id="the caller says that it failed"),
    pytest.param(End.SUCCESS, is_left(1012), id="the caller says what a server says that stops"),
    pytest.param(End.HANGUP_MIDWAY, is_left(1006), id="the caller is lost"),
    pytest.param(End.HANGUP_MIDWAY, is_dropped(midway=True), id="the caller is lost while the app speaks"),
    pytest.param(End.HANGUP, is_left(1006, midway=False), id="the caller is lost before the socket is open"),
    pytest.param(End.HANGUP, is_dropped(midway=False), id="the caller is lost as the socket is opened"),
    pytest.param(End.REDIRECTION, denies(302), id="denied by 302"),
    pytest.param(End.CLIENT_ERROR, denies(404), id="denied by 404"),
    pytest.param(End.CLIENT_ERROR, closes(None, midway=False), id="closed before it was open"),
    pytest.param(End.SERVER_ERROR, denies(500), id="denied by 500"),
    pytest.param(End.CONNECT_ERROR, gives_up(End.CONNECT_ERROR), id="no upstream"),
    pytest.param(End.TIMEOUT, gives_up(End.TIMEOUT), id="a slow upstream"),
    pytest.param(End.TIMEOUT_MIDWAY, closes(1014, failure=End.TIMEOUT_MIDWAY), id="a silent upstream"),
    pytest.param(End.RAISED_MIDWAY, closes(1014, failure=End.RAISED_MIDWAY), id="a lost upstream"),
    pytest.param(End.RAISED_MIDWAY, closes(1011), id="the app says that it failed"),
    pytest.param(End.RAISED_MIDWAY, raises(RuntimeError("broken"), midway=True), id="the app raises midway"),
    pytest.param(End.RAISED, raises(RuntimeError("broken"), midway=False), id="the app raises"),
    pytest.param(End.RAISED, returns, id="the app does nothing"),
    pytest.param(End.SHUTDOWN, is_left(1012, **{"meter.stopped": True}), id="the server stops"),
    pytest.param(End.SHUTDOWN, raises(asyncio.CancelledError(), midway=True), id="the worker stops"),
]


@pytest.mark.parametrize("price", PRICES)
@pytest.mark.parametrize(("end", "act"), ENDS)
async def test_a_socket_pays_the_share_of_how_it_ended(store_url, tmp_path, end, act, price):
    cost, killed = PRICES[price]
    line = Line("/work")

    async def app(scope, receive, send):
        assert scope["type"] == "websocket"
        await receive()
        await act(Play(scope, line, receive, send))

    async with metered(
        app, tmp_path, store_url, OUTCOMES.replace("CREDITS", cost).replace("TABLE", f"{TABLE}, {killed}")
    ) as here:
        await asyncio.gather(served(here, line), return_exceptions=True)
        await assert_settled(here, float(1000 * SHARES[end]))
        kinds = await here.books.kinds()

    assert kinds[1] == "hold"


async def test_a_caller_that_left_while_the_books_were_slow_pays_nothing(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr(metering, "LONG_SECONDS", 0)
    app = accepting()
    line = Line("/talk")
    line.leaves(1006)
    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 0)
        kinds = await here.books.kinds()

    assert app.scopes == []
    assert kinds == ["open", "hold", "release"]


async def test_a_caller_that_stayed_while_the_books_were_slow_loses_no_message(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr(metering, "LONG_SECONDS", 0)
    app = listening()
    line = Line("/talk")
    async with metered(app, tmp_path, store_url, POLICY) as here:
        serving = asyncio.create_task(served(here, line))
        await until(lambda: line.told)
        line.says("first", "second")
        line.leaves()
        await serving
        await assert_settled(here, 7)

    assert app.heard == ["first", "second"]


async def test_a_denial_tells_what_it_cost(store_url, tmp_path):
    line = Line("/chat")

    async def app(scope, receive, send):
        assert scope["type"] == "websocket"
        await denies(404)(Play(scope, line, receive, send))

    async with metered(app, tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 0)

    assert (line.headers["x-credits-consumed"], line.headers["x-credits-remaining"]) == ("0", "1000")


async def test_an_app_that_goes_on_after_the_cut_changes_nothing(store_url, tmp_path):
    line = Line("/drip")
    line.says(*"abcdefgh")

    async def stubborn(scope, receive, send):
        for _ in range(8):
            await receive()
        charge_of(scope).usage.read("request_events", 99)
        for message in (saying("x")[0], {"type": "websocket.close", "code": 1011}):
            with pytest.raises(CutOff):
                await send(message)
        raise RuntimeError("in a temper")

    async with metered(accepting(then=stubborn), tmp_path, store_url, POLICY) as here:
        await served(here, line)
        await assert_settled(here, 0.9)

    assert line.closed == [(1008, "credits exhausted")]


async def test_every_socket_leaves_no_task_behind(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr(metering, "LONG_SECONDS", 0)

    def running() -> list[asyncio.Task[object]]:
        tasks = (task for task in asyncio.all_tasks() if not task.done())
        return [task for task in tasks if task.get_coro().cr_code.co_filename == served_socket.__file__]

    async def hasty(scope, receive, send):
        if scope["path"] == "/talk":
            return
        await accepting()(scope, receive, send)
        seen.append(len(running()))

    seen: list[int] = []
    async with metered(hasty, tmp_path, store_url, POLICY) as here:
        for path in ("/time", "/chat", "/talk"):
            await served(here, Line(path))
        left = running()

    assert left == []
    assert seen == [2, 1], "a look-out for each, and a clock for the one that pays for its time"
