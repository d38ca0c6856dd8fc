"""Calls of access logs in the common and the combined format (Apache ``%h %l %u %t "%r" %>s %b``; nginx ``combined``).

The account is the user, or the address where nobody logged in. Which operation was called, the policy's own matcher
says, of what such a log has: method, target and query; no host and no header. A log says nothing of credits: its calls
have cost none.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote

from meter.credits import ZERO
from meter.economics.traffic import Call
from meter.policy.ends import End
from meter.policy.model import MeterKind, PathMode, Policy
from meter.pricing.match import Ambiguous, Matched, Matcher, Request
from meter.sheets.left_out import LeftOut
from meter.sheets.rows import AT_MAX, LINE_LETTERS_MAX, SHOWN_MAX

_LINE = re.compile(
    r'(?P<address>\S+) \S+ (?P<user>\S+) \[(?P<at>[^\]]+)\] "(?P<method>[A-Z]+) (?P<target>\S+)(?: HTTP/[0-9.]+)?" '
    r"(?P<status>[1-5][0-9]{2}) (?P<bytes>[0-9]{1,15}|-)(?: .*)?",
    re.ASCII,
)
_ENDS = {1: End.INFORMATIONAL, 2: End.SUCCESS, 3: End.REDIRECTION, 4: End.CLIENT_ERROR, 5: End.SERVER_ERROR}


def log_calls(path: Path, policy: Policy, left_out: LeftOut) -> Iterator[Call]:
    """The calls of an access log, in its order.

    Args:
        path: the log.
        policy: whose routes say what was called, and whose table of outcomes what of its price that pays.
        left_out: is told of every line that is no call, or of no operation.
    """
    matcher = Matcher(policy, PathMode.STRICT)
    with path.open(encoding="utf-8-sig", errors="backslashreplace") as opened:
        number = 0
        while line := opened.readline(LINE_LETTERS_MAX):
            number += 1
            if line.strip():
                found = _call(line.strip(), matcher)
                if isinstance(found, Call):
                    yield found
                else:
                    left_out.add(f"{path}:{number}: {found}")


def _call(line: str, matcher: Matcher) -> Call | str:
    """The call of a line, or why it is none."""
    said = _LINE.fullmatch(line)
    if said is None:
        return f"{line[:SHOWN_MAX]!r} is no line of the common log format; correct or delete it."
    try:
        at = int(datetime.strptime(said["at"], "%d/%b/%Y:%H:%M:%S %z").timestamp())
    except ValueError:
        return f"{said['at'][:SHOWN_MAX]!r} is no date; write it as 10/Oct/2026:13:55:36 +0000."
    if not 0 <= at <= AT_MAX:
        return f"{said['at'][:SHOWN_MAX]!r} is not between 1970 and 2999; correct it."
    match matcher.match(_request(said["method"], said["target"])):
        case Matched() as matched:
            return _made(said, at, matched)
        case Ambiguous(reason=reason):
            return f"{said['target'][:SHOWN_MAX]!r} has no one price: {reason}"
        case _:
            return f"no route of the policy matches {said['method']} {said['target'][:SHOWN_MAX]!r}; give it one."


def _request(method: str, target: str) -> Request:
    path, _, query = target.partition("?")
    return Request(
        method=method,
        host="",
        target=path.encode("utf-8", "replace"),
        path=unquote(path),
        query=query.encode("utf-8", "replace"),
    )


def _made(said: re.Match[str], at: int, matched: Matched) -> Call:
    operation = matched.operation
    usage = {meter: units for meter, units in matched.usage.items() if units is not None}
    sent = 0 if said["bytes"] == "-" else int(said["bytes"])
    status = int(said["status"])
    end = End.NOT_MODIFIED if status == 304 else _ENDS[status // 100]  # noqa: PLR2004 - HTTP's own numbers
    return Call(
        at=at,
        account=said["user"] if said["user"] != "-" else said["address"],
        operation=operation.name,
        credits=ZERO,
        usage={**usage, MeterKind.RESPONSE_BYTES: Fraction(sent)},
        charged=operation.charge[end],
    )
