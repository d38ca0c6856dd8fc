"""Which requests a route is for: its method, its template and its host, as a file writes them."""

import re
from dataclasses import dataclass

from meter.policy.mistakes import instead, shown
from meter.policy.templates import fault
from meter.policy.values import written_value, wrong

METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY",
    "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH",
)  # fmt: skip
"""What a route may name (RFC 9110, 9; RFC 5789; RFC 4918). CONNECT and TRACE have no resource to charge for."""

HOST_CHARACTERS_MAX = 253
"""RFC 1035, 2.3.4."""

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A route's method and template."""

    method: str | None
    template: str


def match(value: object) -> Match:
    """A route's method and template."""
    example = '"POST /v1/images/{id}"'
    written = written_value(value, example)
    match written.split():
        case [template] if template.startswith("/"):
            return Match(method=None, template=_template(template, written))
        case [verb, template] if verb in METHODS:
            return Match(method=verb, template=_template(template, written))
        case [verb, _]:
            raise wrong(f"{shown(verb)} is not a method", instead(verb.upper(), METHODS))
        case _:
            fix = f"write {example}, or a path alone for every method."
            raise wrong(f"{shown(written)} is not a method and a path", fix)


def _template(template: str, written: str) -> str:
    if found := fault(template):
        raise wrong(f"the path in {shown(written)} {found[0]}", found[1])
    return template


def host(value: object) -> str:
    """A host name, in lower case."""
    written = written_value(value, "api.example.com")
    host = written.lower()
    if len(host) > HOST_CHARACTERS_MAX or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise wrong(f"{shown(written)} is not a host name", "write one such as api.example.com: no scheme, port or *.")
    return host
