"""A small picture of a period's days: what was used as whole bars, what is likely as a band.

A column a day. Of a day ahead, nine in ten months pass ``▒``, and one in ten passes ``░``.
"""

from collections.abc import Sequence
from datetime import date

ROWS = 6
EIGHTHS = " ▁▂▃▄▅▆▇█"
LIKELY, POSSIBLE = "▒", "░"
WEEK_DAYS = "MTWTFSS"


def picture(past: Sequence[float], ahead: Sequence[tuple[float, float]], *, start: date) -> list[str]:
    """Draw days, the highest value at the top.

    Args:
        past: credits of the days that are over.
        ahead: of each day ahead what 90 and what 10 in 100 months pass.
        start: the first day.
    """
    top = max([*past, *(high for _, high in ahead)], default=0.0)
    if top <= 0:
        return []
    label = len(f"{top:,.0f}")
    lines = []
    for row in reversed(range(ROWS)):
        cells = [_bar(value / top * ROWS - row) for value in past]
        cells += [_band(low / top * ROWS - row, high / top * ROWS - row) for low, high in ahead]
        axis = f"{top:,.0f}" if row == ROWS - 1 else "0" if row == 0 else ""
        lines.append(f"{axis:>{label}} {' '.join(cells)}".rstrip())
    letters = " ".join(WEEK_DAYS[(start.weekday() + at) % 7] for at in range(len(past) + len(ahead)))
    return [*lines, f"{'':{label}} {letters}".rstrip()]


def bar(share: float, width: int = 38) -> str:
    """A bar that is full where all is used, and no fuller."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full)


def _bar(height: float) -> str:
    return EIGHTHS[round(min(max(height, 0.0), 1.0) * 8)]


def _band(low: float, high: float) -> str:
    """A cell of a day ahead, by how far above its floor the band begins and ends."""
    if low >= 1 / 2:
        return LIKELY
    return POSSIBLE if high >= 1 / 2 else " "
