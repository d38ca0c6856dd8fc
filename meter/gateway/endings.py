"""How a stream ends in its own format: with what it cost, and, where it is cut, with the reason.

What is written here stands at the beginning of a line, and never completes an event that the app left incomplete.
"""

from meter.gateway.events import Format, format_of
from meter.gateway.figures import Figures
from meter.gateway.headers import Headers
from meter.gateway.wire import members

__all__ = ["Ending", "Format", "format_of_answer"]

_LINE_ENDS = (b"\n", b"\r")
_BLANK_LINES = (b"\n\n", b"\r\r", b"\n\r\n")
_SEEN_BYTES = 3
_REASON = b'"code":"insufficient_credits","title":"Insufficient credits","status":402,"retryable":false'


def format_of_answer(headers: Headers) -> Format:
    """How the answer with these headers is divided; an encoded one is not seen."""
    facts = dict(headers)
    if b"content-encoding" in facts:
        return Format.OTHER
    return format_of(facts.get(b"content-type", b""))


class Ending:
    """The end of one stream, of which the last bytes are remembered."""

    __slots__ = ("_form", "_last")

    def __init__(self, form: Format) -> None:
        self._form = form
        self._last = b""

    @property
    def adds(self) -> bool:
        """Whether a stream of this format gets more than its app wrote."""
        return self._form is Format.SSE

    def passed(self, body: bytes) -> None:
        """Note the end of what has been sent by now."""
        self._last = (self._last + body[-_SEEN_BYTES:])[-_SEEN_BYTES:]

    def cost(self, figures: Figures | None) -> bytes:
        """What a complete stream says last: in server-sent events, a comment."""
        if self._form is not Format.SSE or figures is None:
            return b""
        return self._fresh_line + b": credits {" + members(figures) + b"}\n"

    def cut(self, figures: Figures | None, *, last_line: bool) -> bytes:
        """What a stream says that ends here because nothing is left to pay for the rest."""
        told = b"" if figures is None else b"," + members(figures)
        if self._form is Format.SSE:
            return self.cost(figures) + (
                b"event: error\ndata: {" + _REASON + told + b"}\n\n" if self._is_between else b""
            )
        if self._form is Format.LINES and last_line:
            return self._fresh_line + b'{"error":{' + _REASON + told + b"}}\n"
        return b""

    @property
    def _fresh_line(self) -> bytes:
        return b"" if not self._last or self._last.endswith(_LINE_ENDS) else b"\n"

    @property
    def _is_between(self) -> bool:
        """Whether no event is incomplete."""
        return not self._last or self._last.endswith(_BLANK_LINES)
