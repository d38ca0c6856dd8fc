"""Steps that change an account, and the clock."""

from dataclasses import replace
from datetime import date

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from meter.credits import Credits
from meter.ledger.limits import Limits
from meter.ledger.noticing import Telling
from meter.ledger.promise import Grant, GrantKind, Status
from meter.policy.model import PeriodUnit
from meter.policy.plans import Anchor, Duration, Rollover, Trial
from meter.pricing.allotment import prorated
from meter.pricing.calendar import period_containing
from meter.pricing.plan_terms import at_period_end
from meter.pricing.terms import Terms
from tests.ledger.machine.steps import MEMBER, MEMBERS, Steps, accounts
from tests.ledger.model import DAY

OVERAGE_MAX = 60
SCOPES = (frozenset(), frozenset({"chat"}), frozenset({"chat", "users.list"}))

PERIODS = (
    {"period": PeriodUnit.MONTH},
    {"period": PeriodUnit.WEEK},
    {"period": PeriodUnit.NONE},
    {"period": PeriodUnit.YEAR, "drip": True},
    {"period": PeriodUnit.MONTH, "anchor": Anchor.SIGNUP, "signed_up": date(2026, 8, 31), "zone": "Asia/Kathmandu"},
    {"period": PeriodUnit.CUSTOM, "every": Duration(days=10), "signed_up": date(2026, 11, 18)},
)
ROLLOVERS = (
    None,
    Rollover(millionths=1_000_000),
    Rollover(millionths=333_333, cap=Credits(40), periods=2),
)

terms = st.builds(
    lambda period, **facts: Terms(**period, **facts),
    period=st.sampled_from(PERIODS),
    plan=st.sampled_from(("free", "pro")),
    included=st.sampled_from((0, 100, 250)).map(Credits),
    overage_limit=st.sampled_from((0, OVERAGE_MAX)).map(Credits),
    minute_limit=st.sampled_from((None, None, None, Credits(120))),
    day_limit=st.sampled_from((None, None, None, Credits(400))),
    concurrent=st.sampled_from((None, None, None, 2)),
    trial=st.sampled_from((None, Trial(credits=Credits(30), days=14))),
    rollover=st.sampled_from(ROLLOVERS),
    burn=st.sampled_from((None, None, "expiry priority scope cost created", "cost created expiry priority scope")),
)

caps = st.sampled_from((None, None, 60, 200)).map(lambda cap: None if cap is None else Credits(cap))
limits = st.builds(Limits, budget=caps, minute=caps, day=caps)


class AccountSteps(Steps):
    """An account is opened, renewed, given grants and changed, while time passes."""

    @initialize(terms=terms)
    def somebody_is_there(self, terms: Terms) -> None:
        self.begin_account("acme", replace(terms, included=Credits(250)))
        self.begin_account("acme/team", terms)
        self.begin_account(MEMBER, MEMBERS)

    # The clock.

    @rule(seconds=st.sampled_from((1, 59, 700, 1000, 3600, DAY, 9 * DAY, 40 * DAY)))
    def time_passes(self, seconds: int) -> None:
        self.set_clock(self.line.now + seconds)

    @rule(name=accounts)
    def its_period_ends(self, name: str) -> None:
        self.begin_the_next_period(name)

    @rule(seconds=st.sampled_from((1, 4, 5, 30)))
    def the_clock_jumps_back(self, seconds: int) -> None:
        self.set_clock(self.line.now - seconds)

    @rule(status=st.sampled_from((*[Status.ACTIVE] * 3, Status.SUSPENDED)))
    def change_the_member(self, status: Status) -> None:
        if status is Status.ACTIVE:
            self.set_terms_of(MEMBER, MEMBERS)
        self.change_status(MEMBER, status, self.label("status"))

    # Steps.

    @rule(name=accounts, terms=terms)
    def open_account(self, name: str, terms: Terms) -> None:
        self.begin_account(name, terms)

    @rule(name=accounts)
    def begin_a_period(self, name: str) -> None:
        self.renew(name)

    @rule(name=accounts)
    def begin_a_period_by_hearsay(self, name: str) -> None:
        self.renew(name, by_hearsay=True)

    @rule(
        name=accounts,
        grant=st.builds(
            Grant,
            id=st.sampled_from(("a", "B", "c.1", "d-2", "e:3")),
            kind=st.sampled_from((GrantKind.PROMO, GrantKind.PURCHASED)),
            amount=st.sampled_from((0, 10, 90)).map(Credits),
            priority=st.sampled_from((5, 10, 50)),
            scope=st.sampled_from(SCOPES),
            cost_basis=st.sampled_from((0, 3)).map(Credits),
        ),
        lives=st.sampled_from((None, -1, 100, DAY, 60 * DAY)),
    )
    def grant(self, name: str, grant: Grant, lives: int | None) -> None:
        if lives is not None:
            grant = replace(grant, expires_at=self.line.now + lives)
        assert self.wait(self.ledger.grant(name, grant)) == self.model.grant(name, grant)

    @rule(name=accounts, data=st.data())
    def revoke(self, name: str, data: st.DataObject) -> None:
        known = sorted(self.model.books[name].facts) if name in self.model.books else []
        grant = data.draw(st.sampled_from((*known, "nothing")))
        op = self.label("revoke")
        assert self.wait(self.ledger.revoke(name, grant, op=op)) == self.model.revoke(name, grant, op)

    @rule(name=accounts, status=st.sampled_from((*[Status.ACTIVE] * 7, Status.SUSPENDED)), again=st.booleans())
    def set_status(self, name: str, status: Status, again: bool) -> None:
        if not again:
            self.count += 1
        op = f"status:{self.count}"
        self.change_status(name, status, op)

    @rule(name=st.sampled_from(("acme", "acme/team", MEMBER)), limits=limits, again=st.booleans())
    def set_limits(self, name: str, limits: Limits, again: bool) -> None:
        op = f"limit:{self.count}" if again else self.label("limit")
        self.remember(op)
        assert self.wait(self.ledger.set_limits(name, limits, op=op)) == self.model.set_limits(name, limits, op)

    @rule(name=accounts, terms=terms)
    def set_terms_from_the_next_period_on(self, name: str, terms: Terms) -> None:
        books = self.model.books.get(name)
        if books is not None:
            self.set_terms_of(name, at_period_end(books.terms, terms))

    @rule(name=accounts, terms=terms, wrong=st.sampled_from((0, 0, 0, 0, 1)))
    def set_terms_now(self, name: str, terms: Terms, wrong: int) -> None:
        op = self.label("terms")
        self.remember(op)
        self.tell_the_time(name)
        books = self.model.books.get(name)
        if books is None:
            return
        old, revision, period = books.terms, books.revision + wrong, books.period
        moved = prorated(old, terms, revision=revision, period=period, now=self.ledger.now())
        done = self.wait(self.ledger.set_terms(name, terms, op=op, proration=moved))
        assert done == self.model.set_terms(name, terms, op, None, moved)
        again = self.wait(self.ledger.set_terms(name, terms, op=op, proration=moved))
        assert again == self.model.set_terms(name, terms, op, None, moved)

    @rule(name=accounts, terms=terms)
    def set_terms(self, name: str, terms: Terms) -> None:
        self.set_terms_of(name, terms)

    def set_terms_of(self, name: str, terms: Terms) -> None:
        op = self.label("terms")
        self.remember(op)
        self.tell_the_time(name)
        end = period_containing(terms, self.ledger.now()).end
        assert self.wait(self.ledger.set_terms(name, terms, op=op)) == self.model.set_terms(name, terms, op, end)

    @rule(name=accounts, notice=st.sampled_from(("included:80", "zero")), other=st.booleans())
    def tell(self, name: str, notice: str, other: bool) -> None:
        """Somebody is told of an account, now and then of an epoch that is over."""
        books = self.model.books.get(name)
        found = self.wait(self.ledger.look(name))
        assert (found is None) == (books is None)
        if found is not None and books is not None:
            assert found.epoch == self.model.epoch(books)
            assert found.told == {one for epoch, one in books.told if epoch == found.epoch}
        epoch, op = "1" if other or found is None else found.epoch, self.label("alert")
        telling = Telling(account=name, op=op, name=notice, what="threshold", data="{}", letter=False)
        assert self.wait(self.ledger.tell(telling, epoch=epoch)).word == self.model.tell(name, notice, op, epoch)
