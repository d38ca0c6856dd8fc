"""Ten years of an account: what happens to it, and where by another calendar than ours its periods end."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from dateutil.rrule import DAILY, MO, MONTHLY, WEEKLY, YEARLY, rrule

from meter.credits import Credits
from meter.ledger.accounts import renewed, statement
from meter.ledger.changing import When, change_plan
from meter.ledger.engine import RedisLedger
from meter.ledger.promise import Account, Done, Grant, GrantKind, Order, Short, Stale, Statement
from meter.policy.model import Overage, PeriodUnit, Plan
from meter.policy.plans import Anchor, Duration, Rollover, Trial
from meter.pricing.plan_terms import terms_of
from meter.pricing.terms import Terms
from tests.ledger.drill import DrilledLine
from tests.pricing.make import PLACE

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",  # clocks change at midnight
    "Africa/Cairo",  # so they do here
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # by half an hour
)
DAY = 24 * 3600
YEARS_SECONDS = 3653 * DAY
UNITS = {PeriodUnit.DAY: DAILY, PeriodUnit.WEEK: WEEKLY, PeriodUnit.MONTH: MONTHLY, PeriodUnit.YEAR: YEARLY}


def plan(name: str, period: PeriodUnit, included: int = 1000, **facts: object) -> Plan:
    return Plan(name=name, included=Credits(included), period=period, place=PLACE, **facts)  # type: ignore[arg-type]


HALF = Rollover(millionths=500_000, cap=Credits(300), periods=2)
ALL = Rollover(millionths=1_000_000)
PLANS = (
    plan("month", PeriodUnit.MONTH),
    plan("month-rolls", PeriodUnit.MONTH, 997, rollover=HALF, trial=Trial(credits=Credits(50), days=14)),
    plan("signup", PeriodUnit.MONTH, 500, anchor=Anchor.SIGNUP, rollover=ALL),
    plan("week", PeriodUnit.WEEK, 333, rollover=Rollover(millionths=333_333, periods=3)),
    plan("week-signup", PeriodUnit.WEEK, 100, anchor=Anchor.SIGNUP),
    plan("year", PeriodUnit.YEAR, 5000, anchor=Anchor.SIGNUP),
    plan("drip", PeriodUnit.YEAR, 1000, drip=PeriodUnit.MONTH, rollover=ALL),
    plan("drip-signup", PeriodUnit.YEAR, 7001, drip=PeriodUnit.MONTH, anchor=Anchor.SIGNUP),
    plan("day", PeriodUnit.DAY, 20, rollover=Rollover(millionths=1_000_000, periods=5)),
    plan("ten days", PeriodUnit.CUSTOM, 77, every=Duration(days=10), anchor=Anchor.SIGNUP, rollover=HALF),
    plan("odd", PeriodUnit.CUSTOM, 70, every=Duration(months=1, days=3), anchor=Anchor.SIGNUP),
    plan("over", PeriodUnit.MONTH, 100, overage=Overage(limit=Credits(50))),
)


@cache
def midnight(day: date, zone: str) -> int:
    """The first quarter of an hour at which clocks show this date, or a later one."""
    second = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - 15 * 3600
    while datetime.fromtimestamp(second, ZoneInfo(zone)).date() < day:
        second += 900
    return second


def reset_after(terms: Terms, second: int) -> int | None:
    """The first second after another one at which an account's credits reset, by dateutil."""
    if terms.period is PeriodUnit.NONE:
        return None
    day = datetime.fromtimestamp(second, ZoneInfo(terms.zone)).date() - timedelta(days=2)
    return next(at for at in (midnight(one, terms.zone) for one in _days(terms, day)) if at > second)


def _days(terms: Terms, since: date):
    """The days on which periods begin, from about a date on."""
    unit = PeriodUnit.MONTH if terms.drip else terms.period
    anchor = terms.signed_up
    if terms.anchor is Anchor.CALENDAR:
        first = date(since.year - 1, 1, 1)
        only = {MONTHLY: {"bymonthday": 1}, WEEKLY: {"byweekday": MO}, YEARLY: {"bymonth": 1, "bymonthday": 1}}
        for found in rrule(UNITS[unit], dtstart=first, **only.get(UNITS[unit], {})):
            if found.date() >= since:
                yield found.date()
        return
    steps = {
        PeriodUnit.DAY: relativedelta(days=1),
        PeriodUnit.WEEK: relativedelta(weeks=1),
        PeriodUnit.MONTH: relativedelta(months=1),
        PeriodUnit.YEAR: relativedelta(years=1),
    }
    step = steps.get(unit) or relativedelta(months=terms.every.months, days=terms.every.days)
    number = 0
    while True:
        begins = anchor + step * number
        if begins >= since:
            yield begins
        number += 1


def signed(name: str, zone: str, now: int) -> Terms:
    return terms_of(next(one for one in PLANS if one.name == name), zone=zone, now=now)


@dataclass
class Customer:
    """One account, and what it does; in pieces, its period is looked at now and then in between."""

    name: str
    ledger: RedisLedger
    line: DrilledLine
    pieces: int = 0

    async def stands(self) -> Statement:
        await self.ledger.find_account(self.name)
        found = await statement(self.ledger, self.name)
        assert found is not None
        return found

    async def waits(self, until: int, chance: Random) -> None:
        """Let time pass, and look at the account on the way."""
        for second in sorted(chance.randint(self.line.now, until) for _ in range(self.pieces)):
            self.line.now = second
            await self.stands()
        self.line.now = until

    async def calls(self, amount: int, number: int) -> bool:
        """Charge a call as a worker does; whether it could be paid."""
        account: Account = (await self.stands()).account
        op = f"{self.line.now:08x}-{self.name}{number}"
        order = Order(op=op, account=account, amount=Credits(amount), operation="chat", quote="{}")
        for _ in range(6):
            done = await self.ledger.charge(order)
            if not isinstance(done, Stale):
                assert isinstance(done, Done | Short), done
                return isinstance(done, Done)
            account = await renewed(self.ledger, done.account, done.now) if done.lapsed else done.account
            order = Order(op=op, account=account, amount=Credits(amount), operation="chat", quote="{}")
        raise AssertionError("its terms changed all the time")

    async def buys(self, amount: int, number: int) -> None:
        await self.stands()
        lot = Grant(id=f"order-{number}", kind=GrantKind.PURCHASED, amount=Credits(amount))
        await asyncio.gather(*(self.ledger.grant(self.name, lot) for _ in range(2)))

    async def changes(self, to: Plan, when: When) -> None:
        await self.stands()
        await change_plan(self.ledger, self.name, to, when=when)
