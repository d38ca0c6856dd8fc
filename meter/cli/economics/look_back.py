"""What an account's own books say of its use: its period, and its days as far as the store still has their entries."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from meter.cli.ends import Refusal
from meter.cli.store import known
from meter.credits import MICRO
from meter.economics.forecast.consumption import A_DAY, Use
from meter.gateway.account.entries import AT_ONCE
from meter.gateway.account.usage import Days
from meter.ledger.audit.entry import Kind, read
from meter.ledger.engine import RedisLedger
from meter.ledger.promise import Statement

DAY_SECONDS = 86_400
LOOKED_BACK = timedelta(days=70)
LOOKED_AT_MAX = 200_000
"""How many entries of the account's shard are looked at: about a second."""


async def use_in_books(ledger: RedisLedger, account: str) -> Use:
    """The use of an account's period so far.

    Raises:
        Refusal: there is no such account, another one pays for it, or its period never ends.
    """
    statement = await known(ledger, account)
    terms, period = statement.account.terms, statement.account.period
    if terms.payer:
        raise Refusal(f"{terms.payer!r} pays for the calls of {account!r}; forecast {terms.payer!r}.")
    if period.end is None:
        raise Refusal(f"The period of {account!r} never ends; forecast its exported calls, with --use and --period.")
    zone = ZoneInfo(terms.zone)
    today, end = _date(statement.as_of, zone), _date(period.end - 1, zone) + A_DAY
    days, since = await _days(ledger, statement, zone)
    return Use(
        start=_date(period.start, zone),
        end=end,
        today=today,
        days={date.fromisoformat(day): Fraction(amount, MICRO) for day, amount in days.credits.items()},
        since=min(since, today),
        used=Fraction(statement.consumed, MICRO),
        operations={operation: Fraction(amount, MICRO) for operation, amount in statement.used.items()},
        elapsed=Fraction(statement.as_of - period.start, DAY_SECONDS),
        length=Fraction(period.end - period.start, DAY_SECONDS),
        shares=_shares(today, end, statement, zone),
        limit=Fraction(statement.granted, MICRO) if statement.granted else None,
    )


async def _days(ledger: RedisLedger, statement: Statement, zone: ZoneInfo) -> tuple[Days, date]:
    """Count the days from the newest entry back, and find the first that is whole."""
    account, last = statement.account.id, ""
    days, begin = Days(zone=zone, start=0), statement.as_of - int(LOOKED_BACK.total_seconds())
    for _ in range(0, LOOKED_AT_MAX, AT_ONCE):
        looked = await ledger.entries_of(account, last, look_at=AT_ONCE, count=AT_ONCE)
        for place, written in looked.entries:
            entry, last = read(written), place
            if entry is None or entry.account != account:
                continue
            days.add(entry)
            if entry.kind is Kind.OPEN:
                return days, _date(entry.at, zone)
        last = looked.last or last
        if not looked.last or _second(last) < begin:
            break
    return days, _date(_second(last) if last else statement.as_of, zone) + A_DAY


def _shares(today: date, end: date, statement: Statement, zone: ZoneInfo) -> tuple[float, ...]:
    """How much of each day is ahead: of today what is left of it, of the last day what is in the period."""
    period = statement.account.period
    assert period.end is not None
    shares = []
    for at in range((end - today).days):
        begin, over = (_midnight(today + (at + after) * A_DAY, zone) for after in (0, 1))
        ahead = min(over, period.end) - max(begin, statement.as_of)
        shares.append(max(ahead, 0) / (over - begin))
    return tuple(shares)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _date(second: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(second, zone).date()


def _second(place: str) -> int:
    """When an entry was written, by its place in the stream."""
    return int(place.partition("-")[0]) // 1000
