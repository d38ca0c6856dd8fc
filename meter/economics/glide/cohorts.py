"""Cohorts of accounts whose ways start a month apart, and when.

The stagger is also an experiment: in the same month different cohorts pay different prices for the same thing, so that
what a price does can be told from what a month does (``elasticity``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from hashlib import sha256

from meter.economics.exact import EconomicsError
from meter.pricing.calendar import month_after

COHORTS_MAX = 24
NOTICE_DAYS_MAX = 730
LAST_DAY = 28
"""Every month has it."""
YEARS = range(1970, 9000)
MONTH_DAYS = Fraction(365, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a target comes into force, and when the ways of existing accounts start."""

    start: datetime
    """New accounts pay the target from here on."""
    first: datetime
    """The first cohort's way starts here: after the notice, on a day that every month has."""
    cohorts: int

    @classmethod
    def of(cls, start: date, notice_days: int, cohorts: int) -> "Schedule":
        """The schedule from a day on, in UTC.

        Raises:
            EconomicsError: the year, the notice or the number of cohorts can't be.
        """
        if start.year not in YEARS:
            raise EconomicsError(f"The year of {start} is not between 1970 and 8999; write a day to come.")
        if not 0 <= notice_days <= NOTICE_DAYS_MAX:
            raise EconomicsError(f"A notice of {notice_days} days is not between 0 and {NOTICE_DAYS_MAX}; 30 is usual.")
        if not 1 <= cohorts <= COHORTS_MAX:
            raise EconomicsError(f"{cohorts} cohorts are not between 1 and {COHORTS_MAX}; 3 is usual.")
        begins = datetime.combine(start, time.min, tzinfo=UTC)
        return cls(start=begins, first=_shared_day(begins + timedelta(days=notice_days)), cohorts=cohorts)

    def begins(self, month: int) -> datetime:
        """When a month of the way begins, the first one being 0; the cohort of the same number starts then."""
        return month_after(self.first, month)

    @property
    def notice(self) -> timedelta:
        """How long nobody who was there pays more."""
        return self.first - self.start

    @property
    def notice_months(self) -> Fraction:
        """The notice in months: a whole number where it is one, else its days by a mean month of 365/12."""
        months = (self.first.year - self.start.year) * 12 + self.first.month - self.start.month
        return Fraction(months) if month_after(self.start, months) == self.first else self.notice.days / MONTH_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Accounts whose ways start together."""

    number: int
    """From 0."""
    accounts: Mapping[str, Fraction]
    """Calls a month, by account."""

    @property
    def volume(self) -> Fraction:
        """Calls a month of all."""
        return sum(self.accounts.values(), Fraction(0))


def cohort_of(account: str, cohorts: int) -> int:
    """The cohort of an account, from 0: by the SHA-256 of its id, so it is the same wherever and whenever one asks."""
    return int.from_bytes(sha256(account.encode()).digest()) % cohorts


def cohorts_of(volumes: Mapping[str, Fraction], cohorts: int) -> tuple[Cohort, ...]:
    """The accounts by cohort, in the order of their ids; a cohort may be empty."""
    found: list[dict[str, Fraction]] = [{} for _ in range(cohorts)]
    for account in sorted(volumes):
        found[cohort_of(account, cohorts)][account] = volumes[account]
    return tuple(Cohort(number=number, accounts=accounts) for number, accounts in enumerate(found))


def _shared_day(moment: datetime) -> datetime:
    """The moment itself, or the next month's first day where not every month has its day."""
    return moment if moment.day <= LAST_DAY else month_after(moment.replace(day=1), 1)
