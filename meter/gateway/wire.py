"""How figures are written on the wire, in one place for headers, bodies and refusals."""

from datetime import UTC, datetime
from functools import lru_cache

from meter.credits import text
from meter.gateway.figures import Figures


@lru_cache(maxsize=1024)
def moment(seconds: int) -> str:
    """Write a Unix second as RFC 3339 in UTC: ``2026-12-01T00:00:00Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def members(figures: Figures) -> bytes:
    """Write the members that a JSON body gets, without braces; ``credits_reset_at`` is null where nothing resets."""
    reset_at = "null" if figures.reset_at is None else f'"{moment(figures.reset_at)}"'
    amounts = f'"credits_consumed":{text(figures.consumed)},"credits_remaining":{text(figures.remaining)}'
    return f'{amounts},"credits_reset_at":{reset_at}'.encode()
