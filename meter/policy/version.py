"""The name of a policy: a hash of what it means, which comments, spacing and the order of names don't change."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256

from meter.policy.model import Place, Policy

VERSION_DIGITS = 16

PLANS_LATER = {
    "every",
    "drip",
    "anchor",
    "trial",
    "rollover",
    "discount",
    "operations",
    "velocity",
    "concurrent",
    "burn",
}
LATER = frozenset({"versions", "transition", "compounds", "pin", "top_up", "jwt", "scope", "anonymous"} | PLANS_LATER)
"""Fields that came after the first names were given: left out at their defaults, so that a policy keeps its name."""

Canonical = str | int | list["Canonical"] | dict[str, "Canonical"] | None


def version(policy: Policy) -> str:
    """The first digits of the SHA-256 of the policy's canonical form; its own ``version`` doesn't count."""
    written = json.dumps(_canonical(replace(policy, version="")), sort_keys=True, separators=(",", ":"))
    return sha256(written.encode("ascii")).hexdigest()[:VERSION_DIGITS]


def _canonical(value: object) -> Canonical:
    match value:
        case None | str() | int():
            return value
        case Mapping():
            return {str(key): _canonical(held) for key, held in value.items()}
        case frozenset():
            return [_canonical(held) for held in sorted(value)]
        case tuple():
            return [_canonical(held) for held in value]
        case _ if is_dataclass(value):
            held = ((part, getattr(value, part.name)) for part in fields(value))
            parts = ((part.name, one) for part, one in held if part.name not in LATER or one != part.default)
            meant = {name: _canonical(held) for name, held in parts if not isinstance(held, Place)}
            return {"is": type(value).__name__, **meant}
        case _:
            return str(value)  # A fraction, a time zone, a date or a time: each writes itself in one way.
