"""What a stream says at its end, in its own format: what it cost, and why it was cut.

An event that the app did not end is not ended here either: a blank line of ours would make its client take a part for
the whole. Such a stream gets comments alone, and the client drops what was not ended, as it does at the end of any.
"""

from dataclasses import dataclass
from enum import StrEnum

from meter.gateway.account_view import json_text, moment_text, number
from meter.gateway.borders import Format, Standing
from meter.gateway.figures import Figures
from meter.gateway.wire import members


class Cut(StrEnum):
    """Why a stream was ended before its end: the code of a problem."""

    SHORT = "insufficient_credits"
    CEILING = "ceiling_reached"
    UNAVAILABLE = "ledger_unavailable"


_DETAILS = {
    Cut.SHORT: "The stream was ended here: the credits that remain do not pay for more of it.",
    Cut.CEILING: "The stream was ended here: more of it would cost more than this call may.",
    Cut.UNAVAILABLE: "The stream was ended here: more of it could not be charged; try again later.",
}


_OUTSIDE = (Standing.BETWEEN, Standing.IN_A_COMMENT)
_IN_A_LINE = (Standing.IN_A_LINE, Standing.IN_A_COMMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """Writes the last bytes of streams."""

    problems_url: str
    """What the ``type`` of a problem begins with."""

    def told(self, format_: Format, standing: Standing, figures: Figures) -> bytes:
        """Say after a stream what it cost; nothing, where its format has no place for that."""
        if format_ is not Format.SSE:
            return b""
        end = b"\n" if standing in _OUTSIDE else b""
        return _fresh(standing) + _comment("credits", b"{%b}" % members(figures)) + end

    def cut(self, format_: Format, standing: Standing, figures: Figures, why: Cut, *, last_line: bool) -> bytes:
        """Say where a stream is cut what it cost and why it ends; ``last_line`` lets lines and records say it too."""
        problem = self._problem(figures, why)
        match format_:
            case Format.SSE if standing in _OUTSIDE:
                return self.told(format_, standing, figures) + b"event: error\ndata: %b\n\n" % problem
            case Format.SSE:
                return self.told(format_, standing, figures) + _comment("error", problem)
            case Format.LINES if last_line:
                return _fresh(standing) + b'{"error":%b}\n' % problem
            case Format.RECORDS if last_line:
                return b'\x1e{"error":%b}\n' % problem
        return b""

    def _problem(self, figures: Figures, why: Cut) -> bytes:
        """Write a problem of RFC 9457 without a status: the answer's was another. It has no line ends, being JSON."""
        return json_text(
            {
                "type": f"{self.problems_url}/{why.replace('_', '-')}",
                "title": why.replace("_", " ").capitalize(),
                "detail": _DETAILS[why],
                "code": why.value,
                "credits_consumed": number(figures.consumed),
                "credits_remaining": number(figures.remaining),
                "credits_reset_at": moment_text(figures.reset_at),
                "retryable": why is Cut.UNAVAILABLE,
            }
        )


def _fresh(standing: Standing) -> bytes:
    """Begin a line."""
    return b"\n" if standing in _IN_A_LINE else b""


def _comment(name: str, value: bytes) -> bytes:
    return b": %b %b\n" % (name.encode(), value)
