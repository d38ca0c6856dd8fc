"""What time does to the books; the clock is the test's."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from meter.credits import Credits
from meter.ledger import accounts
from meter.ledger.changing import When, change_plan
from meter.ledger.ids import operation_id
from meter.ledger.names import op_key
from meter.ledger.promise import Done, GrantKind, Order, Refused, Stale, Word
from meter.policy.model import PeriodUnit, Plan
from meter.policy.plans import Rollover, Trial
from meter.pricing.allotment import renewal
from meter.pricing.plan_terms import terms_of
from tests.ledger.books import (
    DAY,
    START,
    Drill,
    charged,
    drilled,
    entries,
    kinds,
    left,
    lot,
    opened,
    order,
    stands,
    terms,
)
from tests.ledger.machine import store_client
from tests.pricing.make import PLACE


@pytest.fixture
async def drill(any_store_url: str) -> AsyncIterator[Drill]:
    async with drilled(any_store_url) as moved:
        yield moved


async def forget(url: str, drill: Drill, op: str) -> None:
    """What the server does by itself fifteen minutes after an operation."""
    with store_client(url) as client:
        client.delete(op_key(drill.ledger.shard_of("acme"), op))


async def renewed(drill: Drill, stale: Stale) -> int:
    step = renewal(stale.account.terms, stale.account.terms, stale.account.period, stale.now)
    await drill.ledger.renew(stale.account, step, op="renew:1")
    return step.period.start


async def test_what_has_expired_is_not_spent(drill: Drill) -> None:
    account = await opened(drill.ledger, included=0)
    await drill.ledger.grant("acme", lot("a", 10, expires_at=START + 60))
    await drill.ledger.grant("acme", lot("b", 10))
    await drill.wait(60)
    await charged(drill.ledger, account, 4)

    assert await left(drill.ledger) == {"b": 6}


async def test_expiry_is_read_before_it_is_written(drill: Drill) -> None:
    await opened(drill.ledger, included=0)
    await drill.ledger.grant("acme", lot("a", 10, expires_at=START + 60))
    await drill.wait(60)
    one = await stands(drill.ledger)

    assert (one.granted, one.remaining, one.lifetime["expired"]) == (0, 0, 10)
    assert await kinds(drill.ledger) == ["open", "grant"]


async def test_a_charge_that_sees_expiry_writes_an_entry_for_each_grant(drill: Drill) -> None:
    account = await opened(drill.ledger, included=0)
    for name in ("a", "b"):
        await drill.ledger.grant("acme", lot(name, 10, expires_at=START + 60))
    await drill.ledger.grant("acme", lot("c", 10))
    await drill.wait(60)
    await charged(drill.ledger, account, 4)
    written = [(one["kind"], one.get("grant"), one["delta"], one["after"]) for one in await entries(drill.ledger)]

    assert written[-3:] == [("expire", "a", "-10", "20"), ("expire", "b", "-10", "10"), ("charge", None, "-4", "6")]


async def test_a_refused_charge_writes_no_expiry(drill: Drill) -> None:
    account = await opened(drill.ledger, included=0)
    await drill.ledger.grant("acme", lot("a", 10, expires_at=START + 60))
    await drill.wait(60)
    await drill.ledger.charge(order(drill.ledger, account, 4))

    assert await kinds(drill.ledger) == ["open", "grant"]


async def test_an_expired_grant_cannot_be_given(drill: Drill) -> None:
    await opened(drill.ledger)
    word, _ = await drill.ledger.grant("acme", lot("a", 10, expires_at=START))

    assert word is Word.LATE


async def test_a_refund_to_an_expired_grant_lives_for_a_day(drill: Drill) -> None:
    account = await opened(drill.ledger, included=0)
    await drill.ledger.grant("acme", lot("a", 10, expires_at=START + 60))
    placed = await charged(drill.ledger, account, 4)
    await drill.wait(60)
    await drill.ledger.refund("acme", placed.op, reason="503")
    (adjustment,) = (await stands(drill.ledger)).grants
    await drill.wait(25 * 3600)

    assert (adjustment.grant.kind, adjustment.remaining) == (GrantKind.ADJUSTMENT, 4)
    assert (await stands(drill.ledger)).remaining == 0


async def test_a_period_that_is_over_lapses_and_the_next_begins_once(drill: Drill) -> None:
    account = await opened(drill.ledger, included=100)
    await drill.ledger.grant("acme", lot("a", 10))
    await charged(drill.ledger, account, 30)
    await drill.wait(40 * DAY)
    stale = await drill.ledger.charge(order(drill.ledger, account))
    assert isinstance(stale, Stale)
    assert stale.lapsed

    start = await renewed(drill, stale)
    await renewed(drill, stale)
    one = await stands(drill.ledger)

    assert await left(drill.ledger) == {f"period:{start}": 100, "a": 10}
    assert (one.granted, one.consumed, one.remaining, one.used) == (110, 0, 110, {})
    assert (one.lifetime["spent"], one.lifetime["expired"]) == (30, 70)


async def test_a_period_that_runs_is_not_renewed(drill: Drill) -> None:
    account = await opened(drill.ledger, included=100)
    later = renewal(account.terms, account.terms, account.period, START + 40 * DAY)
    after = await drill.ledger.renew(account, later, op="renew:1")

    assert after.period == account.period
    assert await kinds(drill.ledger) == ["open"]


async def test_a_refund_of_an_earlier_period_can_be_spent_in_this_one(drill: Drill, any_store_url: str) -> None:
    account = await opened(drill.ledger, included=100)
    await drill.ledger.grant("acme", lot("a", 30, priority=0))
    placed = await charged(drill.ledger, account, 30)
    entry = (await drill.ledger.entries(drill.ledger.shard_of("acme")))[-1][0]
    await drill.wait(40 * DAY)
    stale = await drill.ledger.charge(order(drill.ledger, account))
    assert isinstance(stale, Stale)
    await renewed(drill, stale)
    await forget(any_store_url, drill, placed.op)
    undone = await drill.ledger.refund_entry(entry, account="acme", op="refunds:1", reason="sorry")
    one = await stands(drill.ledger)

    assert undone.amount == 30
    assert (one.granted, one.consumed, one.remaining) == (130, 0, 130)
    assert one.lifetime["spent"] == 0


async def test_an_entry_older_than_ninety_days_is_not_refunded(drill: Drill) -> None:
    await charged(drill.ledger, await opened(drill.ledger), 30)
    entry = (await drill.ledger.entries(drill.ledger.shard_of("acme")))[-1][0]
    await drill.wait(90 * DAY + 1)

    assert (await drill.ledger.refund_entry(entry, account="acme", op="r:1", reason="sorry")).word is Word.GONE


@pytest.mark.parametrize(
    ("age", "word"),
    [
        pytest.param(600, None, id="ten minutes: charged"),
        pytest.param(601, Word.LATE, id="older: late"),
        pytest.param(-60, None, id="a minute ahead: charged"),
        pytest.param(-61, Word.LATE, id="further ahead: late"),
    ],
)
async def test_an_id_is_good_for_ten_minutes(drill: Drill, age: int, word: Word | None) -> None:
    account = await opened(drill.ledger)
    op = operation_id(START - age)
    outcome = await drill.ledger.charge(Order(op=op, account=account, amount=Credits(1), operation="chat", quote="{}"))

    assert isinstance(outcome, Done) if word is None else outcome == Refused(word=word)


async def test_a_forgotten_operation_is_never_charged_again(drill: Drill, any_store_url: str) -> None:
    placed = await charged(drill.ledger, await opened(drill.ledger), 30)
    await drill.wait(901)
    await forget(any_store_url, drill, placed.op)

    assert await drill.ledger.charge(placed) == Refused(word=Word.LATE)


@pytest.mark.parametrize("step", ["void", "refund"])
async def test_a_forgotten_operation_is_undone_by_its_entry_and_once(
    drill: Drill, any_store_url: str, step: str
) -> None:
    placed = await charged(drill.ledger, await opened(drill.ledger), 30)
    await drill.wait(901)
    await forget(any_store_url, drill, placed.op)
    undone = [
        await (
            drill.ledger.void("acme", placed.op)
            if step == "void"
            else drill.ledger.refund("acme", placed.op, reason="x")
        )
        for _ in range(2)
    ]

    assert [one.word for one in undone] == [Word.DONE, Word.REPEAT]
    assert (await stands(drill.ledger)).remaining == 100
    assert (await kinds(drill.ledger))[-1] == step


async def test_what_was_undone_by_its_record_is_not_undone_again_by_its_entry(drill: Drill, any_store_url: str) -> None:
    placed = await charged(drill.ledger, await opened(drill.ledger), 30)
    entry = (await drill.ledger.entries(drill.ledger.shard_of("acme")))[-1][0]
    await drill.ledger.refund("acme", placed.op, reason="503")
    await drill.wait(901)
    await forget(any_store_url, drill, placed.op)
    undone = [
        await drill.ledger.void("acme", placed.op),
        await drill.ledger.refund_entry(entry, account="acme", op="refunds:1", reason="sorry"),
    ]

    assert [(one.word, one.amount) for one in undone] == [(Word.REPEAT, 0)] * 2
    assert (await stands(drill.ledger)).remaining == 100


async def test_what_entry_and_record_gave_back_together_is_not_given_back_again(
    drill: Drill, any_store_url: str
) -> None:
    placed = await charged(drill.ledger, await opened(drill.ledger), 50)
    entry = (await drill.ledger.entries(drill.ledger.shard_of("acme")))[-1][0]
    part = await drill.ledger.refund_entry(entry, account="acme", op="refunds:1", reason="x", amount=Credits(20))
    rest = await drill.ledger.refund("acme", placed.op, reason="503", keep=Credits(10))
    await drill.wait(901)
    await forget(any_store_url, drill, placed.op)
    undone = await drill.ledger.refund_entry(entry, account="acme", op="refunds:2", reason="sorry")

    assert [one.amount for one in (part, rest, undone)] == [20, 20, 10]
    assert (await stands(drill.ledger)).remaining == 100


async def test_a_refund_by_the_entry_keeps_what_is_to_be_kept(drill: Drill, any_store_url: str) -> None:
    placed = await charged(drill.ledger, await opened(drill.ledger), 50)
    await drill.wait(901)
    await forget(any_store_url, drill, placed.op)
    undone = [await drill.ledger.refund("acme", placed.op, reason="404", keep=Credits(5)) for _ in range(2)]

    assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 45), (Word.REPEAT, 45)]
    assert (await stands(drill.ledger)).consumed == 5


async def test_there_is_nothing_to_void_of_a_forgotten_operation_that_never_was(drill: Drill) -> None:
    await opened(drill.ledger)

    assert (await drill.ledger.void("acme", operation_id(START - 1000))).word is Word.GONE


@pytest.mark.parametrize(
    ("back", "at", "behind"),
    [pytest.param(4, START, None, id="a little: not followed"), pytest.param(5, START - 5, 5, id="more: reported")],
)
async def test_a_clock_that_jumps_back(drill: Drill, back: int, at: int, behind: int | None) -> None:
    account = await opened(drill.ledger)
    drill.line.now -= back
    await charged(drill.ledger, account)
    entry = (await entries(drill.ledger))[-1]

    assert (entry["at"], entry.get("behind")) == (at, behind)


async def test_the_engines_clock_is_the_stores(drill: Drill) -> None:
    await drill.wait(7 * DAY)

    assert 0 <= drill.ledger.now() - (START + 7 * DAY) <= 1


async def test_entries_of_the_last_fifteen_minutes_are_not_trimmed(drill: Drill) -> None:
    account = await opened(drill.ledger)
    await drill.wait(1000)
    await charged(drill.ledger, account)
    shard = drill.ledger.shard_of("acme")
    newest = (await drill.ledger.entries(shard))[-1][0]
    trimmed = await drill.ledger.trim(shard, newest)

    assert trimmed == 1
    assert await kinds(drill.ledger) == ["charge"]


async def test_a_trim_takes_the_entry_that_it_names_and_none_after_it(drill: Drill) -> None:
    await opened(drill.ledger)
    await drill.ledger.grant("acme", lot("a"))
    await drill.ledger.grant("acme", lot("b"))
    await drill.wait(1000)
    shard = drill.ledger.shard_of("acme")
    second = (await drill.ledger.entries(shard))[1][0]

    assert await drill.ledger.trim(shard, second) == 2
    assert [entry["op"] for entry in await entries(drill.ledger)] == ["b"]


async def test_a_checkpoint_says_where_an_account_stands(drill: Drill) -> None:
    account = await opened(drill.ledger, included=100)
    await drill.ledger.grant("acme", lot("a", 10, expires_at=START + 60))
    await charged(drill.ledger, account, 30)
    await drill.wait(60)
    await drill.ledger.checkpoint(drill.ledger.shard_of("acme"), ["acme"])
    checkpoint = (await entries(drill.ledger))[-1]

    figures = ("kind", "granted", "spent", "used", "expired", "revoked", "period_granted", "after")
    assert [checkpoint[name] for name in figures] == ["checkpoint", "110", "0", "30", "10", "0", "100", "70"]


async def test_an_expired_key_charges_nothing(drill: Drill) -> None:
    account = await opened(drill.ledger)
    await drill.ledger.create_key("acme", key_hash="ab" * 32, hint="mk_000", expires_at=START + 60, op="key:1")
    before = await drill.ledger.charge(order(drill.ledger, account, key_hash="ab" * 32))
    await drill.wait(60)
    after = await drill.ledger.charge(order(drill.ledger, account, key_hash="ab" * 32))

    assert isinstance(before, Done)
    assert after == Refused(word=Word.UNKNOWN)


async def test_a_period_is_not_begun_by_terms_that_are_others_by_now(drill: Drill) -> None:
    account = await opened(drill.ledger, included=100)
    assert account.period.end is not None
    await drill.wait(account.period.end - drill.line.now)
    await drill.ledger.set_terms("acme", replace(account.terms, included=Credits(70)), op="terms:1")
    old = renewal(account.terms, account.terms, account.period, drill.line.now)
    there = await drill.ledger.renew(account, old, op="renew:1")
    begun = await accounts.renewed(drill.ledger, there, drill.line.now)

    assert (there.period, there.terms.included) == (account.period, 70)
    assert await left(drill.ledger) == {f"period:{begun.period.start}": 70}


async def test_a_change_of_plan_to_and_fro_is_no_gift(drill: Drill) -> None:
    small = Plan(name="small", included=Credits(1000), period=PeriodUnit.MONTH, place=PLACE)
    big = replace(small, name="big", included=Credits(3000))
    _, account = await drill.ledger.open_account("acme", terms_of(small, now=drill.line.now), op="open:acme")
    await charged(drill.ledger, account, 1000)
    before = (await stands(drill.ledger)).remaining
    await change_plan(drill.ledger, "acme", big, when=When.NOW)
    between = (await stands(drill.ledger)).remaining
    await change_plan(drill.ledger, "acme", small, when=When.NOW)

    assert before == 0
    assert 0 < between < 2000
    assert (await stands(drill.ledger)).remaining == 0


async def test_what_is_left_of_included_credits_rolls_over_though_somebody_else_saw_them_expire(drill: Drill) -> None:
    rolling = replace(terms(100), rollover=Rollover(millionths=500_000, cap=Credits(30)))
    _, account = await drill.ledger.open_account("acme", rolling, op="open:acme")
    await charged(drill.ledger, account, 40)
    await drill.ledger.grant("acme", lot("bought", 10))
    assert account.period.end is not None
    await drill.wait(account.period.end - drill.line.now)
    await drill.ledger.grant("acme", lot("late", 1))
    begun = await accounts.renewed(drill.ledger, account, drill.line.now)

    assert await left(drill.ledger) == {
        f"rollover:{begun.period.start}": 30,
        f"period:{begun.period.start}": 100,
        "bought": 10,
        "late": 1,
    }


async def test_what_rolled_over_does_not_roll_over_again(drill: Drill) -> None:
    rolling = replace(terms(100), rollover=Rollover(millionths=500_000))
    _, account = await drill.ledger.open_account("acme", rolling, op="open:acme")
    for spent in (40, 120):
        await charged(drill.ledger, account, spent)
        assert account.period.end is not None
        await drill.wait(account.period.end - drill.line.now)
        account = await accounts.renewed(drill.ledger, account, drill.line.now)

    assert await left(drill.ledger) == {f"rollover:{account.period.start}": 5, f"period:{account.period.start}": 100}


async def test_a_trial_is_given_once_and_ends(drill: Drill) -> None:
    trying = replace(terms(100), trial=Trial(credits=Credits(20), days=3))
    await drill.ledger.open_account("acme", trying, op="open:acme")
    await drill.ledger.open_account("acme", trying, op="open:acme")
    with_it = await left(drill.ledger)
    await drill.wait(3 * DAY)

    assert next(iter(with_it.items())) == ("trial:signup", 20)
    assert "trial:signup" not in await left(drill.ledger)
