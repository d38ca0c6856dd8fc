"""What matching needs of a scope, and what a scope is by itself."""

from meter.gateway.asgi import Scope
from meter.pricing.evidence import Request


def request_of(scope: Scope) -> Request:
    """What matching needs of an HTTP or WebSocket scope; a WebSocket's handshake is a GET."""
    headers, host = scope["headers"], ""
    for name, value in headers:
        if name == b"host":
            host = value.decode("latin-1")
            break
    path = app_path(scope)
    return Request(
        method=scope.get("method", "GET"),
        host=host,
        target=scope.get("raw_path") or path.encode(),
        path=path,
        query=scope["query_string"],
        headers=headers,
    )


def app_path(scope: Scope) -> str:
    """The path that the app routes on: without the ``root_path`` that it is mounted at, as Starlette takes it off."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if not root or not (path == root or path.startswith(root + "/")):
        return path
    return path[len(root) :]


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks by it if a page may call: it can't carry a key, so it has no price (Fetch, 4.8)."""
    if scope.get("method") != "OPTIONS":
        return False
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names
