"""One WebSocket on one connection, whichever side of it we are: whole messages in and out.

The frames are the ``websockets`` library's, which does no input or output. Here is who waits for whom, and how long: a
message is read when the one before it has been taken, and written when those before it have left, so nothing piles up.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Event, State
from websockets.protocol import Protocol as Frames

Message = str | bytes
"""What a text frame or a binary frame holds."""


PING_SECONDS_MAX = 20
"""Between two pings, which a peer that is there answers."""
CLOSE_SECONDS_MAX = 5
"""From the end of a socket to the end of its connection, while the peer takes nothing of what was said before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """How large a message may be, and how slow the peer."""

    message_bytes_max: int = 1_048_576
    """Of one message that comes, however many frames it comes in."""
    idle_seconds: float = 60
    """Without a byte from the peer, while we read; also without its taking a byte of what waits for it."""

    @property
    def ping_seconds(self) -> float:
        """Between two pings."""
        return min(PING_SECONDS_MAX, self.idle_seconds / 3)

    @property
    def close_seconds(self) -> float:
        """From the end of a socket to the end of its connection."""
        return min(CLOSE_SECONDS_MAX, self.idle_seconds)

    @property
    def look_seconds(self) -> float:
        """How often a connection is looked at."""
        return min(self.ping_seconds, self.close_seconds) / 10


class How(Enum):
    """Who ended a socket."""

    PEER = auto()
    """The peer, by a close frame."""
    OURSELVES = auto()
    BROKEN = auto()
    """Nobody: the connection is gone, or what came over it is no WebSocket."""
    SILENT = auto()
    """The peer let a limit pass."""


@dataclass(frozen=True, slots=True)
class Closed:
    """How a socket ended."""

    code: int
    """As in a close frame; 1005 where that had none, 1006 where there was no close frame."""
    reason: str
    how: How


class SocketWire(asyncio.Protocol):
    """A connection that carries one WebSocket, from its handshake on."""

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._frames: Frames | None = None
        self._inbox: deque[Message] = deque()
        self._partial = bytearray()
        self._is_text = False
        self._ended: Closed | None = None
        self._came = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()
        self._is_reading = True
        self._is_choked = False
        self._ended_at = 0.0
        self._unsent_bytes = 0

    async def message(self) -> Message | Closed:
        """The next message; once there is none left, how the socket ended, as often as it is asked."""
        while not self._inbox and self._ended is None:
            self._came.clear()
            await self._came.wait()
        if not self._inbox:
            assert self._ended is not None
            return self._ended
        taken = self._inbox.popleft()
        self._turn()
        return taken

    async def write(self, message: Message) -> None:
        """Write a message when there is room; on a socket that has ended, throw it away: ``message`` tells how."""
        await self._writable.wait()
        if self._ended is not None or self._frames is None:
            return
        if isinstance(message, str):
            self._frames.send_text(message.encode())
        else:
            self._frames.send_binary(message)
        self._flush(self._frames)

    def close(self, code: int, reason: str = "") -> None:
        """End the socket by a close frame, without a code where it is 1005; what still comes is thrown away."""
        if self._ended is not None or self._frames is None:
            return
        self._frames.send_close(None if code == CloseCode.NO_STATUS_RCVD else code, reason)
        self._inbox.clear()
        self._end(Closed(code, reason, How.OURSELVES))
        self._flush(self._frames)
        self._turn()

    def hang_up(self) -> None:
        """End the socket without a close frame; what was written before still leaves."""
        self._end(Closed(CloseCode.ABNORMAL_CLOSURE, "", How.OURSELVES))
        self.transport.close()

    async def aclose(self) -> None:
        """Hang up if nobody has ended the socket, and wait until its connection is gone: a matter of seconds."""
        if self._ended is None:
            self.hang_up()
        try:
            await self._lost.wait()
        finally:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as for every stream
        """Begin to look at the connection."""
        self.transport = transport
        self._heard = self._pinged = self._unsent_since = self._loop.time()
        self._looking = self._loop.call_later(self._limits.look_seconds, self._look)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        assert self._frames is not None
        self._heard = self._loop.time()
        self._frames.receive_data(data)
        self._settle(self._frames)

    def eof_received(self) -> None:
        """Note that nothing comes any more; the transport then closes itself."""
        if self._frames is not None:
            self._frames.receive_eof()
            self._settle(self._frames)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own; why is nobody's matter
        """Free whoever waits for the connection."""
        self._looking.cancel()
        self._end(Closed(CloseCode.ABNORMAL_CLOSURE, "", How.BROKEN))
        self._writable.set()
        self._lost.set()

    def pause_writing(self) -> None:
        """Have ``write`` wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let ``write`` go on."""
        self._writable.set()
        self._is_choked = False
        self._turn()

    def _begin(self, frames: Frames) -> None:
        self._heard = self._pinged = self._loop.time()
        self._frames = frames

    def _settle(self, frames: Frames) -> None:
        """Take what has come, and send what that asks for: pongs, and the answer to a close frame."""
        for event in frames.events_received():
            if self._ended is None:
                self._take(event, frames)
        if frames.parser_exc is not None:
            said = frames.close_sent
            code, reason = (said.code, said.reason) if said else (CloseCode.ABNORMAL_CLOSURE, "")
            self._end(Closed(code, reason, How.BROKEN))
        self._flush(frames)
        self._turn()

    def _take(self, event: Event, frames: Frames) -> None:
        assert isinstance(event, Frame)
        if event.opcode is Opcode.CLOSE:
            assert frames.close_rcvd is not None
            self._end(Closed(frames.close_rcvd.code, frames.close_rcvd.reason, How.PEER))
        elif event.opcode is Opcode.PING:
            self._is_choked = not self._writable.is_set()  # else the pongs pile up before one who doesn't read
        elif event.opcode is not Opcode.PONG:
            self._gather(event, frames)

    def _gather(self, frame: Frame, frames: Frames) -> None:
        """Put a message together; a frame's bytes alone are kept, so a million empty ones are nothing."""
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._partial += frame.data
        if not frame.fin:
            return
        whole, self._partial = bytes(self._partial), bytearray()
        try:
            self._inbox.append(whole.decode() if self._is_text else whole)
        except UnicodeDecodeError:
            frames.fail(CloseCode.INVALID_DATA, "a text that is no UTF-8")
            self._end(Closed(CloseCode.INVALID_DATA, "a text that is no UTF-8", How.BROKEN))
        self._came.set()

    def _end(self, closed: Closed) -> None:
        if self._ended is None:
            self._ended = closed
            self._ended_at = self._loop.time()
            self._came.set()

    def _flush(self, frames: Frames) -> None:
        for data in frames.data_to_send():
            if self.transport.is_closing():
                continue
            if data:
                self.transport.write(data)
            elif self.transport.can_write_eof():
                self.transport.write_eof()
            else:
                self.transport.close()

    def _turn(self) -> None:
        """Read, or stop reading: on while nothing waits to be taken, and to the end of a socket that has ended."""
        wanted = self._ended is not None or not (self._inbox or self._is_choked)
        if wanted is self._is_reading or self.transport.is_closing():
            return
        self._is_reading = wanted
        self._heard = self._loop.time()
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def _look(self) -> None:
        """Cut a peer that has been slower than it may be, and ask one that is still whether it is there."""
        self._looking = self._loop.call_later(self._limits.look_seconds, self._look)
        now = self._loop.time()
        self._see_progress(now)
        if self._is_late(now):
            self.transport.abort()
        elif self._frames is not None and self._frames.state is State.OPEN:
            self._listen(self._frames, now)

    def _is_late(self, now: float) -> bool:
        """Whether the peer takes nothing of what waits for it, or does not end what has ended."""
        if now - self._unsent_since > self._limits.idle_seconds:
            return True
        return self._ended is not None and now - self._ended_at > self._limits.close_seconds

    def _see_progress(self, now: float) -> None:
        """Give a peer that takes something of what waits for it its time anew."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent_bytes:
            self._unsent_since = now
        if unsent < self._unsent_bytes:
            self._heard = self._ended_at = now
        self._unsent_bytes = unsent

    def _listen(self, frames: Frames, now: float) -> None:
        if self._is_reading and now - self._heard > self._limits.idle_seconds:
            self._end(Closed(CloseCode.ABNORMAL_CLOSURE, "", How.SILENT))
            frames.fail(CloseCode.INTERNAL_ERROR, "no answer to our pings")
        elif self._writable.is_set() and now - self._pinged > self._limits.ping_seconds:
            self._pinged = now
            frames.send_ping(b"")
        self._flush(frames)
