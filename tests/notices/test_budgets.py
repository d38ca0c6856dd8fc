"""Budgets are told as they fill up, each by the account that pays there."""

from dataclasses import replace

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.limits import Level, Limits, Window
from meter.ledger.promise import Account, KeyRecord
from meter.notices.budgets import Budgets
from meter.notices.watch import Watch
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Period, Terms
from tests.ledger.books import charged, entries, opened, order, terms

HASH = "ab" * 32


def budget(amount: int) -> Limits:
    return Limits(budget=Credits(amount))


async def told(ledger: RedisLedger, account: str = "acme") -> list[str]:
    """The budgets of which somebody is told, after a look."""
    await Watch(ledger, top_up=lambda _: None, levels=Budgets(ledger)).look()
    return [one["notice"] for one in await entries(ledger, account) if one["kind"] == "alert"]


async def test_the_budget_of_who_pays_is_told_at_each_threshold_once(ledger):
    account = await opened(ledger, included=100_000)
    await ledger.set_limits("acme", budget(100), op="limit:1")
    await charged(ledger, account, 85)

    expected = ["budget:acme:50", "budget:acme:80"]
    assert [name for name in await told(ledger) if "forecast" not in name] == expected
    assert [name for name in await told(ledger) if "forecast" not in name] == expected


async def test_the_budget_of_a_key_is_told_by_what_people_know_of_the_key(ledger):
    _, account = await ledger.open_account("acme", terms(100_000, period=PeriodUnit.NONE), op="open")
    await ledger.create_key("acme", key_hash=HASH, hint="mk_17abc", expires_at=None, op="key")
    await ledger.set_limits("acme", budget(100), op="limit:1", key_hash=HASH)
    await ledger.charge(order(ledger, account, 85, key_hash=HASH))

    assert await told(ledger) == [f"budget:key:{HASH[:16]}:50", f"budget:key:{HASH[:16]}:80"]
    last = (await entries(ledger))[-1]
    assert (last["told"]["level"], last["told"]["percent"]) == ("budget:key:mk_17abc", 80)
    assert HASH not in str(last)


async def test_a_budget_where_another_account_pays_is_told_by_that_one_alone(ledger):
    _, root = await ledger.open_account("acme", terms(100_000, period=PeriodUnit.NONE), op="open:1")
    _, own = await ledger.open_account("acme/own", terms(100_000, period=PeriodUnit.NONE), op="open:2")
    await ledger.set_limits("acme/own", budget(100), op="limit:1")
    await charged(ledger, root, 1)
    await charged(ledger, own, 60)
    await told(ledger)

    alerts = [(one["account"], one["notice"]) for one in await entries(ledger) if one["kind"] == "alert"]
    assert alerts == [("acme/own", "budget:acme/own:50")]


async def test_the_budget_of_a_member_is_told_by_its_payer(ledger):
    _, root = await ledger.open_account("acme", terms(100_000, period=PeriodUnit.NONE), op="open:1")
    _, web = await ledger.open_account("acme/web", replace(terms(0), payer="acme"), op="open:2")
    await ledger.set_limits("acme/web", budget(100), op="limit:1")
    await ledger.charge(order(ledger, root, 60, member=web))
    await told(ledger)

    alerts = [(one["account"], one["notice"]) for one in await entries(ledger) if one["kind"] == "alert"]
    assert alerts == [("acme", "budget:acme/web:50")]


PAYS = Terms(plan="pro", included=Credits(0), period=PeriodUnit.MONTH)
MEMBER = Terms(plan="pro", included=Credits(0), period=PeriodUnit.MONTH, payer="acme")
NOW = Period(start=1000, end=2000)


def of(name: str, terms: Terms = PAYS) -> Account:
    return Account(id=name, terms=terms, revision=1, period=NOW)


ACCOUNTS = {"acme": of("acme"), "acme/web": of("acme/web", MEMBER), "acme/own": of("acme/own")}
LIMITS = (
    Level(name="acme", limits=Limits(minute=Credits(5))),
    Level(name="acme/web", limits=budget(10), budget=Window(start=1000, spent=Credits(9))),
    Level(name="acme/own", limits=budget(10), budget=Window(start=1000, spent=Credits(9))),
    Level(name="acme/web/a", limits=budget(10), budget=Window(start=999, spent=Credits(9))),
    Level(name=f"key:{HASH}", limits=budget(10), budget=Window(start=1000, spent=Credits(9))),
)


class Books:
    """A root whose team is a member, and whose other team pays for itself."""

    def shard_of(self, account: str) -> int:
        return 0

    async def levels(self, account: str, *, aside: bool = False) -> tuple[Level, ...]:
        return LIMITS

    async def find_account(self, account: str) -> Account | None:
        return ACCOUNTS.get(account)

    async def find_key(self, shard: int, key_hash: str) -> KeyRecord | None:
        record = KeyRecord(
            key_hash=key_hash, account="acme/web", created_at=0, expires_at=None, revoked=False, hint="mk_1"
        )
        return record if key_hash == HASH else None


async def test_who_pays_is_told_of_its_members_budgets_and_their_keys_and_of_nobody_elses():
    budgets = Budgets(Books())
    levels = await budgets.of(of("acme"))
    shown = [await budgets.shown("acme", level) for level in levels]

    assert shown == ["budget:acme/web", None, "budget:acme/web/a", "budget:key:mk_1"]


async def test_what_was_spent_in_an_earlier_period_counts_as_nothing():
    levels = await Budgets(Books()).of(of("acme"))

    assert {level.name: level.used for level in levels}["budget:acme/web/a"] == 0
    assert {level.name: level.used for level in levels}["budget:acme/web"] == 9


async def test_the_budget_of_a_key_that_is_gone_concerns_nobody():
    budgets = Budgets(Books())
    (key,) = [level for level in await budgets.of(of("acme")) if level.key_hash]

    assert await budgets.shown("acme", replace(key, key_hash="cd" * 32)) is None
