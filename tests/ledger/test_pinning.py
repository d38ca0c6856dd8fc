"""Accounts that are pinned to a version of the prices: once, and without losing what else changed."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.line import open_line
from meter.ledger.pinning import Opened
from meter.ledger.promise import LedgerUnavailable, Word
from meter.policy.versions import Pin
from tests.conftest import STEP_SECONDS
from tests.ledger.books import opened, order, terms

PIN = Pin(version="2026-07", until=datetime(2027, 7, 1, tzinfo=UTC))


async def test_a_pin_changes_the_pin_alone_and_is_an_entry(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    word = await ledger.pin(account, PIN)
    found = await ledger.find_account("acme")
    entry = json.loads((await ledger.entries(ledger.shard_of("acme")))[-1][1])

    assert (word, found) == (
        Word.DONE,
        replace(account, terms=replace(account.terms, pin=PIN), revision=account.revision + 1),
    )
    assert (entry["kind"], entry["delta"]) == ("terms", "0")
    assert entry["terms"]["pin"] == {"version": "2026-07", "until": "2027-07-01T00:00:00Z"}


async def test_an_account_is_pinned_once_and_may_be_unpinned(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    words = [await ledger.pin(account, pin) for pin in (PIN, PIN, None)]
    found = await ledger.find_account("acme")
    kinds = [json.loads(text)["kind"] for _, text in await ledger.entries(ledger.shard_of("acme"))]

    assert (words, found.terms.pin) == ([Word.DONE, Word.REPEAT, Word.DONE], None)
    assert kinds == ["open", "terms", "terms"]


async def test_a_pin_does_not_undo_what_else_changed_since_the_terms_were_read(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_terms("acme", replace(terms(), plan="big"), op="other")
    word = await ledger.pin(account, PIN)
    found = await ledger.find_account("acme")

    assert (word, found.terms) == (Word.DONE, replace(terms(), plan="big", pin=PIN))


async def test_many_who_pin_one_account_at_once_write_one_entry_each_that_holds(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    pins = [Pin(version=f"v{number}", until=PIN.until) for number in range(4)]
    words = await asyncio.gather(*(ledger.pin(account, pin) for pin in pins))
    found = await ledger.find_account("acme")

    assert words == [Word.DONE] * 4
    assert (found.revision, found.terms.pin in pins) == (account.revision + 4, True)


async def test_a_charge_by_terms_from_before_a_pin_is_stale(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.pin(account, PIN)
    stale = await ledger.charge(order(ledger, account, 10))

    assert stale.account.terms.pin == PIN


async def test_nobody_is_pinned(ledger: RedisLedger) -> None:
    account = await opened(ledger)

    assert await ledger.pin(replace(account, id="nobody"), PIN) is Word.UNKNOWN
    assert await ledger.opened("nobody") is None


async def test_an_account_knows_when_it_was_opened(ledger: RedisLedger) -> None:
    before = ledger.now()
    account = await opened(ledger)
    found = await ledger.opened("acme")

    assert found.account == account
    assert before <= found.at <= ledger.now()


class Restless(RedisLedger):
    """Books in which somebody changes the terms of an account whenever they were read."""

    async def opened(self, account: str) -> Opened | None:
        found = await super().opened(account)
        await self.set_terms(account, replace(terms(), plan="big"), op=operation_id(self.now()))
        return found


async def test_terms_that_never_stay_the_same_are_said(any_store_url: str) -> None:
    async with open_line(any_store_url) as line:
        ledger = await Restless.open(line, step_seconds=STEP_SECONDS)
        account = await opened(ledger)
        await ledger.set_terms("acme", replace(terms(), plan="big"), op="other")

        with pytest.raises(LedgerUnavailable, match="changed 6 times while it was pinned"):
            await ledger.pin(account, PIN)


async def test_the_entry_of_a_pin_names_who_asked_for_it(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.by("cli:ann").pin(account, PIN)
    entry = json.loads((await ledger.entries(ledger.shard_of("acme")))[-1][1])

    assert entry["actor"] == "cli:ann"
