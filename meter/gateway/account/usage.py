"""What an account used in this period: by operation, as its books count it; and by day, as its entries tell it.

A charge that was given back counts for what was kept of it, on its own day: so the days come to what the operations do.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from meter.credits import Credits
from meter.gateway.account.entries import AT_ONCE, Entries
from meter.gateway.account_view import JsonObject, moment_text, number, period_object
from meter.ledger.audit.entry import Entry, Kind, read
from meter.ledger.history import CHARGING, GIVING_BACK
from meter.ledger.promise import Statement
from meter.policy.model import Operation

LOOKED_AT_MAX = 10_000
"""How many entries of the shard are looked at; what is older is counted by operation alone."""

_BEGINNING = (Kind.OPEN, Kind.RENEW)


@dataclass(slots=True)
class Days:
    """The days of an account since a period began, counted from its newest entry back."""

    zone: ZoneInfo
    start: int
    credits: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    given_back: Counter[str] = field(default_factory=Counter)
    whole: bool = False
    """Whether the period's first entry was seen."""

    def add(self, entry: Entry) -> None:
        """Count one more entry; each is older than the one before."""
        if entry.period < self.start:
            self.whole = True
        elif entry.kind in GIVING_BACK:
            self.given_back[entry.of] += entry.amount
        elif entry.kind in CHARGING and entry.amount:
            day = datetime.fromtimestamp(entry.at, self.zone).date().isoformat()
            self.credits[day] += entry.amount - self._taken_off(entry)
            self.calls[day] += 1
        elif entry.kind in _BEGINNING:
            self.whole = True

    def _taken_off(self, entry: Entry) -> int:
        back = min(self.given_back[entry.op], entry.amount)
        self.given_back[entry.op] -= back
        return back


async def usage_object(ledger: Entries, statement: Statement, operations: Mapping[str, Operation]) -> JsonObject:
    """Shape what an account used, and say since when the days are whole."""
    account = statement.account
    days, since = await _days(ledger, statement)
    return {
        "account": account.id,
        "period": period_object(account.period),
        "zone": account.terms.zone,
        "consumed": number(statement.consumed),
        "operations": [
            {
                "operation": name,
                "title": operations[name].title if name in operations else None,
                "credits": number(amount),
            }
            for name, amount in sorted(statement.used.items())
        ],
        "days": [
            {"day": day, "credits": number(Credits(days.credits[day])), "calls": days.calls[day]}
            for day in sorted(days.credits)
        ],
        "days_since": moment_text(since),
        "as_of": moment_text(statement.as_of),
    }


async def _days(ledger: Entries, statement: Statement) -> tuple[Days, int]:
    """Count the days, and find the second from which on they are whole."""
    account, oldest = statement.account, ""
    days = Days(zone=ZoneInfo(account.terms.zone), start=account.period.start)
    for _ in range(0, LOOKED_AT_MAX, AT_ONCE):
        looked = await ledger.entries_of(account.id, oldest, look_at=AT_ONCE, count=AT_ONCE)
        for place, written in looked.entries:
            entry, oldest = read(written), place
            if entry is not None and entry.account == account.id and not days.whole:
                days.add(entry)
        if days.whole or not looked.last:
            break
        oldest = looked.last
    if days.whole:
        return days, account.period.start
    return days, int(oldest.partition("-")[0]) // 1000 if oldest else statement.as_of
