"""Whether a request meets the conditions of a route: surely, perhaps, or not."""

from collections.abc import Sequence
from enum import IntEnum

from meter.policy.model import Condition
from meter.pricing.fields import Field


class Fit(IntEnum):
    """How well something fits; the worst of several is their minimum."""

    NO = 0
    MAYBE = 1
    """Some app would say yes and another no, or the request says both."""
    YES = 2


def host_fit(wanted: str | None, host: str) -> Fit:
    """Compare host names without case, port and final dot (RFC 9110, 4.2.3)."""
    return Fit.YES if wanted is None or bare_host(wanted) == bare_host(host) else Fit.NO


def bare_host(host: str) -> str:
    """A host name without its port and final dot, in small letters."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.rstrip(".").lower()


def condition_fit(condition: Condition, name: str, loose: str, fields: Sequence[Field]) -> Fit:
    """Compare a condition with all fields that may be meant by its name."""
    meant = [field for field in fields if field.loose == loose]
    if meant and all(field.name == name and _is(condition.value, field.value) for field in meant):
        return Fit.YES
    return Fit.MAYBE if any(_may_be(condition.value, field.value) for field in meant) else Fit.NO


def _is(wanted: str | None, value: str) -> bool:
    return value != "" if wanted is None else value == wanted


def _may_be(wanted: str | None, value: str) -> bool:
    return wanted is None or value.strip().casefold() == wanted.strip().casefold()
