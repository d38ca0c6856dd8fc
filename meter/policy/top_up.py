"""When the accounts of a plan ask for a purchase."""

from dataclasses import dataclass

from meter.credits import Credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Often:
    """So many times in so many seconds, counted from the first one."""

    times: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """When the accounts of a plan ask for a purchase."""

    below: Credits
    """What is left is less than this."""
    cool_off_seconds: int
    """From one request to the next one."""
    at_most: Often
