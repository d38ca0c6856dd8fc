"""The replay event by event: every call priced at its minute, every account with its period and what it spent in it."""

from collections.abc import Iterable
from dataclasses import dataclass

from meter.credits import Credits
from meter.economics.replay.outcome import Done, Replayed, Spell, Sum, unwatched
from meter.economics.replay.rule import MINUTE_SECONDS, Facts, Rule, Tariff
from meter.economics.traffic import Call
from meter.pricing.allotment import included_in
from meter.pricing.calendar import period_containing
from meter.pricing.terms import Period, Terms

TOLD_EVERY = 8192
"""Calls between two words on how far it is."""


def replayed(calls: Iterable[Call], tariff: Tariff, done: Done = unwatched) -> Replayed:
    """Replay calls in their order of time.

    Raises:
        EconomicsError: a call has no price.
    """
    books = _Books(tariff)
    for number, call in enumerate(calls):
        books.take(call)
        if number % TOLD_EVERY == 0:
            done(number)
    return books.closed()


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    micro: int = 0


@dataclass(slots=True)
class _Account:
    """Where an account stands."""

    terms: Terms
    period: Period
    included: Credits
    micro: int = 0
    zero_at: int | None = None


class _Books:
    """The accounts, and what their calls came to by now."""

    def __init__(self, tariff: Tariff) -> None:
        self._rule = Rule(tariff.policy)
        self._as_charged = tariff.as_charged
        self._minute = -1
        self._remembered: dict[object, int] = {}
        """Prices of the present minute."""
        self._facts: dict[object, tuple[Facts, Terms]] = {}
        self._operations: dict[str, _Tally] = {}
        self._totals: dict[str, _Tally] = {}
        self._accounts: dict[str, _Account] = {}
        self._spells: dict[tuple[str, int], Spell] = {}
        self._prices: set[int] = set()

    def take(self, call: Call) -> None:
        """Charge one more call."""
        facts, terms = self._known(call)
        micro = call.credits if self._as_charged else self._price(call, facts, terms)
        if micro and call.charged == 1 and not self._rule.meters(call.operation):
            self._prices.add(micro)
        for tallies, name in ((self._operations, call.operation), (self._totals, call.account)):
            tally = tallies.get(name)
            if tally is None:
                tally = tallies[name] = _Tally()
            tally.calls += 1
            tally.micro += micro
        self._spend(call, terms, micro)

    def closed(self) -> Replayed:
        """What it all came to."""
        for name, account in self._accounts.items():
            self._close(name, account)
        return Replayed(
            operations={name: Sum(calls=one.calls, micro=one.micro) for name, one in self._operations.items()},
            accounts={name: Sum(calls=one.calls, micro=one.micro) for name, one in self._totals.items()},
            spells=self._spells,
            prices=frozenset(self._prices),
        )

    def _known(self, call: Call) -> tuple[Facts, Terms]:
        key = call.plan, call.commitment, call.load, call.charged, call.terms
        known = self._facts.get(key)
        if known is None:
            facts = Facts(
                plan=call.plan, commitment=call.commitment, load=call.load, charged=call.charged, terms=call.terms
            )
            known = self._facts[key] = facts, self._rule.terms(facts)
        return known

    def _price(self, call: Call, facts: Facts, terms: Terms) -> int:
        """The price of a call, remembered for as long as its minute lasts, as a ``Pricer`` does."""
        minute = call.at // MINUTE_SECONDS
        if minute != self._minute:
            self._minute, self._remembered = minute, {}
        meters = self._rule.meters(call.operation)
        units = tuple([call.usage.get(meter) for meter in meters]) if meters else ()
        key = call.operation, id(facts), units
        price = self._remembered.get(key)
        if price is None:
            price = self._rule.credits(call.operation, facts, terms, minute, units)
            self._remembered[key] = price
        return price

    def _spend(self, call: Call, terms: Terms, micro: int) -> None:
        account = self._accounts.get(call.account)
        if account is None or account.terms is not terms or (account.period.end or call.at + 1) <= call.at:
            account = self._turned(call, terms, account)
        account.micro += micro
        if account.zero_at is None and 0 < account.included <= account.micro:
            account.zero_at = call.at

    def _turned(self, call: Call, terms: Terms, before: _Account | None) -> _Account:
        """The account in the period of a call, by the terms that hold then; what is spent stays, within one period."""
        period = period_containing(terms, call.at)
        included = included_in(terms, period)
        now = _Account(terms=terms, period=period, included=included)
        if before is not None:
            self._close(call.account, before)
        earlier = self._spells.get((call.account, period.start))
        if earlier is not None:
            now.micro, now.zero_at = earlier.micro, earlier.zero_at
        self._accounts[call.account] = now
        return now

    def _close(self, name: str, account: _Account) -> None:
        self._spells[name, account.period.start] = Spell(
            account=name,
            plan=account.terms.plan,
            start=account.period.start,
            end=account.period.end,
            included=account.included,
            micro=account.micro,
            zero_at=account.zero_at,
        )
