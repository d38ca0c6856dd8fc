"""What the access log says that the upstream reported of a call: its ``Credits-Usage``, and its ``Server-Timing``.

The metering strips ``Credits-Usage`` from what the caller sees: it leaves in the scope what the log is to say. An
answer that was kept and is sent again reports nothing: nobody worked for it. Both headers are bounded, and what is not
understood is left out.
"""

import re
from fractions import Fraction

from meter.gateway import usage_header
from meter.gateway.asgi import Message, Scope
from meter.gateway.headers import Headers, lowered
from meter.gateway.units import units

REPORTED = "meter.reported"
"""Where the scope of a request that is logged holds what the upstream reports; nowhere else is it looked for."""
SERVER_TIMING = b"server-timing"
BYTES_MAX = 4096
"""Of all timings that are said."""
METRICS_MAX = 32

_METRIC = re.compile(rb'(?:[^",]|"(?:[^"\\]|\\.)*+")++')
_PARAMETER = re.compile(rb'(?:[^";]|"(?:[^"\\]|\\.)*+")++')
_TOKEN = re.compile(rb"[0-9A-Za-z!#$%&'*+.^_`|~-]{1,64}")
_BLANK = b" \t"

Numbers = dict[str, int | float]


def leave(scope: Scope, head: Message) -> None:
    """Leave what an upstream reports of a call in its scope, where it is logged.

    Args:
        scope: of the call.
        head: the message with the headers of the upstream's answer, before they are stripped.
    """
    if REPORTED not in scope:
        return
    headers = lowered(head.get("headers", ()))
    usage = {name: _number(said) for name, said in usage_header.said(headers).usage.items()}
    said = {"usage": usage, "server_timing": timings(headers)}
    scope[REPORTED] = {name: numbers for name, numbers in said.items() if numbers}


def timings(headers: Headers) -> Numbers:
    """Read the milliseconds of each metric of ``Server-Timing`` (W3C Server Timing, ``dur``); those of one name add up.

    Args:
        headers: of an answer, from ``lowered``.
    """
    written = b",".join(value for name, value in headers if name == SERVER_TIMING)
    if not written or len(written) > BYTES_MAX:
        return {}
    found: dict[str, Fraction] = {}
    for metric in _METRIC.findall(written)[:METRICS_MAX]:
        name, _, parameters = metric.partition(b";")
        milliseconds = _duration(_PARAMETER.findall(parameters))
        if milliseconds is not None and _TOKEN.fullmatch(name.strip(_BLANK)):
            key = name.strip(_BLANK).decode("ascii")
            found[key] = found.get(key, Fraction(0)) + milliseconds
    return {name: _number(milliseconds) for name, milliseconds in found.items()}


def _duration(parameters: list[bytes]) -> Fraction | None:
    """The first ``dur``: others of that name are not looked at."""
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip(_BLANK).lower() == b"dur":
            return units(value.strip(_BLANK).strip(b'"'))
    return None


def _number(exact: Fraction) -> int | float:
    """A number of JSON: usage and time are no money, and sixteen digits of them are enough."""
    return exact.numerator if exact.denominator == 1 else float(exact)
