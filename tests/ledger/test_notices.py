"""Notices in the books: told once, entered, and kept until they are delivered."""

import asyncio
from dataclasses import replace

import pytest

from meter.ledger.accounts import renewed
from meter.ledger.audit.reading import NoFiles
from meter.ledger.audit.run import audit
from meter.ledger.engine import RedisLedger
from meter.ledger.noticing import Pace, Telling
from meter.ledger.promise import LedgerUnavailable, Word
from meter.policy.model import PeriodUnit
from tests.ledger.books import DAY, START, charged, drilled, entries, held, kinds, lot, opened, stands, terms

PACE = Pace(cool_off_seconds=3600, times=2, seconds=DAY)


def telling(name: str = "included:80", account: str = "acme", **more: object) -> Telling:
    usual = Telling(
        account=account, op=f"alert:{name}", name=name, what="threshold", data='{"percent":80}', letter=True
    )
    return replace(usual, **more)  # type: ignore[arg-type]


async def epoch(ledger: RedisLedger, account: str = "acme") -> str:
    found = await ledger.look(account)
    assert found is not None
    return found.epoch


async def told(ledger: RedisLedger, name: str = "included:80", **more: object) -> Word:
    return (await ledger.tell(telling(name, **more), epoch=await epoch(ledger))).word


async def test_what_is_told_is_an_entry_that_moves_no_credits(ledger):
    await charged(ledger, await opened(ledger), 80)

    assert await told(ledger) is Word.DONE

    last = (await entries(ledger))[-1]
    assert {name: last[name] for name in ("kind", "account", "op", "notice", "told", "delta", "after")} == {
        "kind": "alert",
        "account": "acme",
        "op": "alert:included:80",
        "notice": "included:80",
        "told": {"percent": 80},
        "delta": "0",
        "after": "20",
    }


async def test_the_same_is_told_once_however_many_find_it_at_once(ledger):
    await opened(ledger)

    words = await asyncio.gather(*(told(ledger) for _ in range(50)))

    assert sorted(words) == [Word.DONE, *[Word.REPEAT] * 49]
    assert (await kinds(ledger)).count("alert") == 1
    assert len((await ledger.notices(ledger.shard_of("acme"))).waiting) == 1


async def test_a_new_period_tells_anew(any_store_url):
    async with drilled(any_store_url) as drill:
        ledger = drill.ledger
        account = await opened(ledger)
        await told(ledger)
        before = await epoch(ledger)
        await drill.wait(31 * DAY)
        await renewed(ledger, account, ledger.now())
        found = await ledger.look("acme")

        assert found is not None
        assert found.told == frozenset()
        assert (await ledger.tell(telling(), epoch=before)).word is Word.STALE
        assert await told(ledger) is Word.DONE
        assert (await ledger.look("acme")).told == {"included:80"}


async def test_where_nothing_resets_credits_that_are_added_tell_anew_and_use_does_not(ledger):
    _, account = await ledger.open_account("acme", terms(100, period=PeriodUnit.NONE, overage=50), op="open")
    await told(ledger)
    await charged(ledger, account, 120)

    assert await told(ledger) is Word.REPEAT

    await ledger.grant("acme", lot("a"))

    assert await told(ledger) is Word.DONE


async def test_a_look_says_what_the_statement_says(ledger):
    account = await opened(ledger, included=100)
    await ledger.grant("acme", lot("a", 30))
    await charged(ledger, account, 40)
    await held(ledger, account, 25)
    found, stated = await ledger.look("acme"), await stands(ledger)

    assert found is not None
    assert (found.granted, found.remaining) == (stated.granted, stated.remaining)
    assert (found.reserved, found.consumed, found.included) == (25, 40, 100)
    assert (found.account, found.status, found.told, found.asked) == (stated.account, stated.status, frozenset(), 0)


async def test_what_the_period_included_is_asked_and_not_what_the_terms_say_now(ledger):
    await opened(ledger, included=100)
    await ledger.set_terms("acme", terms(700), op="terms")

    assert (await ledger.look("acme")).included == 100


async def test_nobody_looks_at_an_account_that_is_not_there(ledger):
    assert await ledger.look("nobody") is None
    assert (await ledger.tell(telling(account="nobody"), epoch="0")).word is Word.UNKNOWN
    assert (await ledger.ask_for_purchase(telling(account="nobody"), asked=0, pace=PACE)).word is Word.UNKNOWN


async def test_a_tail_names_each_account_once_and_goes_on_after_the_last_entry(ledger):
    account, shard = await opened(ledger), ledger.shard_of("acme")
    for _ in range(3):
        await charged(ledger, account)
    first = await ledger.tail(shard, "0-0")
    nothing = await ledger.tail(shard, first.last)

    assert (first.accounts, first.more) == (("acme",), False)
    assert (nothing.accounts, nothing.last, nothing.more) == ((), "", False)

    await charged(ledger, account)

    assert (await ledger.tail(shard, first.last)).accounts == ("acme",)


async def test_a_tail_reads_on_page_by_page(ledger, monkeypatch):
    monkeypatch.setattr("meter.ledger.notice_steps.ENTRIES_AT_ONCE", 2)
    account, shard = await opened(ledger), ledger.shard_of("acme")
    await charged(ledger, account)
    await charged(ledger, account)
    first = await ledger.tail(shard, "0-0")
    second = await ledger.tail(shard, first.last)

    assert (first.more, second.more) == (True, False)
    assert second.accounts == ("acme",)


async def test_what_is_trimmed_before_it_was_read_is_found_by_its_checkpoint(ledger):
    shard = ledger.shard_of("acme")
    await charged(ledger, await opened(ledger), 90)
    last = (await ledger.entries(shard))[-1][0]
    await ledger.checkpoint(shard, ["acme"])
    await ledger.trim(shard, last, kept_seconds=0)

    assert (await ledger.tail(shard, "0-0")).accounts == ("acme",)


async def test_how_far_it_was_read_and_what_is_to_be_looked_at_is_kept(ledger):
    now = ledger.now()
    await ledger.keep({3: "17-1", 200: "18-0"}, {"acme": now - 1, "b/c": now + 1000})
    first = await ledger.to_read()
    await ledger.keep({3: "19-0"}, {"acme": 0, "b/c": 1})
    second = await ledger.to_read()

    assert (first.after, first.accounts) == ({3: "17-1", 200: "18-0"}, ("acme",))
    assert (second.after, second.accounts) == ({3: "19-0", 200: "18-0"}, ("b/c",))

    await ledger.keep({}, {"b/c": 0})


async def test_a_letter_waits_with_its_notice_until_it_has_arrived(ledger):
    shard = ledger.shard_of("acme")
    await opened(ledger)
    await told(ledger)
    (letter,) = (await ledger.tail(shard, "0-0")).letters

    assert (letter.id, letter.account, letter.what) == ("alert:included:80.alert", "acme", "threshold")
    assert (letter.data, letter.attempts, letter.last) == ('{"percent":80}', 0, "-")
    assert letter.at == (await entries(ledger))[-1]["at"]

    assert await ledger.delivered(shard, letter.id) is Word.DONE
    assert await ledger.delivered(shard, letter.id) is Word.GONE
    assert (await ledger.tail(shard, "0-0")).letters == ()


async def test_who_has_no_webhook_has_the_entry_alone(ledger):
    await opened(ledger)
    await told(ledger, letter=False)
    kept = await ledger.notices(ledger.shard_of("acme"))

    assert [(account, name) for _, account, name in kept.told] == [("acme", "included:80")]
    assert kept.waiting == kept.dead == ()


async def test_a_letter_that_failed_waits_and_is_counted_once(any_store_url):
    async with drilled(any_store_url) as drill:
        ledger, shard = drill.ledger, drill.ledger.shard_of("acme")
        await opened(ledger)
        await told(ledger)
        (letter,) = (await ledger.tail(shard, "0-0")).letters
        words = [
            await ledger.failed(shard, letter.id, attempts=1, why="503", wait_seconds=60),
            await ledger.failed(shard, letter.id, attempts=1, why="503", wait_seconds=60),
        ]

        assert words == [Word.DONE, Word.REPEAT]
        assert (await ledger.tail(shard, "0-0")).letters == ()

        await drill.wait(60)
        (again,) = (await ledger.tail(shard, "0-0")).letters

        assert (again.attempts, again.last, again.at) == (1, "503", letter.at)


async def test_a_letter_is_in_one_hand_at_a_time_and_is_due_again_when_that_may_be_dead(any_store_url):
    async with drilled(any_store_url) as drill:
        ledger, shard = drill.ledger, drill.ledger.shard_of("acme")
        await opened(ledger)
        await told(ledger)
        (letter,) = (await ledger.tail(shard, "0-0")).letters
        words = await asyncio.gather(*(ledger.take(shard, letter, seconds=60) for _ in range(5)))

        assert sorted(words) == [Word.DONE, *[Word.GONE] * 4]

        await drill.wait(60)

        assert await ledger.take(shard, letter, seconds=60) is Word.DONE


async def test_who_knows_of_fewer_attempts_than_there_were_takes_no_letter(ledger):
    shard = ledger.shard_of("acme")
    await opened(ledger)
    await told(ledger)
    (letter,) = (await ledger.tail(shard, "0-0")).letters
    await ledger.failed(shard, letter.id, attempts=1, why="500", wait_seconds=0)

    assert await ledger.take(shard, letter, seconds=60) is Word.GONE
    assert await ledger.take(shard, replace(letter, attempts=1), seconds=60) is Word.DONE


async def test_a_letter_that_is_given_up_is_dead_until_it_is_sent_again(ledger):
    shard = ledger.shard_of("acme")
    await opened(ledger)
    await told(ledger)
    (letter,) = (await ledger.tail(shard, "0-0")).letters
    await ledger.failed(shard, letter.id, attempts=1, why="timeout", wait_seconds=None)
    (dead,) = (await ledger.notices(shard)).dead

    assert (dead.id, dead.attempts, dead.last) == (letter.id, 1, "timeout")
    assert (await ledger.tail(shard, "0-0")).letters == ()

    assert await ledger.deliver_again(shard, letter.id) is Word.DONE
    (again,) = (await ledger.tail(shard, "0-0")).letters

    assert (again.id, again.attempts, again.last) == (letter.id, 0, "-")
    assert (await ledger.notices(shard)).dead == ()
    assert await ledger.deliver_again(shard, "alert:never.alert") is Word.GONE


async def test_more_letters_than_may_wait_are_dead_at_once(ledger, monkeypatch):
    monkeypatch.setattr("meter.ledger.notice_steps.WAITING_MAX", 1)
    await opened(ledger)
    await told(ledger, "included:50")
    await told(ledger, "included:80")
    kept = await ledger.notices(ledger.shard_of("acme"))

    assert [(letter.id, letter.last) for letter in kept.waiting] == [("alert:included:50.alert", "-")]
    assert [(letter.id, letter.last) for letter in kept.dead] == [("alert:included:80.alert", "crowded")]


async def test_too_many_dead_letters_forget_the_oldest(any_store_url, monkeypatch):
    monkeypatch.setattr("meter.ledger.notice_steps.DEAD_MAX", 2)
    async with drilled(any_store_url) as drill:
        ledger, shard = drill.ledger, drill.ledger.shard_of("acme")
        await opened(ledger)
        for percent in (50, 80, 90):
            await told(ledger, f"included:{percent}")
            await ledger.failed(shard, f"alert:included:{percent}.alert", attempts=1, why="500", wait_seconds=None)
            await drill.wait(1)
        dead = (await ledger.notices(shard)).dead

        assert [letter.id for letter in dead] == ["alert:included:80.alert", "alert:included:90.alert"]


async def test_the_last_hundred_notices_are_listed_the_newest_first(ledger):
    await opened(ledger)
    for number in range(102):
        await told(ledger, f"level:{number}", letter=False)
    kept = (await ledger.notices(ledger.shard_of("acme"))).told

    assert [name for _, _, name in kept] == [f"level:{number}" for number in range(101, 1, -1)]


async def test_a_purchase_is_asked_for_again_after_its_cool_off_and_so_often_at_most(any_store_url):
    async with drilled(any_store_url) as drill:
        ledger = drill.ledger
        await opened(ledger)

        async def asked(number: int) -> tuple[Word, int]:
            answer = await ledger.ask_for_purchase(telling("top_up", what="top_up"), asked=number, pace=PACE)
            return answer.word, answer.until - START if answer.until else 0

        assert await asked(0) == (Word.DONE, 0)
        assert await asked(0) == (Word.REPEAT, 0)
        assert await asked(1) == (Word.CAPPED, 3600)
        await drill.wait(3600)
        assert await asked(1) == (Word.DONE, 0)
        await drill.wait(3600)
        assert await asked(2) == (Word.CAPPED, DAY)
        await drill.wait(DAY - 7200)
        assert await asked(2) == (Word.DONE, 0)
        assert (await ledger.look("acme")).asked == 3
        assert (await kinds(ledger)).count("alert") == 3


async def test_many_who_ask_for_a_purchase_at_once_ask_once(ledger):
    await opened(ledger)
    answers = await asyncio.gather(*(ledger.ask_for_purchase(telling("top_up"), asked=0, pace=PACE) for _ in range(30)))

    assert sorted(answer.word for answer in answers) == [Word.DONE, *[Word.REPEAT] * 29]


async def test_a_new_period_does_not_forget_how_often_a_purchase_was_asked_for(any_store_url):
    async with drilled(any_store_url) as drill:
        ledger = drill.ledger
        account = await opened(ledger)
        await ledger.ask_for_purchase(telling("top_up"), asked=0, pace=PACE)
        await drill.wait(31 * DAY)
        await renewed(ledger, account, ledger.now())
        await told(ledger)

        assert (await ledger.look("acme")).asked == 1


async def test_the_books_with_notices_in_them_pass_the_audit(ledger):
    account = await opened(ledger)
    await charged(ledger, account, 50)
    await told(ledger)
    await ledger.ask_for_purchase(telling("top_up"), asked=0, pace=PACE)
    await charged(ledger, account, 10)

    findings = (await audit(ledger, NoFiles())).findings

    assert [one.says for one in findings if "price" not in one.says] == []


async def test_a_notice_tells_what_expired_first(any_store_url):
    async with drilled(any_store_url) as drill:
        ledger = drill.ledger
        await opened(ledger)
        await ledger.grant("acme", lot("a", 30, expires_at=START + 100))
        await drill.wait(100)
        await told(ledger)

        assert list(await kinds(ledger))[-2:] == ["expire", "alert"]
        assert (await stands(ledger)).remaining == 100


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"name": 'a"b', "op": "alert:1"}, id="a name that would break its entry"),
        pytest.param({"what": "a b"}, id="a word that would break its letter"),
        pytest.param({"data": "[]"}, id="data that is no object"),
        pytest.param({"data": '{"a":"' + "x" * 2048 + '"}'}, id="too much data"),
    ],
)
async def test_a_notice_that_would_break_something_is_refused_by_the_script(ledger, broken):
    await opened(ledger)
    before = await entries(ledger)

    with pytest.raises(LedgerUnavailable, match="the notice is malformed"):
        await ledger.tell(telling(**broken), epoch=await epoch(ledger))
    assert await entries(ledger) == before
