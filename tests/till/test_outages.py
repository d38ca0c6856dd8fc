"""Calls while the store is away: served from what was set aside before, and charged once, whoever dies."""

import asyncio
import errno
import os
import shutil
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from meter.credits import parse
from meter.ledger import kept_files
from meter.ledger.api_keys import ApiKey, new_key
from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.leasing import Leased, Posting
from meter.ledger.promise import Account, LedgerUnavailable, Order, Refused, Short, Status, Word
from meter.ledger.reserve import customers
from meter.ledger.reserve.lines import Debit
from meter.ledger.reserve.reserve import Spending
from meter.ledger.reserve.upkeep import Upkeep
from meter.policy.ends import CHARGE_DEFAULT, End
from meter.policy.model import Operation, Price
from meter.till import Caller, Charge
from tests.end_to_end.house import Store
from tests.pricing.make import operation, rate
from tests.support.asgi import until
from tests.till.outages import ACME, Worker, allowance, closing, entries, figures, micro, served, worker


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "store").mkdir()
    with Store(folder=tmp_path / "store") as store:
        yield store


def journals(folder: Path) -> list[Path]:
    return sorted((folder / "reserve").glob("*.jsonl"))


async def test_a_call_that_is_charged_has_a_lease_taken_behind_it(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance("30"))

        assert await figures(here.ledger) == (10, 30, 970)
        assert [one["owner"] for one in await entries(here.ledger, "lease")] == [here.reserve.owner]


async def test_a_lease_is_a_twentieth_of_what_can_be_spent_at_most(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance("500"))

        assert (await entries(here.ledger, "lease"))[0]["amount"] == str(micro(1000) // 20)


@pytest.mark.parametrize(
    ("of", "serves"),
    [(allowance(), True), (served(), True), (operation("chat", "10"), False)],
    ids=["allowance", "serve", "refuse"],
)
async def test_a_worker_knows_whether_it_could_serve_anybody_without_its_store(
    store: Store, tmp_path: Path, of: Operation, serves: bool
) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        assert not here.reserve.serves
        await here.ready(of)

        assert here.reserve.serves is serves


async def test_calls_of_a_file_that_refuses_have_no_lease(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(operation("chat", "10"))

        assert await figures(here.ledger) == (10, 0, 1000)
        store.kill()
        assert await here.call(operation("chat", "10")) is None


async def test_what_is_served_is_at_most_what_was_leased_and_all_of_it_is_posted_once(
    store: Store, tmp_path: Path
) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance("35"))
        store.kill()
        calls = await here.calls(allowance("35"), 10)
        store.start()
        for _ in range(3):
            await here.turned()
        posts = await entries(here.ledger, "post")

        assert [(call.consumed, call.remaining) for call in calls] == [
            (micro(10), micro(25)),
            (micro(10), micro(15)),
            (micro(10), micro(5)),
        ]
        assert [one["op"] for one in posts] == [call.op for call in calls]
        assert [one["seq"] for one in posts] == [1, 2, 3]
        assert await figures(here.ledger) == (40, 0, 970)
        assert [one["kind"] for one in await entries(here.ledger)][-4:] == ["post", "post", "post", "release"]


async def test_a_call_after_the_outage_takes_the_next_lease(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance("20"))
        store.kill()
        await here.calls(allowance("20"), 1)
        store.start()
        await here.turned()
        assert await figures(here.ledger) == (20, 0, 990)
        await here.ready(allowance("20"))

        assert await figures(here.ledger) == (30, 20, 960)


async def test_a_call_is_on_disk_before_it_is_served(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.kill()
        charge = await here.call(allowance(), end=None)
        assert isinstance(charge, Charge)
        written = [line for line in here.reserve.journal.read() if isinstance(line, Debit)]

        assert [(line.op, line.price, line.amount) for line in written] == [(charge.op, micro(10), micro(10))]
        await charge.close(End.SUCCESS)
        store.start()
        await here.turned()


async def test_a_call_that_can_not_be_written_down_is_refused_and_costs_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = kept_files.append

    def full(descriptor: int, lines: bytes) -> None:
        os.write(descriptor, lines)
        raise OSError(errno.ENOSPC, "No space left on device")

    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.kill()
        monkeypatch.setattr(kept_files, "append", full)
        assert await here.call(allowance()) is None
        assert here.upkeep.trouble is not None
        assert await here.call(allowance()) is None
        monkeypatch.setattr(kept_files, "append", append)
        await here.reserve.journal.add()
        store.start()
        await here.turned()

        assert await figures(here.ledger) == (10, 50, 950)
        assert here.reserve.unposted == 0


async def test_a_caller_that_leaves_before_its_call_is_served_pays_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, begun, goes_on = kept_files.append, threading.Event(), threading.Event()

    def slow(descriptor: int, lines: bytes) -> None:
        append(descriptor, lines)
        if b'"debit"' in lines:
            begun.set()
            goes_on.wait()

    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.kill()
        monkeypatch.setattr(kept_files, "append", slow)
        calling = asyncio.create_task(here.call(allowance(), end=None))
        await until(begun.is_set)
        calling.cancel()
        await asyncio.wait([calling])
        goes_on.set()
        store.start()
        await here.turned()

        assert calling.cancelled()
        assert here.reserve.unposted == 0
        assert await figures(here.ledger) == (10, 50, 950)


@pytest.mark.parametrize(
    ("end", "share", "consumed"),
    [
        pytest.param(End.SUCCESS, 0, 10, id="as it was"),
        pytest.param(End.SERVER_ERROR, 0, 0, id="nothing"),
        pytest.param(End.SERVER_ERROR, Fraction("0.3"), 3, id="a share"),
    ],
)
async def test_a_call_costs_what_its_end_says_and_the_rest_can_be_spent_again(
    store: Store, tmp_path: Path, end: End, share: Fraction, consumed: int
) -> None:
    of = allowance("10", charge={**CHARGE_DEFAULT, End.SERVER_ERROR: share})
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(of)
        store.kill()
        charge = await here.call(of, end=end)
        assert isinstance(charge, Charge)
        assert (charge.consumed, charge.remaining) == (micro(consumed), micro(10 - consumed))
        store.start()
        await here.turned()
        posts = await entries(here.ledger, "post")

        assert [one["amount"] for one in posts] == [str(micro(consumed))] * (consumed > 0)
        assert (await figures(here.ledger))[0] == 10 + consumed


async def test_a_worker_that_died_has_its_calls_posted_by_another_one(store: Store, tmp_path: Path) -> None:
    """What it had served, what ran when it died by the table's row `killed`, and the rest of its lease."""
    killed_free = allowance(charge={**CHARGE_DEFAULT, End.KILLED: Fraction(0)})
    async with worker(store, tmp_path) as dead, worker(store, tmp_path) as heir, closing(heir):
        await dead.ready(allowance())
        store.kill()
        await dead.calls(allowance(), 2)
        for of, end in ((allowance(), End.SERVER_ERROR), (allowance(), None), (killed_free, None)):
            await dead.call(of, end=end)
        await dead.die()
        store.start()
        await heir.turned()
        posts = await entries(heir.ledger, "post")

        assert [one["seq"] for one in posts] == [1, 2, 3]
        assert await figures(heir.ledger) == (40, 0, 970)
        assert len(journals(tmp_path)) == 1


async def test_a_worker_that_died_in_peace_has_its_leases_returned(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as dead, worker(store, tmp_path) as heir, closing(heir):
        await dead.ready(allowance())
        assert await figures(heir.ledger) == (10, 50, 950)
        await dead.die()
        await heir.turned()

        assert await figures(heir.ledger) == (10, 0, 1000)


async def test_a_lease_whose_taker_died_before_it_came_never_comes_later(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as dead, worker(store, tmp_path) as heir, closing(heir):
        opened = await dead.call(allowance())
        assert isinstance(opened, Charge)
        (customer,) = dead.reserve.wanted
        fund = dead.reserve.new_lease(customer)
        await dead.reserve.journal.add(fund.began)
        await dead.die()
        await heir.turned()
        late = await heir.ledger.lease("acme", fund.id, most=fund.most, owner=dead.reserve.owner, seconds=3600)

        assert late.word is Word.GONE
        assert await figures(heir.ledger) == (10, 0, 1000)


@pytest.mark.parametrize("dies_after", ["nothing", "posting", "the end"])
async def test_whatever_was_done_before_a_worker_died_is_not_done_twice(
    store: Store, tmp_path: Path, dies_after: str
) -> None:
    async with worker(store, tmp_path) as dead, worker(store, tmp_path) as heir, closing(heir):
        await dead.ready(allowance())
        store.kill()
        await dead.calls(allowance(), 3)
        store.start()
        await heir.turned()
        await dead.ledger_back()
        if dies_after == "posting":
            await dead.upkeep._post()
        if dies_after == "the end":
            for step in (dead.upkeep._post, dead.upkeep._return):
                await step()
        await dead.die()
        heir.clock.now += 10
        await heir.turned()

        assert [one["seq"] for one in await entries(heir.ledger, "post")] == [1, 2, 3]
        assert await figures(heir.ledger) == (40, 0, 970)
        assert heir.upkeep.trouble is None


async def test_a_posting_whose_reply_is_lost_is_posted_once(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.kill()
        await here.calls(allowance(), 2)
        store.start()
        await here.ledger_back()
        lease = next(iter(here.reserve.funds.values()))
        await here.ledger.post(lease.due[0])
        await here.turned()

        assert [one["seq"] for one in await entries(here.ledger, "post")] == [1, 2]
        assert await figures(here.ledger) == (30, 0, 980)


async def test_a_call_that_still_runs_when_the_store_is_back_is_posted_when_it_ends(
    store: Store, tmp_path: Path
) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.kill()
        running = await here.call(allowance(), end=None)
        assert isinstance(running, Charge)
        await here.calls(allowance(), 1)
        store.start()
        await here.turned()
        assert await figures(here.ledger) == (20, 40, 950)
        await running.close(End.SERVER_ERROR)
        await here.turned()

        assert await figures(here.ledger) == (20, 0, 990)


async def test_a_charge_of_unknown_fate_is_undone_when_its_call_was_served_otherwise(
    store: Store, tmp_path: Path
) -> None:
    async with worker(store, tmp_path, step_seconds=0.1) as here, closing(here):
        await here.ready(allowance())
        here.pause_store()
        charge = await here.call(allowance())
        here.resume_store()
        assert isinstance(charge, Charge)
        assert here.undo.pending == 1
        await here.turned()
        await here.undo.drain(here.ledger)

        assert (await figures(here.ledger))[0] == 20
        assert [one["op"] for one in await entries(here.ledger, "post")] == [charge.op]
        assert [one["of"] != charge.op for one in await entries(here.ledger, "void")] == [True]


async def key_of(here: Worker, account: str) -> Caller:
    key = ApiKey.parse(new_key(here.ledger.shard_of(account)))
    assert key is not None
    await here.ledger.create_key(account, key_hash=key.hash, hint=key.hint, expires_at=None, op=f"k:{key.hash}")
    return Caller(key=key)


async def test_only_callers_that_the_ledger_took_are_served(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        known, unused, revoked = [await key_of(here, "acme") for _ in range(3)]
        for caller in (known, revoked):
            await here.ready(allowance(), caller)
        assert revoked.key is not None
        await here.ledger.revoke_key(revoked.key.shard, revoked.key.hash, op="gone")
        assert await here.call(allowance(), revoked) == Refused(word=Word.UNKNOWN)
        store.kill()
        answers = [await here.call(allowance(), caller) for caller in (known, unused, revoked, Caller(account="bolt"))]

        assert [isinstance(answer, Charge) for answer in answers] == [True, False, False, False]
        assert await spent_by_key(here, known) is not None
        assert await spent_by_key(here, unused) is None
        store.start()
        await here.turned()


async def spent_by_key(here: Worker, caller: Caller) -> Spending | None:
    """What the reserve itself says, whatever is remembered of the key elsewhere."""
    account = account_of(here)
    order = Order(
        op=operation_id(1_795_000_000),
        account=account,
        amount=micro(1),
        operation="chat",
        quote="{}",
        key_hash=caller.key_hash,
    )
    spending = await here.reserve.spend(order, allowance().outage, killed=micro(1), quote="{}")
    if spending is not None:
        await spending.close(micro(1), "{}")
    return spending


def account_of(here: Worker) -> Account:
    account = here.till._accounts.remembered(ACME)
    assert account is not None
    return account


async def test_an_account_can_spend_the_last_of_its_credits_though_it_had_a_lease(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path, included="100") as here, closing(here):
        await here.ready(allowance("50", price="20"))
        for _ in range(3):
            await here.call(allowance("50", price="20"))
        assert isinstance(await here.call(allowance("50", price="20")), Short)
        await here.upkeep.turn()
        assert await figures(here.ledger) == (80, 0, 20)
        await here.call(allowance("50", price="20"))
        await here.upkeep.turn()

        assert await figures(here.ledger) == (100, 0, 0)


async def test_a_suspended_account_is_not_served_and_gets_its_lease_back(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        await here.ledger.set_status("acme", Status.SUSPENDED, op="s")
        assert await here.call(allowance()) == Refused(word=Word.SUSPENDED)
        await here.upkeep.turn()

        assert await figures(here.ledger) == (10, 0, 1000)
        store.kill()
        assert await here.call(allowance()) is None


async def test_a_lease_is_not_spent_when_the_ledger_may_soon_take_it_for_abandoned(
    store: Store, tmp_path: Path
) -> None:
    async with worker(store, tmp_path) as here:
        await here.ready(allowance())
        store.kill()
        here.clock.now += customers.SPEND_SECONDS - 1
        assert isinstance(await here.call(allowance()), Charge)
        here.clock.now += 1
        assert await here.call(allowance()) is None
        await here.die()

    assert customers.SPEND_SECONDS <= 3600 - 600


async def test_a_lease_lives_on_as_long_as_its_account_calls(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        (before,) = await here.ledger.holds(here.ledger.shard_of("acme"), overdue=False, count=9)
        for _ in range(10):
            here.clock.now += customers.RENEW_SECONDS
            await here.ready(allowance())
        assert len(await entries(here.ledger, "lease")) == 1
        store.kill()
        assert isinstance(await here.call(allowance()), Charge)
        store.start()
        await here.turned()

    assert before.until


async def test_the_lease_of_an_account_that_does_not_call_is_returned(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        here.clock.now += customers.IDLE_SECONDS
        await here.upkeep.turn()

        assert await figures(here.ledger) == (10, 0, 1000)
        assert here.reserve.customers == {}


async def test_a_worker_that_stops_returns_its_leases_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here:
        await here.ready(allowance())
        await here.upkeep.close()

        assert await figures(here.ledger) == (10, 0, 1000)
    assert list((tmp_path / "reserve").iterdir()) == []


async def test_a_worker_that_stops_without_its_store_leaves_its_journal_to_the_next(
    store: Store, tmp_path: Path
) -> None:
    async with worker(store, tmp_path) as here:
        await here.ready(allowance())
        store.kill()
        await here.calls(allowance(), 2)
        await here.upkeep.close()
        assert len(journals(tmp_path)) == 1
    store.start()
    async with worker(store, tmp_path) as heir, closing(heir):
        await heir.turned()

        assert await figures(heir.ledger) == (30, 0, 980)


async def test_a_price_that_is_not_known_before_is_not_served_from_a_lease(store: Store, tmp_path: Path) -> None:
    price = Price(base=parse("1"), rates=(rate("tokens", "1"),), at_most=parse("5"))
    metered = operation("chat", price, outage=allowance().outage)
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.kill()

        assert await here.call(metered) is None
        store.start()
        await here.turned()


async def test_a_call_that_may_come_again_is_not_served(store: Store, tmp_path: Path) -> None:
    """Nobody can tell whether it came before."""
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.kill()

        assert await here.call(allowance(), op=operation_id(here.ledger.now())) is None
        store.start()
        await here.turned()


class HalfAway:
    """A ledger of whose nodes one is away."""

    def __init__(self, ledger: RedisLedger, away: str) -> None:
        self._ledger = ledger
        self._away = away

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def post(self, posting: Posting) -> Leased:
        if posting.account == self._away:
            raise LedgerUnavailable("Its node is away.", fate_unknown=False)
        return await self._ledger.post(posting)


async def test_what_is_due_on_one_node_does_not_wait_for_another(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        for account in ("acme", "bolt"):
            await here.ready(allowance(), Caller(account=account))
        store.kill()
        for account in ("acme", "bolt"):
            await here.call(allowance(), Caller(account=account))
        store.start()
        await here.ledger_back()
        with pytest.raises(LedgerUnavailable):
            await Upkeep(HalfAway(here.ledger, "acme"), here.reserve, on_unpaid=here.unpaid.append).turn()

        assert await figures(here.ledger, "bolt") == (20, 0, 990)
        assert await figures(here.ledger) == (10, 50, 950)


async def test_a_store_that_lost_a_lease_loses_no_call_in_silence(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backup = tmp_path / "backup"
    async with worker(store, tmp_path) as here, closing(here):
        await here.call(allowance())
        store.kill()
        shutil.copytree(store.folder, backup, ignore=shutil.ignore_patterns("s"))
        store.start()
        await here.turned()
        assert (await figures(here.ledger))[1] == 50
        store.kill()
        (charge,) = await here.calls(allowance(), 1)
        shutil.rmtree(store.folder)
        shutil.copytree(backup, store.folder)
        store.start()
        await here.turned()

        assert here.unpaid == [1]
        assert here.upkeep.trouble is not None
        assert f"The call {charge.op} of acme, at 10 credits, could not be posted (gone)" in caplog.text
    assert len(list((tmp_path / "reserve" / "kept").iterdir())) == 1


async def test_a_store_that_forgot_what_was_posted_has_it_posted_again(store: Store, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.kill()
        shutil.copytree(store.folder, backup, ignore=shutil.ignore_patterns("s"))
        await here.calls(allowance(), 2)
        running = await here.call(allowance(), end=None)
        assert isinstance(running, Charge)
        store.start()
        await here.turned()
        store.kill()
        shutil.rmtree(store.folder)
        shutil.copytree(backup, store.folder)
        store.start()
        await running.close(End.SUCCESS)
        await here.turned()

        assert [one["seq"] for one in await entries(here.ledger, "post")] == [1, 2, 3]
        assert await figures(here.ledger) == (40, 0, 970)


async def test_calls_are_served_without_a_lease_where_the_policy_says_so_and_charged_late(
    store: Store, tmp_path: Path
) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(served("25"))
        assert await figures(here.ledger) == (10, 0, 1000)
        store.kill()
        calls = await here.calls(served("25"), 5)
        store.start()
        for _ in range(3):
            await here.turned()

        assert [(call.consumed, call.remaining) for call in calls] == [(micro(10), micro(15)), (micro(10), micro(5))]
        assert [one["op"] for one in await entries(here.ledger, "late")] == [call.op for call in calls]
        assert await figures(here.ledger) == (30, 0, 980)
        assert (await raw_account(here)).isdisjoint({b"served"})


async def raw_account(here: Worker) -> set[bytes]:
    with here.store.client() as client:
        fields = client.hkeys(f"{{meter:{here.ledger.shard_of('acme')}}}:account:acme")
    return {name.partition(b":")[0] for name in fields}


async def test_what_an_account_can_not_pay_for_is_reported_and_never_overdrawn(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with worker(store, tmp_path, included="25") as here, closing(here):
        await here.ready(served("50"))
        store.kill()
        calls = await here.calls(served("50"), 3)
        store.start()
        await here.turned()

        assert len(calls) == 3
        assert await figures(here.ledger) == (25, 0, 0)
        assert here.unpaid == [2]
        assert "Calls of acme were served that it can't pay for: 15 credits are missing." in caplog.text


async def test_late_charges_of_a_worker_that_died_are_made_once(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as dead, worker(store, tmp_path) as heir, closing(heir):
        await dead.ready(served())
        store.kill()
        await dead.calls(served(), 3)
        store.start()
        await heir.turned()
        tab = next(iter(dead.reserve.funds.values()))
        await heir.ledger.charge_late(tab.due[0], counted=True)
        await dead.die()
        heir.clock.now += 10
        await heir.turned()

        assert len(await entries(heir.ledger, "late")) == 3
        assert await figures(heir.ledger) == (40, 0, 970)


async def test_a_new_outage_has_a_new_cap(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(served("10"))
        counts = []
        for _ in range(2):
            store.kill()
            counts.append(len(await here.calls(served("10"), 3)))
            store.start()
            await here.turned()

        assert counts == [1, 1]


async def test_an_outage_that_is_over_leaves_the_journal_short(store: Store, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        first = here.reserve.journal.name
        store.kill()
        await here.calls(allowance(), 2)
        store.start()
        for _ in range(2):
            await here.turned()

        assert here.reserve.journal.name != first
        assert here.reserve.journal.read() == []
        assert len(list((tmp_path / "reserve" / "kept").iterdir())) == 1
