"""Put the credits' members into a JSON body without rewriting it.

What the app wrote stays as it was written, byte for byte: number formats, order, white space, duplicate members.
"""

from meter.gateway import json_scan
from meter.gateway.json_scan import Scan

Path = tuple[str, ...]
"""The names that lead from the root object to the object that gets the members; empty for the root itself."""

META: Path = ("meta",)
ROOT: Path = ()
EXTENSIONS: Path = ("extensions", "credits")
RPC: Path = ("result", "_meta", "asgi-meter/credits")
"""In a response of JSON-RPC: the key has a prefix, as MCP wants it of what is not its own."""

OURS = frozenset({"credits_consumed", "credits_remaining", "credits_reset_at"})
"""The members that are always ours: what the app wrote under these names at the path is cut out."""

_OPEN = ord("{")
_RPC_VERSION = b'"2.0"'


def splice(body: bytes, members: bytes, path: Path = META) -> bytes | None:
    """Put members into the object at a path of the root object.

    They go before its closing brace; objects that are missing on the way are made, before the closing brace of their
    parent. Where a name stands twice, the last counts. A message of JSON-RPC 2.0 that would get ``meta`` gets them in
    its result, and none where it has no result.

    Args:
        body: a whole body.
        members: the text of at least one member, without braces: ``b'"credits_consumed":5'``.
        path: names without characters that JSON escapes.

    Returns:
        The new body; None where it is no valid JSON object, or something else than an object stands on the path.
    """
    names = json_scan.root(body)
    if names is None:
        return None
    if path == META and bytes(names.get("jsonrpc", b"")) == _RPC_VERSION:
        return _merged(body, members, RPC) if "result" in names else None
    if path and path[0] not in names:
        return _inserted(body, body.rindex(b"}"), _wrapped(members, path), first=not names)
    if not path and OURS.isdisjoint(names):
        return _inserted(body, body.rindex(b"}"), members, first=not names)
    return _merged(body, members, path)


def _inserted(body: bytes, close: int, members: bytes, *, first: bool) -> bytes:
    return b"".join((body[:close], b"" if first else b",", members, body[close:]))


def _wrapped(members: bytes, path: Path) -> bytes:
    for name in reversed(path):
        members = b'"%b":{%b}' % (name.encode(), members)
    return members


def _merged(body: bytes, members: bytes, path: Path) -> bytes | None:
    start = body.index(b"{")
    for depth, name in enumerate(path):
        scan = json_scan.scan(body, start, frozenset({name}))
        if not scan.members:
            return _inserted(body, scan.close, _wrapped(members, path[depth:]), first=not scan.others)
        start = scan.members[-1].value
        if body[start] != _OPEN:
            return None
    return _replaced(body, json_scan.scan(body, start, OURS), members)


def _replaced(body: bytes, scan: Scan, members: bytes) -> bytes:
    pieces, position = [], 0
    for member in scan.members:
        pieces.append(body[position : member.start])
        position = member.end
    pieces.append(_inserted(body[position:], scan.close - position, members, first=not scan.others))
    return b"".join(pieces)
