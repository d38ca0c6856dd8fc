"""What the ledger promises of holds, on a real server and on fakeredis: each rule by its name."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import Closed, HoldTerms, OnExpiry, OpenHold
from meter.ledger.ids import operation_id
from meter.ledger.names import account_key, op_key
from meter.ledger.promise import Account, Done, GrantKind, LedgerUnavailable, Order, Refused, Short, Stale, Status, Word
from meter.pricing.allotment import renewal
from tests.ledger.books import (
    DAY,
    START,
    Drill,
    charged,
    drilled,
    entries,
    held,
    kinds,
    left,
    lot,
    opened,
    order,
    stands,
    terms,
)
from tests.ledger.machine import store_client
from tests.ledger.test_scripts import NO_AMOUNTS

RELEASED = HoldTerms(on_expiry=OnExpiry.RELEASE, seconds=60)
CHARGED = HoldTerms(on_expiry=OnExpiry.CHARGE, at_least=Credits(7), seconds=60)


@pytest.fixture
async def drill(any_store_url: str) -> AsyncIterator[Drill]:
    async with drilled(any_store_url) as moved:
        yield moved


async def settled(ledger: RedisLedger, placed: Order, price: int, *, overrun: bool = False) -> Closed:
    return await ledger.settle("acme", placed.op, price=Credits(price), quote='{"final":1}', overrun=overrun)


async def extended(ledger: RedisLedger, placed: Order, amount: int, *, at_least: int = 0, seconds: int = 60) -> tuple:
    said = await ledger.extend("acme", placed.op, amount=Credits(amount), at_least=Credits(at_least), seconds=seconds)
    return said.word, said.held


async def stand(ledger: RedisLedger) -> tuple[int, int, int, int]:
    """Granted, consumed, reserved, remaining."""
    one = await stands(ledger)
    return one.granted, one.consumed, one.reserved, one.remaining


async def open_holds(ledger: RedisLedger, *, overdue: bool = False) -> list[str]:
    return [one.op for one in await ledger.holds(ledger.shard_of("acme"), overdue=overdue, count=100)]


async def forget(url: str, ledger: RedisLedger, op: str) -> None:
    """What the server does by itself fifteen minutes after an operation."""
    with store_client(url) as client:
        client.delete(op_key(ledger.shard_of("acme"), op))


async def next_period(drill: Drill, account: Account) -> Account:
    """Wait until the period is over, and begin the next."""
    assert account.period.end is not None
    await drill.wait(account.period.end - drill.line.now)
    step = renewal(account.terms, account.terms, account.period, account.period.end)
    return await drill.ledger.renew(account, step, op="renew:1")


# A hold is made.


async def test_a_hold_sets_credits_aside_and_tells_what_is_left(ledger: RedisLedger) -> None:
    outcome = await ledger.hold(order(ledger, await opened(ledger, included=100), 30), RELEASED)

    assert isinstance(outcome, Done)
    assert (outcome.balance.remaining, outcome.balance.granted) == (70, 100)
    assert await stand(ledger) == (100, 0, 30, 70)
    assert (await stands(ledger)).lifetime["held"] == 30


async def test_what_is_held_is_nobody_elses(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100)
    await held(ledger, account, 30)

    assert isinstance(await ledger.charge(order(ledger, account, 71)), Short)
    assert isinstance(await ledger.hold(order(ledger, account, 71), RELEASED), Short)


async def test_a_hold_repeated_takes_nothing_and_gives_its_receipt_again(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    placed = order(ledger, account, 30)
    first = await ledger.hold(placed, RELEASED)
    await charged(ledger, account, 5)
    again = await ledger.hold(placed, RELEASED)

    assert isinstance(first, Done)
    assert again == replace(first, repeat=True, now=again.now if isinstance(again, Done) else 0)
    assert await kinds(ledger) == ["open", "hold", "charge"]


async def test_a_hold_that_is_too_dear_takes_nothing(ledger: RedisLedger) -> None:
    outcome = await ledger.hold(order(ledger, await opened(ledger, included=100), 101), RELEASED)

    assert isinstance(outcome, Short)
    assert (outcome.required, outcome.balance.remaining) == (101, 100)
    assert (await kinds(ledger), await open_holds(ledger)) == (["open"], [])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"amount": Credits(31)}, id="another amount"),
        pytest.param({"operation": "users.list"}, id="another operation"),
    ],
)
async def test_an_id_that_holds_for_another_order_is_a_conflict(ledger: RedisLedger, other: dict) -> None:
    placed = await held(ledger, await opened(ledger), 30)

    assert await ledger.hold(replace(placed, **other), RELEASED) == Refused(word=Word.CONFLICT)


async def test_one_id_is_a_charge_or_a_hold_and_never_both(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    one, other = await held(ledger, account, 30), await charged(ledger, account, 30)

    assert await ledger.charge(one) == Refused(word=Word.CONFLICT)
    assert await ledger.hold(other, RELEASED) == Refused(word=Word.CONFLICT)
    assert await stand(ledger) == (100, 30, 30, 40)


async def test_a_hold_that_was_closed_is_not_made_again(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger), 30)
    await settled(ledger, placed, 30)

    assert await ledger.hold(placed, RELEASED) == Refused(word=Word.CONFLICT)


async def test_a_hold_that_was_undone_before_it_arrived_answers_voided(ledger: RedisLedger) -> None:
    placed = order(ledger, await opened(ledger), 30)
    await ledger.void("acme", placed.op)

    assert await ledger.hold(placed, RELEASED) == Refused(word=Word.VOIDED)


async def test_a_hold_is_priced_by_the_terms_of_its_account(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_terms("acme", terms(500), op="terms:1")
    stale = await ledger.hold(order(ledger, account), RELEASED)

    assert isinstance(stale, Stale)
    assert not stale.lapsed


async def test_a_hold_in_a_period_that_is_over_lapses(drill: Drill) -> None:
    account = await opened(drill.ledger)
    await drill.wait(40 * DAY)
    stale = await drill.ledger.hold(order(drill.ledger, account), RELEASED)

    assert isinstance(stale, Stale)
    assert stale.lapsed


async def test_a_suspended_account_holds_nothing(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_status("acme", Status.SUSPENDED, op="status:1")

    assert await ledger.hold(order(ledger, account), RELEASED) == Refused(word=Word.SUSPENDED)


async def test_an_account_or_a_key_that_nobody_knows_holds_nothing(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    orders = order(ledger, replace(account, id="nobody")), order(ledger, account, key_hash="ab" * 32)

    assert [await ledger.hold(one, RELEASED) for one in orders] == [Refused(word=Word.UNKNOWN)] * 2


async def test_an_id_too_old_to_be_told_from_a_forgotten_one_holds_nothing(drill: Drill) -> None:
    account = await opened(drill.ledger)
    placed = replace(order(drill.ledger, account), op=operation_id(START - 601))

    assert await drill.ledger.hold(placed, RELEASED) == Refused(word=Word.LATE)


async def test_two_hundred_holds_at_once_on_a_balance_for_fifty(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=500)
    outcomes = await asyncio.gather(*(ledger.hold(order(ledger, account, 10), RELEASED) for _ in range(200)))

    assert [sum(isinstance(one, kind) for one in outcomes) for kind in (Done, Short)] == [50, 150]
    assert await stand(ledger) == (500, 0, 500, 0)


async def test_the_entry_of_a_hold_holds_what_it_took_and_until_when(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=20, overage=50)
    placed = await held(ledger, account, 30)
    entry = (await entries(ledger))[-1]

    assert entry == {
        "kind": "hold",
        "account": "acme",
        "op": placed.op,
        "operation": "chat",
        "amount": "30",
        "taken": f"period:{account.period.start}=20",
        "overage": "10",
        "until": entry["at"] + 60,
        "quote": {"why": 1},
        "delta": "-20",
        "after": "0",
        "at": entry["at"],
        "period": account.period.start,
    }


async def test_an_open_hold_is_listed_and_its_record_is_never_forgotten(
    any_store_url: str, ledger: RedisLedger
) -> None:
    placed = await held(ledger, await opened(ledger), 30)
    key = op_key(ledger.shard_of("acme"), placed.op)
    with store_client(any_store_url) as client:
        ends = [client.ttl(key)]
        await settled(ledger, placed, 10)
        ends.append(client.ttl(key))

    assert ends[0] == -1
    assert 0 < ends[1] <= 900
    assert await open_holds(ledger) == []


async def test_the_hold_that_expires_first_is_listed_first(drill: Drill) -> None:
    account = await opened(drill.ledger)
    placed = [await held(drill.ledger, account, 1, terms=replace(RELEASED, seconds=life)) for life in (70, 50, 60)]
    await drill.wait(60)
    shard = drill.ledger.shard_of("acme")
    first = await drill.ledger.holds(shard, overdue=False, count=1)

    assert await open_holds(drill.ledger) == [placed[1].op, placed[2].op, placed[0].op]
    assert await open_holds(drill.ledger, overdue=True) == [placed[1].op, placed[2].op]
    assert first == (OpenHold(account="acme", op=placed[1].op, until=START + 50),)


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=repr)
async def test_what_is_no_amount_is_refused_by_each_step_of_a_hold(ledger: RedisLedger, amount: str) -> None:
    account = await opened(ledger)
    placed = await held(ledger, account, 30)
    wrong: Credits = amount  # type: ignore[assignment]
    steps = [
        ledger.hold(order(ledger, account, wrong), RELEASED),
        ledger.hold(order(ledger, account), replace(RELEASED, at_least=wrong)),
        ledger.extend("acme", placed.op, amount=wrong, at_least=Credits(0), seconds=60),
        ledger.extend("acme", placed.op, amount=Credits(40), at_least=wrong, seconds=60),
        ledger.settle("acme", placed.op, price=wrong, quote="{}"),
    ]

    for step in steps:
        with pytest.raises(LedgerUnavailable, match=r"not a whole number|malformed"):
            await step
    assert await stand(ledger) == (100, 0, 30, 70)


# It grows, and lives on.


async def test_an_extension_says_what_to_hold_in_all_so_that_it_may_be_repeated(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger, included=100), 30)
    said = [await extended(ledger, placed, 50) for _ in range(3)]

    assert said == [(Word.DONE, 50)] * 3
    assert await stand(ledger) == (100, 0, 50, 50)
    assert await kinds(ledger) == ["open", "hold", "extend"]


async def test_an_extension_to_less_lets_the_hold_live_on_and_changes_nothing_else(drill: Drill) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30)
    await drill.wait(50)
    said = await extended(drill.ledger, placed, 0, seconds=60)
    (hold,) = await drill.ledger.holds(drill.ledger.shard_of("acme"), overdue=False, count=9)

    assert said == (Word.DONE, 30)
    assert hold.until == START + 110
    assert await kinds(drill.ledger) == ["open", "hold"]


async def test_an_extension_goes_as_far_as_the_account_goes_and_then_is_short(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger, included=100, overage=5), 30)
    said = [await extended(ledger, placed, 200) for _ in range(2)]

    assert said == [(Word.DONE, 105), (Word.SHORT, 105)]
    assert await open_holds(ledger) == [placed.op]


async def test_a_hold_of_a_suspended_account_lives_on_and_does_not_grow(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger), 30)
    await ledger.set_status("acme", Status.SUSPENDED, op="status:1")

    assert await extended(ledger, placed, 0) == (Word.DONE, 30)
    assert await extended(ledger, placed, 50) == (Word.SHORT, 30)


async def test_a_hold_past_its_expiry_that_nobody_closed_lives_on(drill: Drill) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=RELEASED)
    await drill.wait(60)
    await extended(drill.ledger, placed, 0)

    assert (await drill.ledger.expire_hold("acme", placed.op)).word is Word.GONE


async def test_what_is_not_open_is_not_extended(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    placed = await held(ledger, account, 30)
    await settled(ledger, placed, 30)
    others = [placed, order(ledger, account), await charged(ledger, account)]

    assert [await extended(ledger, one, 50) for one in others] == [(Word.GONE, 0)] * 3
    assert (await ledger.extend("b", placed.op, amount=Credits(1), at_least=Credits(0), seconds=1)).word is Word.UNKNOWN


async def test_the_entry_of_an_extension_holds_what_it_took(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=40, overage=50)
    placed = await held(ledger, account, 30)
    await extended(ledger, placed, 55)
    entry = (await entries(ledger))[-1]

    assert entry == {
        "kind": "extend",
        "account": "acme",
        "op": placed.op,
        "operation": "chat",
        "amount": "25",
        "taken": f"period:{account.period.start}=10",
        "overage": "15",
        "until": entry["at"] + 60,
        "delta": "-10",
        "after": "0",
        "at": entry["at"],
        "period": account.period.start,
    }


# It is settled.


async def test_a_settled_hold_costs_its_price_and_the_rest_is_free_again(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger, included=100), 30)
    closed = await settled(ledger, placed, 12)

    assert closed.balance is not None
    assert (closed.word, closed.amount, closed.balance.remaining) == (Word.DONE, 12, 88)
    assert await stand(ledger) == (100, 12, 0, 88)
    assert (await stands(ledger)).used == {"chat": 12}


@pytest.mark.parametrize("price", [0, 30], ids=["nothing", "all of it"])
async def test_a_hold_is_settled_at_nothing_or_at_all_of_it(ledger: RedisLedger, price: int) -> None:
    placed = await held(ledger, await opened(ledger, included=100), 30)
    closed = await settled(ledger, placed, price)

    assert (closed.word, closed.amount) == (Word.DONE, price)
    assert await stand(ledger) == (100, price, 0, 100 - price)


async def test_what_was_burnt_last_goes_back_first_and_overage_before_all(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=30, overage=20)
    await ledger.grant("acme", lot("first", 10, priority=0))
    included = f"period:{account.period.start}"
    stood = []
    for price in (45, 25, 5):
        placed = await held(ledger, account, 50)
        await settled(ledger, placed, price)
        stood.append(((await stands(ledger)).overage, await left(ledger)))
        await ledger.void("acme", placed.op)

    assert stood == [
        (5, {}),
        (0, {included: 15}),
        (0, {"first": 5, included: 30}),
    ]


async def test_a_hold_that_grew_gives_back_in_the_order_in_which_it_was_taken(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=30)
    placed = await held(ledger, account, 20)
    await ledger.grant("acme", lot("dear", 10, priority=0))
    await extended(ledger, placed, 25)
    await settled(ledger, placed, 18)

    assert (await entries(ledger))[-1]["to"] == f"dear=5,period:{account.period.start}=2"


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_what_comes_back_of_a_grant_that_ended_lives_for_a_day(drill: Drill, how: str) -> None:
    account = await opened(drill.ledger, included=0)
    await drill.ledger.grant("acme", lot("a", 50, expires_at=START + 60))
    placed = await held(drill.ledger, account, 30)
    await drill.wait(60 if how == "expired" else 0)
    if how == "revoked":
        await drill.ledger.revoke("acme", "a", op="revoke:1")
    closed = await settled(drill.ledger, placed, 12)
    (adjustment,) = (await stands(drill.ledger)).grants

    assert closed.amount == 12
    assert (adjustment.grant.kind, adjustment.remaining) == (GrantKind.ADJUSTMENT, 18)


async def test_a_price_above_the_hold_is_charged_as_far_as_the_hold_goes(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger, included=100), 30)
    closed = await settled(ledger, placed, 45)
    entry = (await entries(ledger))[-1]

    assert closed.amount == 30
    assert (entry["amount"], entry["asked"], entry.get("extra")) == ("30", "45", None)
    assert await stand(ledger) == (100, 30, 0, 70)


async def test_an_overrun_is_drawn_as_a_charge_would(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=40, overage=50)
    placed = await held(ledger, account, 30)
    closed = await settled(ledger, placed, 55, overrun=True)
    entry = (await entries(ledger))[-1]

    assert closed.amount == 55
    assert (entry["amount"], entry["held"], entry["extra"], entry.get("asked")) == ("55", "30", "25", None)
    assert (entry["taken"], entry["overage"]) == (f"period:{account.period.start}=40", "15")
    assert (entry["drawn"], entry["delta"], entry["after"]) == (f"period:{account.period.start}=10", "-10", "0")


async def test_an_overrun_goes_as_far_as_the_account_goes(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger, included=40, overage=20), 30)
    closed = await settled(ledger, placed, 1000, overrun=True)
    entry = (await entries(ledger))[-1]

    assert closed.amount == 60
    assert (entry["amount"], entry["asked"], entry["extra"]) == ("60", "1000", "30")
    assert (await stands(ledger)).overage == 20


async def test_a_hold_is_settled_once_and_says_so_ever_after(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger), 30)
    closed = [await settled(ledger, placed, price, overrun=True) for price in (12, 12, 30, 50)]

    assert [(one.word, one.amount) for one in closed] == [(Word.DONE, 12), *[(Word.REPEAT, 12)] * 3]
    assert await stand(ledger) == (100, 12, 0, 88)


async def test_of_a_hundred_who_settle_at_once_one_does(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger), 30)
    closed = await asyncio.gather(*(settled(ledger, placed, price) for price in range(1, 31)))
    amounts = {one.amount for one in closed}

    assert [sum(one.word is word for one in closed) for word in (Word.DONE, Word.REPEAT)] == [1, 29]
    assert len(amounts) == 1
    assert (await stands(ledger)).consumed == amounts.pop()


async def test_there_is_nothing_to_settle_where_nothing_is_held(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    released, voided = await held(ledger, account, 1), await held(ledger, account, 1)
    await ledger.release("acme", released.op, reason="503")
    await ledger.void("acme", voided.op)
    others = [released, voided, order(ledger, account), await charged(ledger, account)]

    assert [await settled(ledger, one, 1) for one in others] == [Closed(word=Word.GONE)] * 4
    assert await stand(ledger) == (100, 10, 0, 90)


async def test_a_hold_is_closed_by_its_account_alone(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger, "acme/team"), 30)
    await opened(ledger)
    closed = [
        await settled(ledger, placed, 1),
        await ledger.release("acme", placed.op, reason="503"),
        await ledger.expire_hold("acme", placed.op),
    ]

    assert closed == [Closed(word=Word.GONE)] * 3
    assert (await stands(ledger, "acme/team")).reserved == 30


async def test_nobody_closes_a_hold_of_an_account_that_is_not_there(ledger: RedisLedger) -> None:
    op = operation_id(ledger.now())
    closed = [
        await ledger.settle("nobody", op, price=Credits(1), quote="{}"),
        await ledger.release("nobody", op, reason="503"),
        await ledger.expire_hold("nobody", op),
    ]

    assert closed == [Closed(word=Word.UNKNOWN)] * 3


async def test_the_entry_of_a_settled_hold_says_who_paid_and_what_went_back(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=20, overage=50)
    placed = await held(ledger, account, 30)
    await settled(ledger, placed, 12)
    entry = (await entries(ledger))[-1]
    included = f"period:{account.period.start}"

    assert entry == {
        "kind": "settle",
        "account": "acme",
        "op": placed.op,
        "operation": "chat",
        "amount": "12",
        "held": "30",
        "taken": f"{included}=12",
        "overage": "0",
        "to": f"{included}=8",
        "back": "10",
        "quote": {"final": 1},
        "delta": "8",
        "after": "8",
        "at": entry["at"],
        "period": account.period.start,
    }


async def test_the_overage_that_a_hold_gives_back_can_be_drawn_again(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100, overage=50)
    placed = await held(ledger, account, 130)
    reserved = await stands(ledger)
    closed = await settled(ledger, placed, 90)

    assert (reserved.granted, reserved.reserved, reserved.remaining, reserved.overage) == (130, 130, 0, 30)
    assert closed.balance is not None
    assert closed.balance.remaining == 60
    assert await stand(ledger) == (100, 90, 0, 10)
    assert (await stands(ledger)).overage == 0


# It is released, voided, refunded.


async def test_a_released_hold_costs_nothing(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=20, overage=50)
    placed = await held(ledger, account, 30)
    closed = [await ledger.release("acme", placed.op, reason="503") for _ in range(2)]
    entry = (await entries(ledger))[-1]

    assert [(one.word, one.amount) for one in closed] == [(Word.DONE, 0), (Word.REPEAT, 0)]
    assert await stand(ledger) == (20, 0, 0, 20)
    assert entry == {
        "kind": "release",
        "account": "acme",
        "op": placed.op,
        "operation": "chat",
        "amount": "0",
        "held": "30",
        "taken": "",
        "overage": "0",
        "to": f"period:{account.period.start}=20",
        "back": "10",
        "reason": "503",
        "delta": "20",
        "after": "20",
        "at": entry["at"],
        "period": account.period.start,
    }


async def test_what_is_settled_is_not_released(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger), 30)
    await settled(ledger, placed, 12)

    assert await ledger.release("acme", placed.op, reason="503") == Closed(word=Word.GONE)
    assert await stand(ledger) == (100, 12, 0, 88)


async def test_a_hold_of_unknown_fate_is_voided_and_never_comes_back(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger), 30)
    undone = [await ledger.void("acme", placed.op) for _ in range(2)]

    assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 30), (Word.REPEAT, 0)]
    assert await ledger.hold(placed, RELEASED) == Refused(word=Word.VOIDED)
    assert await stand(ledger) == (100, 0, 0, 100)
    assert (await open_holds(ledger), (await kinds(ledger))[-1]) == ([], "release")


async def test_a_settled_hold_is_refunded_to_where_it_came_from(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=20, overage=50)
    placed = await held(ledger, account, 40)
    await settled(ledger, placed, 30)
    undone = [await ledger.refund("acme", placed.op, reason="sorry") for _ in range(2)]

    assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 30), (Word.REPEAT, 30)]
    assert await stand(ledger) == (20, 0, 0, 20)
    assert (await stands(ledger)).overage == 0


async def test_an_overrun_is_refunded_wholly(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger, included=40, overage=20), 30)
    await settled(ledger, placed, 55, overrun=True)
    undone = await ledger.refund("acme", placed.op, reason="sorry")

    assert undone.amount == 55
    assert await stand(ledger) == (40, 0, 0, 40)


async def test_a_share_of_a_charge_can_be_kept(ledger: RedisLedger) -> None:
    placed = await held(ledger, await opened(ledger), 30)
    await settled(ledger, placed, 30)
    undone = [await ledger.refund("acme", placed.op, reason="404", keep=Credits(keep)) for keep in (3, 0)]

    assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 27), (Word.REPEAT, 27)]
    assert await stand(ledger) == (100, 3, 0, 97)


@pytest.mark.parametrize("state", ["held", "released", "expired"])
async def test_a_hold_that_charged_nothing_has_nothing_to_refund(drill: Drill, state: str) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=RELEASED)
    await drill.wait(60)
    if state == "released":
        await drill.ledger.release("acme", placed.op, reason="503")
    if state == "expired":
        await drill.ledger.expire_hold("acme", placed.op)

    assert (await drill.ledger.refund("acme", placed.op, reason="sorry")).word is Word.GONE


# It expires.


async def test_a_hold_does_not_expire_before_its_second(drill: Drill) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=RELEASED)
    await drill.wait(59)
    early = await drill.ledger.expire_hold("acme", placed.op)
    await drill.wait(1)
    late = await drill.ledger.expire_hold("acme", placed.op)

    assert (early.word, late.word) == (Word.GONE, Word.DONE)


async def test_a_hold_that_was_extended_expires_by_its_new_second(drill: Drill) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=RELEASED)
    await drill.wait(59)
    await extended(drill.ledger, placed, 30, seconds=60)
    await drill.wait(59)

    assert await open_holds(drill.ledger, overdue=True) == []
    assert (await drill.ledger.expire_hold("acme", placed.op)).word is Word.GONE


async def test_a_hold_that_is_released_by_its_expiry_costs_nothing(drill: Drill) -> None:
    account = await opened(drill.ledger, included=20, overage=50)
    placed = await held(drill.ledger, account, 30, terms=RELEASED)
    await drill.wait(60)
    closed = [await drill.ledger.expire_hold("acme", placed.op) for _ in range(2)]
    entry = (await entries(drill.ledger))[-1]

    assert [(one.word, one.amount) for one in closed] == [(Word.DONE, 0), (Word.REPEAT, 0)]
    assert await stand(drill.ledger) == (20, 0, 0, 20)
    assert await open_holds(drill.ledger) == []
    assert entry == {
        "kind": "expire_hold",
        "account": "acme",
        "op": placed.op,
        "operation": "chat",
        "amount": "0",
        "held": "30",
        "taken": "",
        "overage": "0",
        "to": f"period:{account.period.start}=20",
        "back": "10",
        "by": "release",
        "delta": "20",
        "after": "20",
        "at": START + 60,
        "period": account.period.start,
    }


async def test_a_hold_that_is_charged_by_its_expiry_costs_the_least_that_was_said(drill: Drill) -> None:
    account = await opened(drill.ledger)
    placed = await held(drill.ledger, account, 30, terms=CHARGED)
    await drill.wait(60)
    closed = [await drill.ledger.expire_hold("acme", placed.op) for _ in range(2)]
    entry = (await entries(drill.ledger))[-1]

    assert [(one.word, one.amount) for one in closed] == [(Word.DONE, 7), (Word.REPEAT, 7)]
    assert await stand(drill.ledger) == (100, 7, 0, 93)
    assert (entry["kind"], entry["by"], entry["amount"], entry["held"]) == ("expire_hold", "charge", "7", "30")
    assert (entry["taken"], entry["delta"]) == (f"period:{account.period.start}=7", "23")


async def test_the_least_that_an_expiry_charges_grows_and_never_shrinks(drill: Drill) -> None:
    account = await opened(drill.ledger)
    costs = []
    for least in (3, 20, 1000):
        placed = await held(drill.ledger, account, 30, terms=CHARGED)
        await extended(drill.ledger, placed, 30, at_least=least, seconds=0)
        costs.append((await drill.ledger.expire_hold("acme", placed.op)).amount)

    assert costs == [7, 20, 30]


async def test_a_hold_that_was_closed_in_time_does_not_expire(drill: Drill) -> None:
    account = await opened(drill.ledger)
    placed = [await held(drill.ledger, account, 30, terms=CHARGED) for _ in range(3)]
    await settled(drill.ledger, placed[0], 12)
    await drill.ledger.release("acme", placed[1].op, reason="503")
    await drill.ledger.void("acme", placed[2].op)
    await drill.wait(60)
    closed = [await drill.ledger.expire_hold("acme", one.op) for one in placed]

    assert [(one.word, one.amount) for one in closed] == [(Word.REPEAT, 12), (Word.REPEAT, 0), (Word.REPEAT, 0)]
    assert await stand(drill.ledger) == (100, 12, 0, 88)


async def test_a_hold_that_never_was_does_not_expire(drill: Drill) -> None:
    await opened(drill.ledger)

    assert await drill.ledger.expire_hold("acme", operation_id(START)) == Closed(word=Word.GONE)


async def test_a_settle_that_comes_after_the_release_charges_anew_and_once(drill: Drill) -> None:
    account = await opened(drill.ledger)
    placed = await held(drill.ledger, account, 30, terms=RELEASED)
    await drill.wait(60)
    await drill.ledger.expire_hold("acme", placed.op)
    closed = [await settled(drill.ledger, placed, 12) for _ in range(2)]
    entry = (await entries(drill.ledger))[-1]

    assert [(one.word, one.amount) for one in closed] == [(Word.DONE, 12), (Word.REPEAT, 12)]
    assert await stand(drill.ledger) == (100, 12, 0, 88)
    assert entry == {
        "kind": "late",
        "account": "acme",
        "op": placed.op,
        "operation": "chat",
        "amount": "12",
        "taken": f"period:{account.period.start}=12",
        "overage": "0",
        "quote": {"final": 1},
        "delta": "-12",
        "after": "88",
        "at": START + 60,
        "period": account.period.start,
    }


async def test_a_late_settle_charges_what_is_spendable_and_no_more(drill: Drill) -> None:
    account = await opened(drill.ledger, included=100)
    placed = await held(drill.ledger, account, 30, terms=RELEASED)
    await drill.wait(60)
    await drill.ledger.expire_hold("acme", placed.op)
    await charged(drill.ledger, account, 91)
    closed = await settled(drill.ledger, placed, 12, overrun=True)
    entry = (await entries(drill.ledger))[-1]

    assert (closed.word, closed.amount) == (Word.DONE, 9)
    assert (entry["kind"], entry["amount"], entry["asked"]) == ("late", "9", "12")


async def test_a_late_settle_is_refunded_as_any(drill: Drill) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=RELEASED)
    await drill.wait(60)
    await drill.ledger.expire_hold("acme", placed.op)
    await settled(drill.ledger, placed, 12)
    undone = await drill.ledger.refund("acme", placed.op, reason="sorry")

    assert (undone.word, undone.amount) == (Word.DONE, 12)
    assert await stand(drill.ledger) == (100, 0, 0, 100)


async def test_a_settle_that_comes_after_the_expiry_charged_learns_what_that_was(drill: Drill) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=CHARGED)
    await drill.wait(60)
    await drill.ledger.expire_hold("acme", placed.op)
    closed = await settled(drill.ledger, placed, 12)

    assert (closed.word, closed.amount) == (Word.REPEAT, 7)
    assert await stand(drill.ledger) == (100, 7, 0, 93)


# A period ends meanwhile.


async def test_a_hold_outlives_its_period_and_is_used_in_the_next(drill: Drill) -> None:
    account = await opened(drill.ledger, included=100)
    placed = await held(drill.ledger, account, 30)
    renewed = await next_period(drill, account)
    before = await stand(drill.ledger)
    await settled(drill.ledger, placed, 12)

    assert before == (130, 0, 30, 100)
    assert await stand(drill.ledger) == (130, 12, 0, 118)
    assert (await entries(drill.ledger))[-1]["period"] == renewed.period.start


async def test_a_hold_that_outlived_its_period_is_refunded_in_the_one_that_it_was_used_in(drill: Drill) -> None:
    account = await opened(drill.ledger, included=10, overage=50)
    placed = await held(drill.ledger, account, 30)
    await next_period(drill, account)
    await settled(drill.ledger, placed, 25)
    await drill.ledger.refund("acme", placed.op, reason="sorry")
    one = await stands(drill.ledger)

    assert (one.consumed, one.reserved, one.overage) == (0, 0, 0)
    assert one.lifetime["granted"] == one.remaining + one.lifetime["spent"] + one.lifetime["expired"]


async def test_the_overage_in_a_hold_counts_in_the_period_that_runs_and_never_past_its_limit(drill: Drill) -> None:
    account = await opened(drill.ledger, included=10, overage=50)
    placed = await held(drill.ledger, account, 40)
    account = await next_period(drill, account)
    begun = (await stands(drill.ledger)).overage
    await extended(drill.ledger, placed, 1000)
    grown = await stands(drill.ledger)
    closed = await settled(drill.ledger, placed, 1000, overrun=True)

    assert (begun, grown.overage, grown.reserved) == (30, 50, 70)
    assert closed.amount == 70
    assert (await stands(drill.ledger)).overage == 50


async def test_an_account_that_was_opened_before_there_were_holds_begins_its_next_period(
    drill: Drill, any_store_url: str
) -> None:
    account = await opened(drill.ledger, included=10, overage=50)
    with store_client(any_store_url) as client:
        client.hdel(account_key(drill.ledger.shard_of("acme"), "acme"), "held_overage")
    await held(drill.ledger, await next_period(drill, account), 30)

    assert await stand(drill.ledger) == (30, 0, 30, 0)


async def test_the_overage_that_a_hold_of_an_earlier_period_gives_back_can_be_drawn_again(drill: Drill) -> None:
    account = await opened(drill.ledger, included=10, overage=50)
    placed = await held(drill.ledger, account, 60)
    account = await next_period(drill, account)
    short = await drill.ledger.charge(order(drill.ledger, account, 11))
    await drill.ledger.release("acme", placed.op, reason="503")

    assert isinstance(short, Short)
    assert isinstance(await drill.ledger.charge(order(drill.ledger, account, 70)), Done)
    assert (await stands(drill.ledger)).overage == 50


# Its record is forgotten.


async def test_a_hold_that_lived_long_is_refunded_by_its_entry(drill: Drill, any_store_url: str) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30)
    for _ in range(4):
        await drill.wait(3600)
        await extended(drill.ledger, placed, 30, seconds=4000)
    await settled(drill.ledger, placed, 12)
    await drill.wait(901)
    await forget(any_store_url, drill.ledger, placed.op)
    undone = [await drill.ledger.refund("acme", placed.op, reason="sorry") for _ in range(2)]

    assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 12), (Word.REPEAT, 12)]
    assert (await stands(drill.ledger)).consumed == 0


async def test_what_the_record_of_a_long_hold_gave_back_is_not_given_back_by_its_entry(
    drill: Drill, any_store_url: str
) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=replace(RELEASED, seconds=10_000))
    await drill.wait(5000)
    await settled(drill.ledger, placed, 12)
    entry = (await drill.ledger.entries(drill.ledger.shard_of("acme")))[-1][0]
    await drill.ledger.refund("acme", placed.op, reason="404", keep=Credits(2))
    await drill.wait(901)
    await forget(any_store_url, drill.ledger, placed.op)
    undone = await drill.ledger.refund_entry(entry, account="acme", op="refunds:1", reason="sorry")

    assert (undone.word, undone.amount) == (Word.DONE, 2)
    assert (await stands(drill.ledger)).consumed == 0


async def test_a_hold_that_expired_at_nothing_has_no_entry_to_refund(drill: Drill, any_store_url: str) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=RELEASED)
    await drill.wait(60)
    await drill.ledger.expire_hold("acme", placed.op)
    entry = (await drill.ledger.entries(drill.ledger.shard_of("acme")))[-1][0]
    await drill.wait(901)
    await forget(any_store_url, drill.ledger, placed.op)

    assert (await drill.ledger.refund_entry(entry, account="acme", op="r:1", reason="sorry")).word is Word.GONE
    assert (await drill.ledger.void("acme", placed.op)).word is Word.GONE


# Everything that must add up.


async def test_a_statement_with_holds_adds_up(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100, overage=20)
    await ledger.grant("acme", lot("a", 50))
    await charged(ledger, account, 60)
    await settled(ledger, await held(ledger, account, 40), 7)
    await held(ledger, account, 60)
    await ledger.revoke("acme", "a", op="revoke:1")
    one = await stands(ledger)
    life = one.lifetime

    assert one.granted == one.consumed + one.reserved + one.remaining
    assert life["granted"] == one.remaining + life["held"] + life["spent"] + life["expired"] + life["revoked"]
    assert (one.reserved, life["held"], life["revoked"]) == (60, 60, 23)
