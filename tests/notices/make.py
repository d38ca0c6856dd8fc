"""What the tests of notices say often: how an account stands."""

from dataclasses import replace

from meter.credits import Credits
from meter.notices.rules import Level, Standing
from meter.pricing.terms import Period

DAY = 24 * 3600
START = 1_795_000_000
MONTH = Period(start=START, end=START + 30 * DAY)


def included(used: int, limit: int = 1000) -> Level:
    return Level(name="included", used=Credits(used), limit=Credits(limit))


def standing(used: int = 0, limit: int = 1000, **facts: object) -> Standing:
    """An account that used so much of what its period includes, an instant after the period began."""
    usual = Standing(
        account="acme",
        plan="pro",
        period=MONTH,
        epoch=str(START),
        active=True,
        granted=Credits(limit),
        remaining=Credits(max(0, limit - used)),
        reserved=Credits(0),
        levels=(included(used, limit),),
        now=START,
    )
    return replace(usual, **facts)  # type: ignore[arg-type]
