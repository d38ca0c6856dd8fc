"""Plans of accounts are changed: at once, with the share of credits that the rest of the period is; or when it ends."""

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

from meter.credits import ZERO, Credits
from meter.ledger.accounts import renewed
from meter.ledger.promise import Account, Ledger, LedgerUnavailable, Word
from meter.ledger.records import terms_text
from meter.policy.model import Plan
from meter.pricing.allotment import Proration, prorated, unmoved
from meter.pricing.calendar import day_of
from meter.pricing.plan_terms import at_period_end, taken_up
from meter.pricing.terms import Terms

TRIES = 6
"""How often an account may change while one change of it is reckoned."""


class When(StrEnum):
    """When an account's plan is changed."""

    NOW = "now"
    PERIOD_END = "period_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of an account, or would."""

    account: str
    before: str
    """The plan that it was on."""
    plan: str
    changes: bool
    """Whether anything is another than before."""
    at: int | None
    """The second from which on it holds; None: at once."""
    give: Credits = ZERO
    take: Credits = ZERO
    """So much of the old plan's credits; what of it is spent is not given."""


async def change_plan(ledger: Ledger, name: str, plan: Plan, *, when: When, dry_run: bool = False) -> Change | None:
    """Put an account on a plan, or on what its plan says by now; None for one that is unknown, or has a payer.

    Where nothing resets, there is no period to wait for the end of: the change is made at once. The same change again
    finds nothing to do.

    Raises:
        LedgerUnavailable: the store went away, or the account changed all the time.
    """
    for _ in range(TRIES):
        account = await _current(ledger, name)
        if account is None:
            return None
        made = _change(account, plan, when, ledger.now())
        terms, proration, change = made
        if dry_run or not change.changes:
            return change
        word = await ledger.set_terms(name, terms, op=_op(account, terms), proration=proration)
        if word is Word.UNKNOWN:
            return None
        if word in (Word.DONE, Word.REPEAT):
            return change
    raise LedgerUnavailable(f"Account {name!r} changed {TRIES} times; try again.", fate_unknown=False)


async def _current(ledger: Ledger, name: str) -> Account | None:
    """The account, its period renewed if it was over."""
    account = await ledger.find_account(name)
    if account is None or account.terms.payer is not None:
        return None
    return await renewed(ledger, account, ledger.now())


def _change(account: Account, plan: Plan, when: When, now: int) -> tuple[Terms, Proration | None, Change]:
    there = account.terms
    signed = replace(there, signed_up=there.signed_up or day_of(now, there.zone))
    after = taken_up(signed, plan)
    change = Change(account=account.id, before=there.plan, plan=plan.name, changes=False, at=None)
    if when is When.PERIOD_END and account.period.end is not None:
        terms = at_period_end(there, _as_there(there, after))
        still = unmoved(revision=account.revision, period=account.period)
        return terms, still, replace(change, changes=terms != there, at=account.period.end)
    terms = _as_there(there, after)
    if terms == there:
        return terms, None, change
    moved = prorated(there, terms, revision=account.revision, period=account.period, now=now)
    return terms, moved, replace(change, changes=True, give=moved.give, take=moved.take)


def _as_there(there: Terms, after: Terms) -> Terms:
    """The terms as they are, where nothing but a day of signing up would be new."""
    stay = replace(there, following=None)
    return stay if replace(after, signed_up=there.signed_up) == stay else after


def _op(account: Account, terms: Terms) -> str:
    """The change's name: the same change of the same account, tried again, is one."""
    said = f"{account.id} {account.revision} {account.period.start} {terms_text(terms)}"
    return f"plan:{sha256(said.encode()).hexdigest()[:32]}"
