"""Limits: what may be drawn at an account and by an API key, in a period, a minute and a day."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from meter.credits import Credits
from meter.ledger.accounts import renewed
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.ids import operation_id
from meter.ledger.limits import Level, LimitKind, Limits
from meter.ledger.line import open_line
from meter.ledger.names import BadName
from meter.ledger.promise import Account, Capped, Done, Order, Refused, Short, Status, Word
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from tests.conftest import STEP_SECONDS
from tests.ledger.books import DAY, Drill, charged, drilled, entries, held, opened, order, stands, terms

HASH = "ab" * 32
RELEASED = HoldTerms(on_expiry=OnExpiry.RELEASE)


@pytest.fixture
async def ledger(any_store_url: str) -> AsyncIterator[RedisLedger]:
    async with open_line(any_store_url) as line:
        yield await RedisLedger.open(line, step_seconds=STEP_SECONDS)


@pytest.fixture
async def drill(any_store_url: str) -> AsyncIterator[Drill]:
    async with drilled(any_store_url) as drill:
        yield drill


def most(budget: int | None = None, *, minute: int | None = None, day: int | None = None) -> Limits:
    caps = [None if cap is None else Credits(cap) for cap in (budget, minute, day)]
    return Limits(budget=caps[0], minute=caps[1], day=caps[2])


async def level(ledger: RedisLedger, name: str = "acme") -> Level:
    return next(one for one in await ledger.levels("acme") if one.name == name)


async def spent(ledger: RedisLedger, name: str = "acme") -> tuple[int, int, int]:
    one = await level(ledger, name)
    return one.budget.spent, one.minute.spent, one.day.spent


async def refused(ledger: RedisLedger, account: Account, amount: int, **more: object) -> Capped:
    outcome = await ledger.charge(order(ledger, account, amount, **more))
    assert isinstance(outcome, Capped)
    return outcome


async def test_what_a_budget_does_not_leave_is_refused_and_nothing_is_taken(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_limits("acme", most(30), op="limit:1")
    await charged(ledger, account, 20)
    capped = await refused(ledger, account, 11)

    assert (capped.reached.level, capped.reached.kind) == ("acme", LimitKind.BUDGET)
    assert (capped.required, capped.reached.limit, capped.reached.spent) == (11, 30, 20)
    assert capped.reached.until == account.period.end
    assert capped.balance.remaining == 80
    assert (await stands(ledger)).consumed == 20
    await charged(ledger, account, 10)
    assert await spent(ledger) == (30, 30, 30)


async def test_who_has_neither_credits_nor_budget_is_told_of_the_credits(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=5)
    await ledger.set_limits("acme", most(3), op="limit:1")

    assert isinstance(await ledger.charge(order(ledger, account, 6)), Short)


async def test_a_budget_begins_anew_with_the_period(drill: Drill) -> None:
    account = await opened(drill.ledger)
    await drill.ledger.set_limits("acme", most(30), op="limit:1")
    await charged(drill.ledger, account, 30)
    await drill.wait(20 * DAY)
    account = await renewed(drill.ledger, account, drill.ledger.now())
    await charged(drill.ledger, account, 30)

    assert (await level(drill.ledger)).budget.start == account.period.start
    assert (await refused(drill.ledger, account, 1)).reached.kind is LimitKind.BUDGET


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [pytest.param(most(minute=30), 60, id="a minute"), pytest.param(most(day=30), DAY, id="a day")],
)
async def test_a_cap_says_truly_when_it_lets_the_call_through(drill: Drill, limits: Limits, seconds: int) -> None:
    account = await opened(drill.ledger)
    await drill.ledger.set_limits("acme", limits, op="limit:1")
    await charged(drill.ledger, account, 30)
    capped = await refused(drill.ledger, account, 30)
    assert capped.reached.until is not None
    wait = capped.reached.until - capped.now
    assert 0 < wait <= seconds
    await drill.wait(wait - 1)
    assert isinstance(await drill.ledger.charge(order(drill.ledger, account, 30)), Capped)
    await drill.wait(1)

    assert isinstance(await drill.ledger.charge(order(drill.ledger, account, 30)), Done)


async def test_no_waiting_helps_a_call_that_is_dearer_than_the_limit(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_limits("acme", most(minute=30), op="limit:1")

    assert (await refused(ledger, account, 31)).reached.until is None


async def test_a_key_has_a_budget_of_its_own(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.create_key("acme", key_hash=HASH, hint="mk_", expires_at=None, op="key:1")
    await ledger.set_limits("acme", most(15), op="limit:1", key_hash=HASH)
    await ledger.charge(order(ledger, account, 10, key_hash=HASH))
    capped = await refused(ledger, account, 10, key_hash=HASH)
    await charged(ledger, account, 10)

    assert capped.reached.level == "key"
    assert await spent(ledger, f"key:{HASH}") == (10, 10, 10)


async def undone(ledger: RedisLedger, account: Account, how: str) -> None:
    """A call of 20 of which all comes back, however it was made."""
    if how in ("refund", "void", "entry"):
        placed = await charged(ledger, account, 20)
    else:
        placed = await held(ledger, account, 20)
    match how:
        case "refund":
            await ledger.refund("acme", placed.op, reason="x")
        case "void" | "void of a hold":
            await ledger.void("acme", placed.op)
        case "entry":
            number = (await ledger.entries(ledger.shard_of("acme")))[-1][0]
            await ledger.refund_entry(number, account="acme", op="back:1", reason="x")
        case "release":
            await ledger.release("acme", placed.op, reason="x")
        case "settle":
            await ledger.settle("acme", placed.op, price=Credits(0), quote="{}")


@pytest.mark.parametrize("how", ["refund", "void", "entry", "release", "settle", "void of a hold"])
async def test_what_comes_back_can_be_spent_again(ledger: RedisLedger, how: str) -> None:
    account = await opened(ledger)
    await ledger.set_limits("acme", most(30, minute=30, day=30), op="limit:1")
    await charged(ledger, account, 10)
    await undone(ledger, account, how)

    assert await spent(ledger) == (10, 10, 10)


async def test_what_comes_back_later_counts_less_only_in_what_still_runs(drill: Drill) -> None:
    account = await opened(drill.ledger)
    await drill.ledger.set_limits("acme", most(90, minute=90, day=90), op="limit:1")
    placed = await charged(drill.ledger, account, 20)
    await drill.wait(60)
    await charged(drill.ledger, account, 5)
    await drill.ledger.refund("acme", placed.op, reason="x")

    assert await spent(drill.ledger) == (5, 5, 5)


async def test_a_hold_counts_what_it_holds_and_in_the_end_its_price(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_limits("acme", most(30), op="limit:1")
    placed = await held(ledger, account, 20)
    assert isinstance(await ledger.hold(order(ledger, account, 11), RELEASED), Capped)
    await ledger.settle("acme", placed.op, price=Credits(12), quote="{}")

    assert await spent(ledger) == (12, 12, 12)


async def test_a_hold_grows_and_overruns_as_far_as_its_budget_goes(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_limits("acme", most(30), op="limit:1")
    placed = await held(ledger, account, 20)
    extended = await ledger.extend("acme", placed.op, amount=Credits(25), at_least=Credits(0), seconds=60)
    settled = await ledger.settle("acme", placed.op, price=Credits(50), quote="{}", overrun=True)

    assert (extended.held, settled.amount) == (25, 30)
    assert await spent(ledger) == (30, 30, 30)


async def test_an_account_that_pays_for_itself_is_not_in_the_budget_above(ledger: RedisLedger) -> None:
    await opened(ledger)
    team = await opened(ledger, "acme/team")
    await ledger.set_limits("acme", most(5, day=30), op="limit:1")
    await charged(ledger, team, 20)
    capped = await refused(ledger, team, 20)

    assert (capped.reached.level, capped.reached.kind) == ("acme", LimitKind.DAY)
    assert await spent(ledger) == (0, 20, 20)


async def test_what_was_spent_stays_counted_when_the_limit_changes(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    words = [await ledger.set_limits("acme", most(30), op=f"limit:{number}") for number in (1, 1)]
    await charged(ledger, account, 20)
    words += [
        await ledger.set_limits("acme", most(15), op="limit:2"),
        await ledger.set_limits("acme", most(9), op="limit:2"),
    ]
    await refused(ledger, account, 1)
    words += [
        await ledger.set_limits("acme", most(), op="limit:3"),
        await ledger.set_limits("gone", most(), op="limit:4"),
    ]

    assert words == [Word.DONE, Word.REPEAT, Word.DONE, Word.CONFLICT, Word.DONE, Word.UNKNOWN]
    assert await ledger.levels("acme") == ()
    await charged(ledger, account, 1)
    assert [entry["budget"] for entry in await entries(ledger) if entry["kind"] == "limit"] == ["30", "15", "-"]


async def test_sixty_four_at_once_never_pass_a_limit(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=1000)
    await ledger.set_limits("acme", most(70, minute=1000), op="limit:1")
    orders: list[Order] = [order(ledger, account, 3) for _ in range(64)]
    outcomes = await asyncio.gather(*(ledger.charge(one) for one in orders))

    assert sum(isinstance(one, Done) for one in outcomes) == 23
    assert {one.reached.level for one in outcomes if isinstance(one, Capped)} == {"acme"}
    assert (await stands(ledger)).consumed == 69
    assert await spent(ledger) == (69, 69, 69)


async def test_what_never_resets_says_nothing_of_a_retry(ledger: RedisLedger) -> None:
    _, account = await ledger.open_account("acme", terms(period=PeriodUnit.NONE), op="open:acme")
    await ledger.set_limits("acme", most(30), op="limit:1")
    await charged(ledger, account, 30)

    assert (await refused(ledger, account, 1)).reached.until is None


async def member(ledger: RedisLedger, name: str = "acme/team") -> Account:
    above = Terms(plan="", included=Credits(0), period=PeriodUnit.NONE, payer="acme")
    _, account = await ledger.open_account(name, above, op=f"open:{name}")
    return account


async def test_a_members_call_is_paid_by_the_account_above_and_its_entry_says_who_called(ledger: RedisLedger) -> None:
    account, team = await opened(ledger), await member(ledger)
    await ledger.set_limits("acme/team", most(30), op="limit:1")
    placed = order(ledger, account, 20, member=team)
    assert isinstance(await ledger.charge(placed), Done)
    capped = await refused(ledger, account, 11, member=team)
    await charged(ledger, account, 50)
    await ledger.refund("acme", placed.op, reason="x")
    said = [(entry["kind"], entry.get("path")) for entry in await entries(ledger) if entry["account"] == "acme"]

    assert (await stands(ledger)).consumed == 50
    assert capped.reached.level == "acme/team"
    assert said == [("open", None), ("charge", "acme/team"), ("charge", None), ("refund", "acme/team")]
    assert await spent(ledger, "acme/team") == (0, 0, 0)


async def test_a_budget_above_is_passed_by_all_members_together_never(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    team, web = await member(ledger), await member(ledger, "acme/web")
    await ledger.set_limits("acme", most(30), op="limit:1")
    orders = [order(ledger, account, 10, member=one) for one in (team, web, team, web)]
    outcomes = [await ledger.charge(one) for one in orders]

    assert [isinstance(one, Done) for one in outcomes] == [True, True, True, False]


async def test_a_key_of_a_member_is_not_a_key_of_who_pays(ledger: RedisLedger) -> None:
    account, team = await opened(ledger), await member(ledger)
    await ledger.create_key("acme/team", key_hash=HASH, hint="mk_", expires_at=None, op="key:1")
    orders = [order(ledger, account, 10, key_hash=HASH, member=one) for one in (team, None)]
    outcomes = [await ledger.charge(one) for one in orders]

    assert isinstance(outcomes[0], Done)
    assert outcomes[1] == Refused(word=Word.UNKNOWN)


@pytest.mark.parametrize("step", ["charge", "hold"])
async def test_a_member_that_is_suspended_or_has_other_terms_calls_no_more(ledger: RedisLedger, step: str) -> None:
    account, team = await opened(ledger), await member(ledger)

    async def placed() -> object:
        one = order(ledger, account, 10, member=team)
        return await (ledger.charge(one) if step == "charge" else ledger.hold(one, RELEASED))

    await ledger.set_status("acme/team", Status.SUSPENDED, op="status:1")
    suspended = await placed()
    await ledger.set_status("acme/team", Status.ACTIVE, op="status:2")
    await ledger.set_terms("acme/team", terms(), op="terms:1")

    assert suspended == Refused(word=Word.SUSPENDED)
    assert await placed() == Refused(word=Word.UNKNOWN)
    assert (await stands(ledger)).consumed == 0


async def test_only_an_account_above_can_pay(ledger: RedisLedger) -> None:
    with pytest.raises(BadName, match="an account above it can"):
        await member(ledger, "globex/team")


async def planned(ledger: RedisLedger, **caps: int) -> Account:
    facts = {name: Credits(cap) if name != "concurrent" else cap for name, cap in caps.items()}
    _, account = await ledger.open_account("acme", replace(terms(), **facts), op="open:acme")  # type: ignore[arg-type]
    return account


async def test_a_plans_caps_bind_its_account_and_all_for_whom_it_pays(ledger: RedisLedger) -> None:
    account, team = await planned(ledger, minute_limit=30), await member(ledger)
    await charged(ledger, account, 20)
    capped = await refused(ledger, account, 11, member=team)

    assert (capped.reached.level, capped.reached.kind, capped.reached.limit) == ("acme", LimitKind.MINUTE, 30)


@pytest.mark.parametrize("own", [20, 40])
async def test_of_a_plans_cap_and_the_accounts_own_the_lower_binds(ledger: RedisLedger, own: int) -> None:
    account = await planned(ledger, day_limit=30)
    await ledger.set_limits("acme", most(day=own), op="limit:1")

    assert (await refused(ledger, account, 41)).reached.limit == min(own, 30)


async def test_a_plan_without_caps_leaves_no_limits_behind_for_its_members(ledger: RedisLedger) -> None:
    account, team = await planned(ledger, concurrent=5), await member(ledger)
    await ledger.charge(order(ledger, account, 10, member=team))

    assert await ledger.levels("acme") == ()


async def test_an_account_holds_for_so_many_calls_at_once_and_no_more(ledger: RedisLedger) -> None:
    account = await planned(ledger, concurrent=2)
    orders = [order(ledger, account, 1) for _ in range(64)]
    outcomes = await asyncio.gather(*(ledger.hold(one, RELEASED) for one in orders))
    open_ones = [one for one, outcome in zip(orders, outcomes, strict=True) if isinstance(outcome, Done)]
    capped = next(outcome for outcome in outcomes if isinstance(outcome, Capped))
    await ledger.release("acme", open_ones[0].op, reason="x")

    assert len(open_ones) == 2
    assert (capped.reached.kind, capped.reached.limit, capped.reached.spent) == (LimitKind.CONCURRENT, 2, 2)
    assert isinstance(await ledger.hold(order(ledger, account, 1), RELEASED), Done)


@pytest.mark.parametrize("end", ["settle", "void", "expire"])
async def test_a_call_that_has_ended_makes_room_however_it_ended(drill: Drill, end: str) -> None:
    account = await planned(drill.ledger, concurrent=1)
    placed = await held(drill.ledger, account, 1)
    match end:
        case "settle":
            await drill.ledger.settle("acme", placed.op, price=Credits(1), quote="{}")
        case "void":
            await drill.ledger.void("acme", placed.op)
        case "expire":
            await drill.wait(60)
            await drill.ledger.expire_hold("acme", placed.op)

    assert isinstance(await drill.ledger.hold(order(drill.ledger, account, 1), RELEASED), Done)


async def test_a_lease_is_no_call(ledger: RedisLedger) -> None:
    account = await planned(ledger, concurrent=1)
    lease = operation_id(ledger.now())
    await ledger.lease("acme", lease, most=Credits(5), owner="ab", seconds=60)
    first = await held(ledger, account, 1)
    await ledger.release("acme", lease, reason="x")

    assert isinstance(await ledger.hold(order(ledger, account, 1), RELEASED), Capped)
    await ledger.release("acme", first.op, reason="x")
    assert isinstance(await ledger.hold(order(ledger, account, 1), RELEASED), Done)
