"""The table of outcomes: how a call can end, and what of its price it pays then where a policy says nothing.

Whoever adds an end says here what it means, and lets ``gateway/served`` or the proxy find it.
"""

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

FULL = Fraction(1)
NONE = Fraction(0)


class End(StrEnum):
    """How a call ended; the rows of the table of outcomes."""

    INFORMATIONAL = "1xx"
    SUCCESS = "2xx"
    REDIRECTION = "3xx"
    NOT_MODIFIED = "304"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    CONNECT_ERROR = "connect_error"
    TIMEOUT = "timeout"
    TIMEOUT_MIDWAY = "timeout_midway"
    RAISED = "raised"
    RAISED_MIDWAY = "raised_midway"
    HANGUP = "hangup"
    HANGUP_MIDWAY = "hangup_midway"
    SHUTDOWN = "shutdown"
    KILLED = "killed"


MEANINGS: Mapping[End, str] = MappingProxyType(
    {
        End.INFORMATIONAL: "answered 1xx",
        End.SUCCESS: "answered 2xx",
        End.REDIRECTION: "answered 3xx",
        End.NOT_MODIFIED: "answered 304",
        End.CLIENT_ERROR: "answered 4xx",
        End.SERVER_ERROR: "answered 5xx",
        End.CONNECT_ERROR: "the upstream could not be reached, or gave no answer",
        End.TIMEOUT: "the upstream took too long, before the first byte of its answer",
        End.TIMEOUT_MIDWAY: "the upstream took too long, after the first byte of its answer",
        End.RAISED: "the app raised, before the first byte of its answer",
        End.RAISED_MIDWAY: "the app raised, or the upstream broke off, after the first byte of its answer",
        End.HANGUP: "the caller left while the app worked",
        End.HANGUP_MIDWAY: "the caller left while the body streamed",
        End.SHUTDOWN: "the worker stopped before the call was done",
        End.KILLED: "the worker was killed",
    }
)
"""What each end means, for people."""

NEVER_CHARGED = (
    "refused before the app was called",
    "the caller left before the app was called",
)
"""Ends that no policy can charge for."""

CHARGE_DEFAULT: Mapping[End, Fraction] = MappingProxyType(
    {
        End.INFORMATIONAL: FULL,
        End.SUCCESS: FULL,
        End.REDIRECTION: FULL,
        End.NOT_MODIFIED: FULL,
        End.CLIENT_ERROR: NONE,
        End.SERVER_ERROR: NONE,
        End.CONNECT_ERROR: NONE,
        End.TIMEOUT: NONE,
        End.TIMEOUT_MIDWAY: NONE,
        End.RAISED: NONE,
        End.RAISED_MIDWAY: NONE,
        End.HANGUP: FULL,
        End.HANGUP_MIDWAY: FULL,
        End.SHUTDOWN: NONE,
        End.KILLED: FULL,
    }
)
"""The share of its price that a call pays. Failures of the service cost nothing; leaving early is no discount."""


def table_of(said: Mapping[End, Fraction]) -> Mapping[End, Fraction]:
    """The whole table, where a policy says so much of it; a 304 is charged as any other 3xx unless it is named."""
    not_modified = said.get(End.REDIRECTION, CHARGE_DEFAULT[End.NOT_MODIFIED])
    return {**CHARGE_DEFAULT, End.NOT_MODIFIED: not_modified, **said}
