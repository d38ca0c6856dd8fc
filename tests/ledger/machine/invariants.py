"""What must hold after each step."""

from collections import Counter

from hypothesis.stateful import invariant

from meter.ledger.holding import OpenHold
from meter.ledger.names import account_key, holds_key, op_key, shard_of
from meter.ledger.promise import Statement
from tests.ledger.machine.accounts import OVERAGE_MAX
from tests.ledger.machine.entries import EntrySteps
from tests.ledger.machine.steps import ACCOUNTS
from tests.ledger.model import CHARGING

PLAIN = ("left", "others", "first", "plain_until", "beyond", "receipt")
CLOSING = ("settle", "release", "expire_hold")


class Invariants(EntrySteps):
    """The store stands where the model says, and the books add up."""

    @invariant()
    def every_change_wrote_its_entry(self) -> None:
        self.read_on()

    @invariant()
    def every_account_stands_where_the_model_says(self) -> None:
        for name in ACCOUNTS:
            statement = self.wait(self.ledger.statement(name))
            books = self.model.books.get(name)
            assert (statement is None) == (books is None)
            if statement is None or books is None:
                continue
            assert statement.account.period == books.period
            assert (statement.account.terms, statement.account.revision) == (books.terms, books.revision)
            assert statement.status == books.status
            assert [(grant.grant.id, grant.remaining) for grant in statement.grants] == [
                (lot.id, lot.left) for lot in self.model.live(books)
            ]
            assert (statement.granted, statement.overage) == (self.model.granted(books), books.overage)
            assert statement.reserved == self.model.held(name)
            assert statement.used == {what: amount for what, amount in books.used.items() if amount}
            assert dict(statement.lifetime) == {
                "granted": books.granted,
                "spent": books.spent + sum(books.used.values()),
                "expired": books.expired + self.model.unwritten(books),
                "revoked": books.taken_back,
                "held": self.model.held(name),
            }
            self.adds_up(statement)
            holding = self.client.hget(account_key(shard_of(name), name), "holding") or 0
            assert int(holding) == self.model.holding(name)

    def adds_up(self, one: Statement) -> None:
        """Nothing is lost, nothing is made, and nobody spends more than is his."""
        life = one.lifetime

        assert life["granted"] == one.remaining + life["held"] + life["spent"] + life["expired"] + life["revoked"]
        assert one.granted == one.consumed + one.reserved + one.remaining
        assert 0 <= one.overage <= OVERAGE_MAX
        assert one.consumed >= 0

    @invariant()
    def every_level_has_spent_what_the_model_says(self) -> None:
        for root in sorted({name.partition("/")[0] for name in ACCOUNTS}):
            assert self.wait(self.ledger.levels(root)) == self.model.levels(root)

    @invariant()
    def what_is_open_is_on_the_list_and_never_forgotten(self) -> None:
        for shard in sorted({shard_of(name) for name in ACCOUNTS}):
            names = [name for name in ACCOUNTS if shard_of(name) == shard]
            still = {
                op: OpenHold(account=one.account, op=op, until=one.until)
                for op, one in self.model.open_holds(names).items()
            }
            listed = self.wait(self.ledger.holds(shard, overdue=False, count=1000))
            assert sorted(listed, key=lambda hold: hold.op) == sorted(still.values(), key=lambda hold: hold.op)
            assert self.client.zcard(holds_key(shard)) == len(still)
            known = [op for op, one in self.model.operations.items() if one.account in names]
            endless = [op for op, ttl in zip(known, self.times_to_live(shard, known), strict=True) if ttl == -1]
            assert sorted(endless) == sorted(still)

    def times_to_live(self, shard: int, ops: list[str]) -> list[int]:
        asked = self.client.pipeline(transaction=False)
        for op in ops:
            asked.ttl(op_key(shard, op))
        return asked.execute()

    @invariant()
    def what_a_plain_charge_goes_by_is_what_the_burn_list_says(self) -> None:
        for name, books in self.model.books.items():
            lots = books.burn_list()
            said = [
                *(sum(lot.left for lot in lots), sum(lot.left for lot in lots[1:]), lots[0].id if lots else "-"),
                *(self.model.plain_until(books), max(0, books.terms.overage_limit - books.overage)),
                f" {books.period_granted} {books.period.end or 0}",
            ]
            kept = self.client.hmget(account_key(shard_of(name), name), PLAIN)
            assert [field.decode() for field in kept] == [str(field) for field in said]

    @invariant()
    def a_balance_is_the_fold_of_its_entries(self) -> None:
        fold = Counter()
        for entry in self.model.entries:
            fold[entry["account"]] += entry["delta"]
            assert entry["after"] == fold[entry["account"]]
        for name, books in self.model.books.items():
            assert fold[name] == sum(lot.left for lot in books.lots)

    @invariant()
    def an_operation_is_charged_once_and_closed_once(self) -> None:
        entries = self.model.entries
        charged = Counter(entry["op"] for entry in entries if entry["kind"] in CHARGING and entry["amount"])
        closed = Counter(entry["op"] for entry in entries if entry["kind"] in CLOSING)
        assert all(count == 1 for count in (charged | closed).values())
