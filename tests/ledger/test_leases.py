"""Leases: set aside before, spent while the store is away, posted once each afterwards; and calls charged late."""

from dataclasses import replace

import pytest

from meter.credits import Credits
from meter.ledger.accounts import renewed
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.ids import operation_id
from meter.ledger.leasing import LEASE_SECONDS, Leased, Posting
from meter.ledger.promise import LedgerUnavailable, Stale, Status, Word
from tests.ledger.books import DAY, charged, drilled, entries, kinds, left, lot, opened, order, stands
from tests.ledger.test_holds import forget

OWNER = "cafe0001"


def lease_id(ledger: RedisLedger) -> str:
    return operation_id(ledger.now())


async def leased(ledger: RedisLedger, most: int = 50, *, owner: str = OWNER) -> tuple[str, Leased]:
    lease = lease_id(ledger)
    taken = await ledger.lease("acme", lease, most=Credits(most), owner=owner, seconds=LEASE_SECONDS)
    return lease, taken


def posting(ledger: RedisLedger, fund: str, number: int, amount: int = 10, **more: object) -> Posting:
    op = operation_id(ledger.now())
    return replace(
        Posting(
            account="acme", op=op, amount=Credits(amount), operation="chat", quote='{"why":1}', fund=fund, seq=number
        ),
        **more,  # type: ignore[arg-type]
    )


async def figures(ledger: RedisLedger) -> tuple[int, int, int]:
    """What is consumed, reserved and left of what was granted; the books add up, of this period and of all time."""
    statement = await stands(ledger)
    life = dict(statement.lifetime)
    assert statement.granted == statement.consumed + statement.reserved + statement.remaining
    assert life.pop("granted") == statement.remaining + sum(life.values())
    return statement.consumed, statement.reserved, statement.remaining


@pytest.mark.parametrize(
    ("included", "most", "taken"),
    [
        pytest.param(1000, 30, 30, id="as much as is asked for"),
        pytest.param(1000, 80, 50, id="a twentieth of what can be spent at most"),
        pytest.param(999, 80, 49, id="a twentieth, rounded down"),
        pytest.param(2**53 - 1, 2**53 - 1, (2**53 - 1) // 20, id="a twentieth of all that can be"),
    ],
)
async def test_a_lease_takes_what_it_may(ledger: RedisLedger, included: int, most: int, taken: int) -> None:
    await opened(ledger, included=included)
    _, lease = await leased(ledger, most)

    assert (lease.word, lease.held) == (Word.DONE, taken)
    assert await figures(ledger) == (0, taken, included - taken)


async def test_a_lease_takes_nothing_from_overage_nor_from_grants_that_pay_for_some_operations_alone(
    ledger: RedisLedger,
) -> None:
    await opened(ledger, included=200, overage=1_000_000)
    await ledger.grant("acme", lot("scoped", 1_000_000, scope=frozenset({"chat", "lease"})))
    _, lease = await leased(ledger, 1000)

    assert lease.held == 10
    assert (await left(ledger))["scoped"] == 1_000_000


async def test_an_account_without_a_twentieth_to_spare_has_no_lease(ledger: RedisLedger) -> None:
    await opened(ledger, included=19)
    _, lease = await leased(ledger)

    assert lease.word is Word.SHORT
    assert await kinds(ledger) == ["open"]


async def test_the_entry_of_a_lease_says_whose_it_is_and_until_when(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    lease, _ = await leased(ledger)
    entry = (await entries(ledger))[-1]

    assert entry["kind"] == "lease"
    assert entry["op"] == lease
    assert (entry["amount"], entry["overage"], entry["delta"]) == ("50", "0", "-50")
    assert entry["taken"] == f"period:{entry['period']}=50"
    assert entry["owner"] == OWNER
    assert entry["until"] == entry["at"] + LEASE_SECONDS


async def test_a_lease_is_taken_once_however_often_it_is_asked_for(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    lease, first = await leased(ledger)
    again = await ledger.lease("acme", lease, most=Credits(50), owner=OWNER, seconds=LEASE_SECONDS)
    other = await ledger.lease("acme", lease, most=Credits(50), owner="beef", seconds=LEASE_SECONDS)

    assert (again.word, again.held) == (Word.REPEAT, first.held)
    assert other.word is Word.CONFLICT
    assert await figures(ledger) == (0, 50, 950)


async def test_a_lease_that_was_returned_is_not_taken_again(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    lease, _ = await leased(ledger)
    await ledger.release("acme", lease, reason="idle")
    again = await ledger.lease("acme", lease, most=Credits(50), owner=OWNER, seconds=LEASE_SECONDS)

    assert again.word is Word.GONE
    assert await figures(ledger) == (0, 0, 1000)


@pytest.mark.parametrize("status", [Status.SUSPENDED])
async def test_a_suspended_account_has_no_lease(ledger: RedisLedger, status: Status) -> None:
    await opened(ledger, included=1000)
    await ledger.set_status("acme", status, op="s")

    assert (await leased(ledger))[1].word is Word.SUSPENDED


async def test_nobody_has_no_lease(ledger: RedisLedger) -> None:
    assert (await leased(ledger))[1].word is Word.UNKNOWN


async def test_what_is_posted_moves_from_the_lease_to_what_was_used(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    lease, _ = await leased(ledger)
    served = posting(ledger, lease, 1, 30)
    posted = await ledger.post(served)
    entry = (await entries(ledger))[-1]

    assert (posted.word, posted.held) == (Word.DONE, 20)
    assert await figures(ledger) == (30, 20, 950)
    assert (await stands(ledger)).used == {"chat": 30}
    assert (entry["kind"], entry["op"], entry["operation"]) == ("post", served.op, "chat")
    assert (entry["amount"], entry["delta"], entry["after"]) == ("30", "0", "950")
    assert (entry["lease"], entry["seq"], entry["quote"]) == (lease, 1, {"why": 1})


async def test_a_number_is_posted_once_however_often_it_comes_and_in_order_alone(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    lease, _ = await leased(ledger)
    first, second, third = (posting(ledger, lease, number) for number in (1, 2, 3))

    assert (await ledger.post(second)).word is Word.STALE
    assert (await ledger.post(first)).word is Word.DONE
    assert (await ledger.post(second)).word is Word.DONE
    assert (await ledger.post(first)).word is Word.REPEAT
    assert (await ledger.post(second)).word is Word.REPEAT
    assert (await ledger.post(third)).word is Word.DONE
    assert await figures(ledger) == (30, 20, 950)


async def test_a_posting_that_comes_days_later_is_posted_once_all_the_same(store_url: str) -> None:
    """Nothing that is forgotten in time decides about it."""
    async with drilled(store_url) as drill:
        await opened(drill.ledger, included=1000)
        lease, _ = await leased(drill.ledger)
        first, second = (posting(drill.ledger, lease, number) for number in (1, 2))
        await drill.ledger.post(first)
        await drill.wait(4 * DAY)

        assert (await drill.ledger.post(first)).word is Word.REPEAT
        assert (await drill.ledger.post(second)).word is Word.DONE
        assert await figures(drill.ledger) == (20, 30, 950)
        await drill.ledger.release("acme", lease, reason="over")


async def test_a_lease_never_pays_for_more_than_it_holds(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    lease, _ = await leased(ledger)
    await ledger.post(posting(ledger, lease, 1, 45))

    assert (await ledger.post(posting(ledger, lease, 2, 6))).word is Word.CONFLICT
    assert (await ledger.post(posting(ledger, lease, 2, 5))).word is Word.DONE
    assert await figures(ledger) == (50, 0, 950)


async def test_what_a_lease_does_not_spend_goes_back_where_it_came_from(ledger: RedisLedger) -> None:
    await opened(ledger, included=100)
    await ledger.grant("acme", lot("first", 40, priority=1))
    await ledger.grant("acme", lot("last", 860, priority=99))
    lease, taken = await leased(ledger)
    assert (taken.held, (await entries(ledger))[-1]["taken"]) == (
        50,
        "first=40," + period(await entries(ledger)) + "=10",
    )
    await ledger.post(posting(ledger, lease, 1, 35))
    await ledger.post(posting(ledger, lease, 2, 7))
    paid = [entry["taken"] for entry in await entries(ledger) if entry["kind"] == "post"]
    closed = await ledger.release("acme", lease, reason="over")
    back = (await entries(ledger))[-1]

    assert paid == ["first=35", "first=5," + period([back]) + "=2"]
    assert closed.word is Word.DONE
    assert (back["kind"], back["held"], back["to"]) == ("release", "8", period([back]) + "=8")
    assert await figures(ledger) == (42, 0, 958)


def period(said: list[dict]) -> str:
    return f"period:{said[-1]['period']}"


async def test_an_abandoned_lease_is_charged_and_never_released(store_url: str) -> None:
    async with drilled(store_url) as drill:
        await opened(drill.ledger, included=1000)
        lease, _ = await leased(drill.ledger)
        await drill.ledger.post(posting(drill.ledger, lease, 1, 20))
        assert (await drill.ledger.expire_hold("acme", lease)).word is Word.GONE
        await drill.wait(LEASE_SECONDS)
        expired = await drill.ledger.expire_hold("acme", lease)
        entry = (await entries(drill.ledger))[-1]

        assert (expired.word, expired.amount) == (Word.DONE, 30)
        assert (entry["kind"], entry["by"], entry["amount"]) == ("expire_hold", "charge", "30")
        assert await figures(drill.ledger) == (50, 0, 950)
        assert (await drill.ledger.post(posting(drill.ledger, lease, 2, 5))).word is Word.GONE


async def test_what_an_abandoned_lease_was_charged_can_be_given_back_however_old_the_lease_is(store_url: str) -> None:
    async with drilled(store_url) as drill:
        await opened(drill.ledger, included=1000)
        lease, _ = await leased(drill.ledger)
        await drill.wait(LEASE_SECONDS)
        await drill.ledger.expire_hold("acme", lease)
        await forget(store_url, drill.ledger, lease)
        undone = await drill.ledger.refund("acme", lease, reason="found unspent")

        assert (undone.word, undone.amount) == (Word.DONE, 50)
        assert await figures(drill.ledger) == (0, 0, 1000)


async def test_a_lease_that_is_renewed_lives_on_with_its_numbers(store_url: str) -> None:
    async with drilled(store_url) as drill:
        await opened(drill.ledger, included=1000)
        lease, _ = await leased(drill.ledger)
        await drill.ledger.post(posting(drill.ledger, lease, 1, 20))
        await drill.wait(LEASE_SECONDS - 1)
        await drill.ledger.extend("acme", lease, amount=Credits(0), at_least=Credits(0), seconds=LEASE_SECONDS)
        await drill.wait(2)

        assert (await drill.ledger.expire_hold("acme", lease)).word is Word.GONE
        assert (await drill.ledger.post(posting(drill.ledger, lease, 1, 20))).word is Word.REPEAT
        assert (await drill.ledger.post(posting(drill.ledger, lease, 2, 20))).word is Word.DONE
        await drill.wait(LEASE_SECONDS)
        assert (await drill.ledger.expire_hold("acme", lease)).amount == 10


async def test_a_lease_is_among_the_open_holds(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    lease, _ = await leased(ledger)
    (held,) = await ledger.holds(ledger.shard_of("acme"), overdue=False, count=10)

    assert (held.account, held.op) == ("acme", lease)


async def test_a_lease_lives_through_the_end_of_a_period(store_url: str) -> None:
    async with drilled(store_url) as drill:
        account = await opened(drill.ledger, included=1000)
        lease, _ = await leased(drill.ledger)
        assert account.period.end is not None
        await drill.wait(account.period.end - drill.line.now)
        stale = await drill.ledger.charge(order(drill.ledger, account))
        assert isinstance(stale, Stale)
        await renewed(drill.ledger, stale.account, stale.now)
        await drill.ledger.post(posting(drill.ledger, lease, 1, 20))
        assert await figures(drill.ledger) == (20, 30, 1000)
        await drill.ledger.release("acme", lease, reason="over")

        assert await figures(drill.ledger) == (20, 0, 1030)


async def test_what_was_posted_can_be_refunded_by_its_operation_and_by_its_entry(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    lease, _ = await leased(ledger)
    first, second = posting(ledger, lease, 1, 20), posting(ledger, lease, 2, 10)
    await ledger.post(first)
    refunded = await ledger.refund("acme", first.op, reason="500")
    await ledger.post(second)
    entry = (await ledger.entries(ledger.shard_of("acme")))[-1][0]
    by_entry = await ledger.refund_entry(entry, account="acme", op="r:1", reason="sorry", amount=Credits(4))

    assert (refunded.word, refunded.amount) == (Word.DONE, 20)
    assert (by_entry.word, by_entry.amount) == (Word.DONE, 4)
    assert await figures(ledger) == (6, 20, 974)
    await ledger.release("acme", lease, reason="over")


@pytest.mark.parametrize("step", ["posted", "charged late"])
async def test_a_call_that_was_charged_long_after_it_was_made_is_refunded_by_its_operation(
    any_store_url: str, step: str
) -> None:
    async with drilled(any_store_url) as drill:
        ledger = drill.ledger
        await opened(ledger, included=1000)
        lease, _ = await leased(ledger)
        call = posting(ledger, lease, 1, 20)
        await drill.wait(3000)
        await (ledger.post(call) if step == "posted" else ledger.charge_late(call, counted=False))
        await drill.wait(901)
        await forget(any_store_url, ledger, call.op)
        undone = [await ledger.refund("acme", call.op, reason="sorry") for _ in range(2)]
        await ledger.release("acme", lease, reason="over")

        assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 20), (Word.REPEAT, 20)]
        assert (await figures(ledger))[0] == 0


@pytest.mark.parametrize("amount", [Credits(0), Credits(5)])
async def test_a_call_is_not_posted_to_a_hold_nor_to_another_accounts_lease(
    ledger: RedisLedger, amount: Credits
) -> None:
    account = await opened(ledger, included=1000)
    await opened(ledger, "bolt", included=1000)
    held = order(ledger, account)
    await ledger.hold(held, HoldTerms(on_expiry=OnExpiry.RELEASE))
    lease, _ = await leased(ledger)

    assert (await ledger.post(posting(ledger, held.op, 1, amount))).word is Word.GONE
    assert (await ledger.post(posting(ledger, lease, 1, amount, account="bolt"))).word is Word.GONE


@pytest.mark.parametrize("amount", ["nan", "-1", "1e3", "9007199254740992"])
async def test_amounts_are_checked_by_the_scripts_themselves(ledger: RedisLedger, amount: str) -> None:
    await opened(ledger, included=1000)
    lease, _ = await leased(ledger)

    with pytest.raises(LedgerUnavailable, match="malformed"):
        await leased(ledger, amount)  # type: ignore[arg-type]
    with pytest.raises(LedgerUnavailable, match="malformed"):
        await ledger.post(posting(ledger, lease, 1, amount=amount))  # type: ignore[arg-type]
    with pytest.raises(LedgerUnavailable, match="malformed"):
        await ledger.charge_late(posting(ledger, "c0", 1, amount=amount), counted=True)  # type: ignore[arg-type]
    assert await figures(ledger) == (0, 50, 950)


async def test_a_call_is_charged_late_as_far_as_the_account_goes(ledger: RedisLedger) -> None:
    await opened(ledger, included=25)
    calls = [posting(ledger, "c0", number) for number in (1, 2, 3, 4)]
    closed = [await ledger.charge_late(call, counted=True) for call in calls]
    late = [entry for entry in await entries(ledger) if entry["kind"] == "late"]

    assert [(one.word, one.amount) for one in closed] == [
        (Word.DONE, 10),
        (Word.DONE, 10),
        (Word.DONE, 5),
        (Word.DONE, 0),
    ]
    assert [(entry["amount"], entry.get("asked"), entry["delta"]) for entry in late] == [
        ("10", None, "-10"),
        ("10", None, "-10"),
        ("5", "10", "-5"),
        ("0", "10", "0"),
    ]
    assert await figures(ledger) == (25, 0, 0)


async def test_a_call_is_charged_late_once_by_its_number_when_all_else_is_forgotten(store_url: str) -> None:
    async with drilled(store_url) as drill:
        await opened(drill.ledger, included=1000)
        first, second, third = (posting(drill.ledger, "c0", number) for number in (1, 2, 3))
        await drill.ledger.charge_late(first, counted=True)
        await drill.wait(5 * DAY)

        assert (await drill.ledger.charge_late(third, counted=True)).word is Word.STALE
        assert (await drill.ledger.charge_late(first, counted=True)).word is Word.REPEAT
        assert (await drill.ledger.charge_late(second, counted=True)).word is Word.DONE
        assert await figures(drill.ledger) == (20, 0, 980)


async def test_a_call_that_is_in_the_books_is_not_charged_late_and_its_number_is_used_up(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=1000)
    placed = await charged(ledger, account)
    known = posting(ledger, "c0", 1, op=placed.op)

    assert (await ledger.charge_late(known, counted=False)).word is Word.REPEAT
    assert (await ledger.charge_late(known, counted=True)).word is Word.REPEAT
    assert (await ledger.charge_late(posting(ledger, "c0", 2), counted=True)).word is Word.DONE
    assert await figures(ledger) == (20, 0, 980)


async def test_a_count_that_is_ended_leaves_nothing_behind(ledger: RedisLedger) -> None:
    await opened(ledger, included=1000)
    await ledger.charge_late(posting(ledger, "c0", 1), counted=True)
    for _ in range(2):
        await ledger.end_late("acme", "c0")

    assert (await ledger.charge_late(posting(ledger, "c0", 2), counted=True)).word is Word.STALE


async def test_a_late_charge_in_a_new_period_asks_for_its_beginning(store_url: str) -> None:
    async with drilled(store_url) as drill:
        account = await opened(drill.ledger, included=1000)
        assert account.period.end is not None
        await drill.wait(account.period.end - drill.line.now)
        stale = await drill.ledger.charge_late(posting(drill.ledger, "c0", 1), counted=True)

        assert isinstance(stale, Stale)
        assert stale.lapsed


async def test_nobody_is_charged_late(ledger: RedisLedger) -> None:
    await ledger.ping()

    assert (await ledger.charge_late(posting(ledger, "c0", 1), counted=True)).word is Word.UNKNOWN
