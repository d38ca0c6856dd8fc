"""Books that are right are found right: while others write, from files, and from a checkpoint on."""

import asyncio
from pathlib import Path

import pytest

from meter.archive.files import Archive, parts
from meter.credits import Credits
from meter.ledger.audit import shard
from meter.ledger.audit.reading import NoFiles
from meter.ledger.audit.run import Progress, audit
from meter.ledger.promise import Account, Status
from tests.ledger.audit.house import ACME, House, record
from tests.ledger.books import lot, opened, terms

AUDITS = 20


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


async def exported(house: House, archive: Archive) -> None:
    """Move every entry into a file, with a checkpoint in its place."""
    entries = await house.ledger.entries(house.shard)
    archive.write(house.shard, entries)
    await house.ledger.checkpoint(house.shard, [ACME])
    await house.ledger.trim(house.shard, entries[-1][0], kept_seconds=0)


async def test_an_audit_while_calls_are_charged_finds_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are looked at one after another, so that each is charged between its look and the next."""
    monkeypatch.setattr(shard, "AT_ONCE", 1)
    accounts = [(await opened(house.ledger, f"acme/{name}", included=10**9)) for name in "abc"]
    done = asyncio.Event()

    async def calls(account: Account) -> None:
        while not done.is_set():
            await house.charge(account, 3)
            held = await house.hold(account, 5)
            await house.ledger.settle(account.id, held.op, price=Credits(3), quote=record(3))
            name = f"g{house.ledger.now()}.{len(house.ops)}"
            await house.ledger.grant(account.id, lot(name, 1))
            await house.ledger.revoke(account.id, name, op=f"revoke:{name}")

    busy = [asyncio.create_task(calls(account)) for account in accounts for _ in range(3)]
    seen = []
    for _ in range(AUDITS):
        report = await house.report()
        seen.append(report.entries)
        assert report.findings == []
    done.set()
    await asyncio.gather(*busy)

    assert seen == sorted(seen)
    assert seen[-1] > seen[0] > 0


async def test_an_account_that_is_opened_meanwhile_is_looked_at(house: House) -> None:
    await house.history()
    late = House(house.ledger, house.client)
    listed = house.ledger.account_ids

    async def then_opened(shard: int, after: str, count: int) -> list[str]:
        found = await listed(shard, after, count)
        if after == ACME:
            await opened(late.ledger, "acme/late")
        return found

    house.ledger.account_ids = then_opened
    report = await house.report()

    assert report.findings == []
    assert report.accounts == 2


async def test_one_account_can_be_looked_at_alone(house: House) -> None:
    await house.history()
    await opened(house.ledger, "acme/team")
    house.client.hincrby(house.account_key, "granted", 5)
    team, acme = await house.report(account="acme/team"), await house.report(account=ACME)

    assert (team.accounts, team.entries, team.findings) == (1, 1, [])
    assert (acme.accounts, acme.entries, acme.holds) == (1, 11, 1)
    assert {one.invariant for one in acme.findings} == {"I1", "I5"}


async def test_an_audit_says_how_far_it_is(house: House) -> None:
    await house.history()
    told: list[Progress] = []
    await audit(house.ledger, NoFiles(), told=told.append)

    assert told[-1] == Progress(shard=0, shards=1, entries=11)


async def test_entries_are_read_from_the_checkpoint_on(house: House, archive: Archive) -> None:
    account = await house.history()
    await exported(house, archive)
    await house.settle("open", 25)
    await house.ledger.refund(ACME, house.ops["first"], reason="503")
    await house.charge(account, 9)
    report = await house.report()

    assert report.findings == []
    assert (report.entries, report.from_checkpoint) == (4, 1)


async def test_a_hold_of_before_the_checkpoint_is_followed_to_its_end(house: House, archive: Archive) -> None:
    await house.history()
    await exported(house, archive)

    assert (await house.report()).holds == 1
    assert await house.said() == []


async def test_files_are_read_from_the_beginning(house: House, archive: Archive) -> None:
    account = await house.history()
    await exported(house, archive)
    await house.settle("open", 25)
    await house.ledger.refund(ACME, house.ops["first"], reason="503")
    await exported(house, archive)
    await house.charge(account, 9)
    report = await house.report(archive)

    assert report.findings == []
    assert (report.entries, report.from_checkpoint) == (11 + 4 + 1, 0)


async def test_what_is_in_files_and_still_in_the_store_is_read_once(house: House, archive: Archive) -> None:
    account = await house.history()
    archive.write(house.shard, await house.ledger.entries(house.shard))
    await house.charge(account, 9)
    report = await house.report(archive)

    assert (report.findings, report.entries) == ([], 12)


async def test_an_account_whose_entries_are_all_in_files_needs_them(house: House, archive: Archive) -> None:
    await house.history()
    await exported(house, archive)
    await exported(house, archive)
    house.client.xtrim(house.stream, maxlen=0, approximate=False)
    (found,) = await house.found()

    assert (found.invariant, found.fix) == ("I5", "They were exported: give the folder of the files with --from.")


async def test_a_file_that_is_missing_is_found(house: House, archive: Archive) -> None:
    account = await house.history()
    for _ in range(3):
        await exported(house, archive)
        await house.charge(account, 9)
    parts(archive.folder)[1].path.unlink()

    assert ("I5", None) in await house.said(archive)


async def test_a_counter_that_was_changed_before_a_checkpoint_is_found_with_the_files(
    house: House, archive: Archive
) -> None:
    await house.history()
    house.client.hincrby(house.account_key, "granted", 5)
    await exported(house, archive)

    assert await house.said() == [("I1", None)]
    assert sorted(await house.said(archive), key=str) == [("I1", None), ("I5", "checkpoint")]


async def test_a_hold_of_before_the_checkpoint_that_lost_its_record_is_found(house: House, archive: Archive) -> None:
    await house.history()
    await exported(house, archive)
    house.client.delete(house.op_key("open"))
    house.client.zrem(house.holds_key, house.member("open"))
    (found,) = await house.found()

    assert (found.invariant, found.expected, found.found) == ("I4", 0, 30)


async def test_a_refund_of_before_the_checkpoint_hides_no_counter(house: House, archive: Archive) -> None:
    await house.history()
    await exported(house, archive)
    await house.ledger.refund(ACME, house.ops["first"], reason="503")
    house.client.hincrby(house.used_key, "chat", 5)

    assert ("I5", "refund") in await house.said()


async def test_every_change_of_an_account_is_understood(house: House) -> None:
    account = await house.opened(included=100, overage=50)
    await house.ledger.grant(ACME, lot("scoped", 40, scope=frozenset({"image"})))
    await house.ledger.grant(ACME, lot("short", 40, priority=1, expires_at=house.ledger.now() + 3600))
    await house.hold(account, 20, "open", operation="image")
    await house.ledger.extend(ACME, house.ops["open"], amount=Credits(60), at_least=Credits(0), seconds=60)
    await house.ledger.revoke(ACME, "short", op="revoke:1")
    await house.settle("open", 70, overrun=True)
    await house.charge(account, 130, "deep")
    await house.ledger.refund(ACME, house.ops["deep"], reason="503", keep=Credits(5))
    await house.ledger.set_status(ACME, Status.SUSPENDED, op="status:1")
    await house.ledger.set_terms(ACME, terms(200, overage=10), op="terms:1")
    await house.ledger.create_key(ACME, key_hash="ab" * 32, hint="mk_1", expires_at=None, op="key:1")
    await house.ledger.revoke_key(house.shard, "ab" * 32, op="key:2")
    report = await house.report()

    assert report.findings == []
    assert report.from_checkpoint == 0
