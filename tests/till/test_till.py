"""One call's charge, from the till's side: hints that are wrong, stores that fall silent, ends that give back."""

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from meter.credits import parse
from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.limits import Limits
from meter.ledger.line import open_line
from meter.ledger.promise import Capped, LedgerUnavailable, Refused, Short, Word
from meter.ledger.undo import UndoList
from meter.policy.ends import End
from meter.policy.model import PeriodUnit, Plan
from meter.policy.versions import ORIGINAL, Pin, PriceVersion
from meter.pricing.quote import CALM, Pricer
from meter.pricing.record import re_rate
from meter.pricing.terms import Terms
from meter.till import Caller, Charge, ChargeClosed, Dear, NotInPlan, Sale, Till
from tests.conftest import STEP_SECONDS
from tests.ledger.drill import DrilledLine
from tests.pricing.make import NOON, PLACE, TIERS, operation, rated
from tests.support.asgi import until

ACME = Caller(account="acme")
ITEM = operation("item", "100")
PLAN = Plan(name="small", included=parse("1000"), period=PeriodUnit.MONTH, place=PLACE)
TERMS = Terms(plan="small", included=parse("1000"), period=PeriodUnit.MONTH)


def sale(of=ITEM, **facts) -> Sale:
    return Sale(operation=of, usage={}, moment=NOON, load=CALM, **facts)


@asynccontextmanager
async def tills(url, folder, *, count=1, step_seconds=STEP_SECONDS, opening=lambda _: PLAN):
    """Tills of so many workers, each with a line and a list of undos of its own."""
    async with open_line(url) as line:
        ledger = await RedisLedger.open(line, step_seconds=step_seconds)
        undos = [UndoList(folder / str(number)) for number in range(count)]
        try:
            yield [Till(ledger, undo, opening=opening) for undo in undos], ledger, undos
        finally:
            for undo in undos:
                await undo.close()


async def opened(till: Till, caller: Caller = ACME, **facts) -> object:
    return await till.open(caller, sale(**facts), Pricer("v1"))


async def test_what_is_opened_is_taken(store_url, tmp_path):
    async with tills(store_url, tmp_path) as ([till], ledger, _):
        charge = await opened(till)
        books = await ledger.statement("acme")

    assert isinstance(charge, Charge)
    assert (charge.consumed, charge.remaining) == (parse("100"), parse("900"))
    assert (books.consumed, books.remaining) == (parse("100"), parse("900"))


@pytest.mark.parametrize(("end", "kept"), [(End.SUCCESS, "100"), (End.SERVER_ERROR, "0")])
async def test_the_end_of_a_call_keeps_the_price_or_gives_it_back(store_url, tmp_path, end, kept):
    async with tills(store_url, tmp_path) as ([till], ledger, _):
        charge = await opened(till)
        await charge.close(end)
        books = await ledger.statement("acme")

    assert (charge.consumed, books.consumed) == (parse(kept), parse(kept))
    assert charge.remaining == books.remaining


async def test_a_charge_is_closed_once(store_url, tmp_path):
    async with tills(store_url, tmp_path) as ([till], ledger, _):
        charge = await opened(till)
        await charge.close(End.SUCCESS)
        await charge.close(End.RAISED)
        with pytest.raises(ChargeClosed):
            charge.waive("late")
        books = await ledger.statement("acme")

    assert books.consumed == parse("100")


async def test_an_amount_that_is_not_there_is_short(store_url, tmp_path):
    async with tills(store_url, tmp_path) as ([till], _, _):
        verdict = await opened(till, of=operation("big", "1001"))

    assert isinstance(verdict, Short)
    assert (verdict.required, verdict.balance.remaining) == (parse("1001"), parse("1000"))


async def test_terms_that_changed_in_another_worker_price_the_very_next_call(store_url, tmp_path):
    tiered = replace(ITEM, adjustments=(TIERS,))
    async with tills(store_url, tmp_path, count=2) as ([till, other], ledger, _):
        before = [await opened(each, of=tiered) for each in (till, other)]
        await ledger.set_terms("acme", replace(TERMS, commitment=parse("1000000")), op="more")
        after = [await opened(each, of=tiered) for each in (till, other)]

    assert [charge.consumed for charge in before] == [parse("100")] * 2
    assert [charge.consumed for charge in after] == [parse("60")] * 2


async def test_a_call_is_not_refused_as_too_dear_by_terms_of_yesterday(store_url, tmp_path):
    tiered = replace(ITEM, adjustments=(TIERS,))
    async with tills(store_url, tmp_path) as ([till], ledger, _):
        await opened(till, of=tiered)
        await ledger.set_terms("acme", replace(TERMS, commitment=parse("1000000")), op="more")
        charge = await opened(till, of=tiered, at_most=parse("60"))

    assert isinstance(charge, Charge)


async def test_a_call_that_is_too_dear_takes_nothing(store_url, tmp_path):
    async with tills(store_url, tmp_path) as ([till], ledger, _):
        verdict = await opened(till, at_most=parse("99"))
        books = await ledger.statement("acme")

    assert verdict == Dear(price=parse("100"), at_most=parse("99"))
    assert books.consumed == 0


async def test_an_account_is_opened_on_the_plan_that_is_in_force_now(store_url, tmp_path):
    plans = [PLAN, replace(PLAN, name="large", included=parse("5000"))]
    async with tills(store_url, tmp_path, opening=lambda _: plans.pop(0)) as ([till], ledger, _):
        await opened(till)
        await opened(till, Caller(account="bolt"))
        books = [await ledger.statement(name) for name in ("acme", "bolt")]

    assert [found.account.terms.plan for found in books] == ["small", "large"]


async def test_an_account_with_the_longest_of_names_can_be_opened(store_url, tmp_path):
    name = "/".join(["x" * 64] * 4)
    async with tills(store_url, tmp_path) as ([till], _, _):
        charge = await opened(till, Caller(account=name))

    assert charge.account == name


async def test_without_a_plan_an_unknown_account_stays_unknown(store_url, tmp_path):
    async with tills(store_url, tmp_path, opening=None) as ([till], ledger, _):
        verdict = await opened(till)
        found = await ledger.find_account("acme")

    assert (verdict, found) == (Refused(word=Word.UNKNOWN), None)


@asynccontextmanager
async def silent(server):
    """A store that takes what it is sent and says nothing, for as long as the block runs."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


@asynccontextmanager
async def hurried(url, folder):
    """A till that waits for the store a tenth of a second, a patient ledger, and undos that are being delivered."""
    async with (
        tills(url, folder / "till", step_seconds=0.1) as ([till], _, [undo]),
        tills(url, folder / "other") as (_, patient, _),
    ):
        await opened(till)
        running = asyncio.create_task(undo.run(patient))
        try:
            yield till, undo, patient
        finally:
            running.cancel()
            await asyncio.wait([running])


async def ticks() -> None:
    """Let the loop turn until whoever began has asked the store."""
    for _ in range(10):
        await asyncio.sleep(0)


async def none_pending(undo: UndoList) -> None:
    await until(lambda: not undo.pending)


async def test_a_charge_of_unknown_fate_is_undone_when_the_store_speaks_again(store_url, store_server, tmp_path):
    async with hurried(store_url, tmp_path) as (till, undo, patient):
        async with silent(store_server):
            with pytest.raises(LedgerUnavailable):
                await opened(till)
            waiting = undo.pending
        await none_pending(undo)
        books = await patient.statement("acme")

    assert (waiting, books.consumed) == (1, parse("100"))


async def test_a_refund_that_cannot_be_delivered_is_delivered_later(store_url, store_server, tmp_path):
    async with hurried(store_url, tmp_path) as (till, undo, patient):
        charge = await opened(till)
        async with silent(store_server):
            await charge.close(End.SERVER_ERROR)
            told, waiting = charge.consumed, undo.pending
        await none_pending(undo)
        books = await patient.statement("acme")

    assert (told, waiting, books.consumed) == (0, 1, parse("100"))


async def test_a_charge_that_is_cancelled_while_the_store_is_silent_is_undone(store_url, store_server, tmp_path):
    async with hurried(store_url, tmp_path) as (till, undo, patient):
        async with silent(store_server):
            task = asyncio.create_task(opened(till))
            await ticks()
            task.cancel()
            await asyncio.wait([task])
            waiting = undo.pending
        await none_pending(undo)
        books = await patient.statement("acme")

    assert (task.cancelled(), waiting, books.consumed) == (True, 1, parse("100"))


async def test_a_refund_that_is_cancelled_while_the_store_is_silent_is_delivered(store_url, store_server, tmp_path):
    async with hurried(store_url, tmp_path) as (till, undo, patient):
        charge = await opened(till)
        async with silent(store_server):
            task = asyncio.create_task(charge.close(End.RAISED))
            await ticks()
            task.cancel()
            await asyncio.wait([task])
            waiting = undo.pending
        await none_pending(undo)
        books = await patient.statement("acme")

    assert (task.cancelled(), waiting, books.consumed) == (True, 1, parse("100"))


async def test_an_observed_call_of_unknown_fate_is_served_and_needs_no_undo(store_url, store_server, tmp_path):
    async with hurried(store_url, tmp_path) as (till, undo, _), silent(store_server):
        charge = await till.observe(ACME, sale(replace(ITEM, observe=True)), Pricer("v1"))
        waiting = undo.pending

    assert (charge.booked, charge.consumed, waiting) == (False, parse("100"), 0)


async def test_nobody_is_charged_while_too_much_waits_to_be_undone(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr("meter.ledger.undo.ADMITTING_MAX", 0)
    async with tills(store_url, tmp_path) as ([till], ledger, _):
        with pytest.raises(LedgerUnavailable, match="wait to be undone") as raised:
            await opened(till)
        found = await ledger.find_account("acme")

    assert (raised.value.fate_unknown, found) == (False, None)


async def test_a_call_whose_charge_the_books_cannot_give_back_is_told_so(store_url, tmp_path, caplog):
    async with tills(store_url, tmp_path) as ([till], ledger, _):
        charge = await opened(till)
        charge._booking._order = replace(charge._booking._order, op=operation_id(ledger.now()))
        await charge.close(End.RAISED)

    assert charge.consumed == parse("100")
    assert caplog.messages == [f"{charge._booking._order.op} of account acme was not given back: gone."]


RAISED = operation(
    "item",
    "100",
    versions=(
        PriceVersion(name=ORIGINAL, effective_at=None, price=rated("100", {})),
        PriceVersion(name="2026-11", effective_at=NOON - timedelta(days=1), price=rated("120", {})),
    ),
    transition=Fraction("0.05"),
)


@pytest.mark.parametrize(
    ("pin", "costs"),
    [
        pytest.param(None, "120", id="what is in force"),
        pytest.param(Pin(version=ORIGINAL, until=NOON + timedelta(days=1)), "100", id="its pin"),
        pytest.param(Pin(version=ORIGINAL, until=NOON), "105", id="one step from its pin"),
    ],
)
async def test_an_account_is_charged_by_the_version_that_its_terms_say(any_store_url, tmp_path, pin, costs):
    async with tills(any_store_url, tmp_path) as ([till], ledger, _):
        before = await opened(till, of=RAISED)
        await ledger.set_terms("acme", replace(TERMS, pin=pin), op="pin")
        charge = await opened(till, of=RAISED)
        entries = await ledger.entries(ledger.shard_of("acme"), "0-0", 10)
        account = await ledger.find_account("acme")
    entry = json.loads(entries[-1][1])

    assert (before.consumed, charge.consumed) == (parse("120"), parse(costs))
    assert (account.terms.pin, entry["quote"]["prices"]) == (pin, charge.quote.prices)
    assert re_rate(json.dumps(entry["quote"])) == parse(costs)


async def test_a_hold_of_an_account_that_walks_is_settled_at_what_its_use_would_have_cost(any_store_url, tmp_path):
    prices = rated("10", {"tokens": "0.1"}, "50"), rated("0", {"tokens": "1"}, "100")
    chat = replace(
        RAISED,
        name="chat",
        price=prices[0],
        versions=tuple(replace(one, price=price) for one, price in zip(RAISED.versions, prices, strict=True)),
    )
    async with tills(any_store_url, tmp_path) as ([till], ledger, _):
        await till.account(ACME)
        await ledger.set_terms("acme", replace(TERMS, pin=Pin(version=ORIGINAL, until=NOON)), op="pin")
        charge = await opened(till, of=chat)
        held = (await ledger.statement("acme")).reserved
        charge.usage.add("tokens", 100)
        await charge.close(End.SUCCESS)
        books = await ledger.statement("acme")

    assert held == parse("53")
    assert (books.consumed, books.reserved) == (parse("21"), 0)


MEMBER = Terms(plan="", included=parse("0"), period=PeriodUnit.NONE, payer="acme")
TEAM = Caller(account="acme/team")


async def test_a_members_call_is_charged_to_its_payer(store_url, tmp_path):
    async with tills(store_url, tmp_path, opening=None) as ([till], ledger, _):
        await ledger.open_account("acme", TERMS, op="open:acme")
        await ledger.open_account("acme/team", MEMBER, op="open:team")
        charges = [await opened(till, TEAM) for _ in range(2)]
        names = [await till.name(caller) for caller in (TEAM, ACME)]
        books = await ledger.statement("acme")

    assert [charge.account for charge in charges] == ["acme", "acme"]
    assert books.consumed == parse("200")
    assert names == ["acme/team", "acme"]


async def test_a_member_whose_payer_has_changed_is_charged_to_the_new_one(store_url, tmp_path):
    async with tills(store_url, tmp_path, opening=None) as ([till], ledger, _):
        for name in ("acme", "acme/team"):
            await ledger.open_account(name, TERMS, op=f"open:{name}")
        await ledger.open_account("acme/team/web", MEMBER, op="open:web")
        before = await opened(till, Caller(account="acme/team/web"))
        await ledger.set_terms("acme/team/web", replace(MEMBER, payer="acme/team"), op="terms:web")
        after = await opened(till, Caller(account="acme/team/web"))

    assert (before.account, after.account) == ("acme", "acme/team")


async def test_a_member_whom_nobody_pays_for_is_not_known(store_url, tmp_path):
    async with tills(store_url, tmp_path, opening=None) as ([till], ledger, _):
        await ledger.open_account("acme/team", MEMBER, op="open:team")

        assert await opened(till, TEAM) == Refused(word=Word.UNKNOWN)


async def test_a_call_beyond_a_limit_is_not_charged(store_url, tmp_path):
    async with tills(store_url, tmp_path) as ([till], ledger, _):
        await opened(till)
        await ledger.set_limits("acme", Limits(minute=parse("150")), op="limit:1")
        await opened(till)
        verdict = await opened(till)
        books = await ledger.statement("acme")

    assert isinstance(verdict, Capped)
    assert books.consumed == parse("200")


async def test_what_the_plan_says_by_then_is_taken_up_when_a_period_begins(store_url, tmp_path):
    newer = replace(PLAN, included=parse("3000"), operations=("item",))
    async with open_line(store_url) as line:
        moved = DrilledLine(line, 1_795_000_000)
        ledger = await RedisLedger.open(moved, step_seconds=STEP_SECONDS)
        undo = UndoList(tmp_path / "undo")
        till = Till(ledger, undo, opening=lambda _: PLAN, plans={"small": newer}.get)
        before = await opened(till)
        moved.now += 30 * 24 * 3600
        await ledger.find_account("acme")
        after = await opened(till)
        denied = await opened(till, of=operation("other", "1"))
        await undo.close()

    assert (before.remaining, after.remaining) == (parse("900"), parse("2900"))
    assert denied == NotInPlan(operation="other", plan="small")


async def test_a_call_of_an_account_with_a_cap_on_calls_at_once_is_held_until_it_ends(store_url, tmp_path):
    async with tills(store_url, tmp_path, opening=None) as ([till], ledger, _):
        await ledger.open_account("acme", replace(TERMS, concurrent=1), op="open:acme")
        first = await opened(till)
        beside = await opened(till)
        await first.close(End.SUCCESS)
        after = await opened(till)
        books = await ledger.statement("acme")

    assert isinstance(beside, Capped)
    assert isinstance(after, Charge)
    assert (books.consumed, books.reserved) == (parse("100"), parse("100"))
