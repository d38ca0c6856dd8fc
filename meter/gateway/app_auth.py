"""What an app's own auth says of a caller: the account id that it leaves in the scope, as Starlette's ``user`` is."""

from collections.abc import Mapping
from uuid import UUID

from meter.gateway.asgi import Scope


def named(scope: Scope, path: tuple[str, ...]) -> str | None:
    """The text at a path of keys and attributes; None where there is nobody.

    A number or a UUID is written out. A user who is not authenticated is nobody, whatever else the app knows of them.
    """
    found: object = scope
    for step in path:
        found = _inside(found, step)
        if found is None or _inside(found, "is_authenticated") is False:
            return None
    if isinstance(found, bool) or not isinstance(found, str | int | UUID):
        return None
    return str(found) or None


def _inside(value: object, step: str) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    try:
        found: object = getattr(value, step, None)
    except NotImplementedError:  # what users of Starlette raise for an identity that they don't have
        return None
    return found
