"""Which paths are our own: they are answered here, and under no spelling by the app or the upstream."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from meter.gateway.asgi import ASGIApp, Scope
from meter.gateway.request import app_path

_SEPARATORS = re.compile(r"[/\\]")


class Desks:
    """Finds the desk that a request is for."""

    def __init__(self, desks: Mapping[str, ASGIApp], *, elsewhere: Callable[[str], ASGIApp]) -> None:
        """Keep the desks.

        Args:
            desks: the app that answers at and below each path.
            elsewhere: makes the answer to a path that is another spelling of one of them.
        """
        self._desks = tuple((path, path + "/", desk) for path, desk in desks.items())
        self._elsewhere = elsewhere
        self._folded = tuple(folded(path) for path in desks)
        words = (re.escape(path.rpartition("/")[2]) for path in self._folded)
        self._alike = re.compile("|".join(("%", *words)), re.IGNORECASE)

    def at(self, scope: Scope) -> ASGIApp | None:
        """The desk of a request, the answer to one that spells its path oddly, or None where it is the app's."""
        path = app_path(scope)
        if not self._alike.search(path):
            return None
        for own, below, desk in self._desks:
            if path == own or path.startswith(below):
                return desk
        return self._elsewhere(path) if self._is_ours(path) else None

    def _is_ours(self, path: str) -> bool:
        """Whether a lenient server would take the path for one of ours."""
        canonical = folded(path)
        return any(canonical == own or canonical.startswith(own + "/") for own in self._folded)


def folded(path: str) -> str:
    r"""A path as the most lenient server reads it: unescaped again, in one case, ``\`` for ``/``, without ``;`` parts.

    Empty and dot segments are resolved (RFC 3986, 5.2.4).
    """
    segments: list[str] = []
    for segment in _SEPARATORS.split(unquote(path).casefold()):
        name = segment.partition(";")[0].strip()
        if name == "..":
            del segments[-1:]
        elif name not in ("", "."):
            segments.append(name)
    return "/" + "/".join(segments)
