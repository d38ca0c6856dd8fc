"""Charge credits for API calls: policies say what a call costs, Redis holds the books."""

from typing import TYPE_CHECKING

from meter.credits import AmountError, Credits

if TYPE_CHECKING:
    from meter.app import MeterMiddleware
    from meter.gateway.challenge import Challenge, Shortfall
    from meter.gateway.served import charge_of
    from meter.till import Charge

__all__ = ["AmountError", "Challenge", "Charge", "Credits", "MeterMiddleware", "Shortfall", "charge_of"]

_HOMES = {
    "Challenge": "meter.gateway.challenge",
    "Charge": "meter.till",
    "MeterMiddleware": "meter.app",
    "Shortfall": "meter.gateway.challenge",
    "charge_of": "meter.gateway.served",
}


def __getattr__(name: str) -> object:
    """Import what an application needs when it is first named, so that the command line starts without it."""
    from importlib import import_module  # noqa: PLC0415 - needed here alone

    if name not in _HOMES:
        raise AttributeError(f"module 'meter' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
