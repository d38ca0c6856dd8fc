"""Leases: taken, spent in order, and closed in every way; and calls that are charged late. Each step again."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from meter.credits import Credits
from meter.ledger.leasing import Posting
from meter.ledger.promise import Grant, GrantKind, Stale, Word
from tests.ledger.machine.holds import HoldSteps
from tests.ledger.machine.steps import OPERATIONS, accounts, amounts
from tests.ledger.model import CHARGING

HOUR = 3600
shares = st.sampled_from((0, 1, 3, 6, 100)).map(Credits)
steps = st.lists(
    st.sampled_from(
        ("spend", "spend", "spend_again", "renew_lease", "take_again", "outlive_a_period", "revoke_what_pays", "give")
    ),
    max_size=5,
)
lease_ends = st.sampled_from(("release", "outlive", "outlive", "void", "settle"))


class LeaseSteps(HoldSteps):
    """What one process spends while the store is away."""

    @rule(name=accounts, most=shares, owner=st.sampled_from(("cafe", "beef")), work=steps, data=st.data())
    def a_lease(self, name: str, most: Credits, owner: str, work: list[str], data: st.DataObject) -> None:
        """A lease from its beginning to its end, and beyond, of an account with credits to spare."""
        if name not in self.hints:
            return
        self.get_ready(name, data)
        self.give_first(name, data.draw(st.integers(1, 9)))
        lease = f"{self.line.now:08x}-{self.label('L').replace(':', '')}"
        self.take(name, lease, most, owner)
        for step in [*work, data.draw(lease_ends), *data.draw(steps)]:
            getattr(self, step)(name, lease, data)
            self.read_on()

    def give_first(self, name: str, amount: int) -> None:
        """Give a grant that is burnt before all others, and is too small for a lease."""
        grant = Grant(id=self.label("g"), kind=GrantKind.PROMO, amount=Credits(amount), priority=0)
        assert self.wait(self.ledger.grant(name, grant)) == self.model.grant(name, grant)

    def take(self, name: str, lease: str, most: Credits, owner: str) -> None:
        self.born[lease] = self.line.now
        taken = self.wait(self.ledger.lease(name, lease, most=most, owner=owner, seconds=HOUR))
        assert taken == self.model.lease(name, lease, most, owner, HOUR)

    def take_again(self, name: str, lease: str, data: st.DataObject) -> None:
        self.take(name, lease, data.draw(shares), data.draw(st.sampled_from(("cafe", "beef"))))

    def spend(self, name: str, lease: str, data: st.DataObject) -> None:
        """Post the next call, or one that is out of its turn."""
        known = self.model.operations.get(lease)
        seq = (known.seq if known else 0) + data.draw(st.sampled_from((1, 1, 1, 1, 0, 2)))
        self.post(self.served(name, lease, max(1, seq), data.draw(shares)))

    def spend_again(self, name: str, lease: str, data: st.DataObject) -> None:
        posted = [entry for entry in self.model.entries if entry.get("lease") == lease]
        for entry in posted[-2:]:
            again = self.served(name, lease, entry["seq"], Credits(entry["amount"]))
            self.post(replace(again, op=entry["op"], operation=entry["operation"]))

    def post(self, posting: Posting) -> None:
        self.born.setdefault(posting.op, self.line.now)
        posted = self.wait(self.ledger.post(posting))
        assert posted == self.model.post(posting)

    def served(self, name: str, fund: str, seq: int, amount: Credits) -> Posting:
        self.count += 1
        return Posting(
            account=name,
            op=f"{self.line.now:08x}-{self.count}",
            amount=amount,
            operation="chat",
            quote="{}",
            fund=fund,
            seq=seq,
        )

    def renew_lease(self, name: str, lease: str, data: st.DataObject) -> None:
        nothing = Credits(0)
        extended = self.wait(self.ledger.extend(name, lease, amount=nothing, at_least=nothing, seconds=HOUR))
        assert extended == self.model.extend(name, lease, 0, 0, HOUR)

    @rule(name=accounts, amount=amounts, operation=st.sampled_from(OPERATIONS), skips=st.sampled_from((1, 1, 1, 0, 2)))
    def charge_late(self, name: str, amount: Credits, operation: str, skips: int) -> None:
        counted = self.model.books[name].served["c0"] if name in self.model.books else 0
        posting = replace(self.served(name, "c0", max(1, counted + skips), amount), operation=operation)
        self.charged_late(posting, counted=True)

    @precondition(lambda self: any(entry["kind"] in CHARGING for entry in self.model.entries))
    @rule(data=st.data(), counted=st.booleans())
    def charge_late_what_is_in_the_books(self, data: st.DataObject, counted: bool) -> None:
        known = sorted(op for op, one in self.model.operations.items() if one.state in ("charged", "voided", "settled"))
        if not known:
            return
        op = data.draw(st.sampled_from(known))
        name = self.model.operations[op].account
        seq = self.model.books[name].served["c0"] + 1 if name in self.model.books else 1
        self.charged_late(replace(self.served(name, "c0", seq, Credits(5)), op=op), counted=counted)

    def charged_late(self, posting: Posting, *, counted: bool) -> None:
        self.born.setdefault(posting.op, self.line.now)
        outcome = self.wait(self.ledger.charge_late(posting, counted=counted))
        expected = self.model.charge_late(posting, counted=counted)
        if isinstance(outcome, Stale):
            assert (outcome.lapsed, expected) == (True, Word.LAPSED)
            self.hints[posting.account] = outcome.account
        else:
            assert outcome == expected

    @rule(name=accounts)
    def end_late(self, name: str) -> None:
        self.wait(self.ledger.end_late(name, "c0"))
        if name in self.model.books:
            self.model.books[name].served.pop("c0", None)
