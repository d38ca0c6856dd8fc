"""The list of undos: on disk before it is believed, delivered until it is acknowledged, never lost in silence."""

import asyncio
import errno
import os
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from meter.credits import Credits
from meter.ledger import undo as undo_module
from meter.ledger.promise import LedgerUnavailable, Undone, Word
from meter.ledger.undo import PENDING_MAX, Undo, UndoKind, UndoList, UndoNotKept

WORKER = Path(__file__).with_name("undo_worker.py")


class Books:
    """A ledger that notes what it was asked to undo."""

    def __init__(self, *, refund: Word = Word.DONE, outage: int = 0) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refund_word = refund
        self.outage = outage
        self.tries = 0

    async def void(self, account: str, op: str) -> Undone:
        return self._answer("void", op, Word.DONE)

    async def refund(self, account: str, op: str, *, reason: str, keep: Credits) -> Undone:
        return self._answer("refund", op, self.refund_word)

    async def release(self, account: str, op: str, *, reason: str) -> Undone:
        return self._answer("release", op, Word.DONE)

    async def settle(self, account: str, op: str, *, price: Credits, quote: str, overrun: bool) -> Undone:
        return self._answer("settle", op, Word.DONE)

    def _answer(self, kind: str, op: str, word: Word) -> Undone:
        self.tries += 1
        if self.tries <= self.outage:
            raise LedgerUnavailable("The store is away.", fate_unknown=False)
        self.asked.append((kind, op))
        return Undone(word=word)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Seconds become milliseconds."""
    for name in ("ADOPT_SECONDS", "BACKOFF_SECONDS", "BACKOFF_SECONDS_MAX"):
        monkeypatch.setattr(undo_module, name, 0.001)


@asynccontextmanager
async def listing(folder: Path):
    undos = UndoList(folder)
    try:
        yield undos
    finally:
        await undos.close()


@asynccontextmanager
async def running(undos: UndoList, ledger: Books):
    """Have the list delivered meanwhile."""
    owner = asyncio.create_task(undos.run(ledger))
    try:
        yield
    finally:
        owner.cancel()
        await asyncio.wait([owner])


def an_undo(op: str = "op-1", kind: UndoKind = UndoKind.VOID) -> Undo:
    return Undo(kind=kind, account="acme/web", op=op, reason="500")


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def until(true) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the condition is another process's, or on disk
            await asyncio.sleep(0.001)


async def delivered(folder: Path) -> list[str]:
    """What a new process delivers out of a folder."""
    ledger = Books()
    async with listing(folder) as undos, running(undos, ledger):
        await until(lambda: not files(folder))
    return [op for _, op in ledger.asked]


async def test_an_undo_is_on_disk_when_add_returns(tmp_path):
    async with listing(tmp_path) as undos:
        await undos.add(an_undo())

        assert files(tmp_path)[0].read_text() == (
            '{"kind": "void", "account": "acme/web", "op": "op-1", "reason": "500"}\n'
        )


async def test_on_disk_means_synced(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (synced.append(os.fstat(descriptor).st_size), fsync(descriptor))
    )
    async with listing(tmp_path) as undos:
        await undos.add(an_undo())

        assert files(tmp_path)[0].stat().st_size in synced


async def test_undos_added_at_once_share_an_fsync(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(descriptor), fsync(descriptor)))
    async with listing(tmp_path) as undos:
        await asyncio.gather(*(undos.add(an_undo(f"op-{number}")) for number in range(500)))

    assert len(synced) <= 3


@pytest.mark.parametrize("kind", UndoKind)
async def test_an_undo_is_delivered_by_the_step_of_its_name(tmp_path, kind):
    ledger = Books()
    async with listing(tmp_path) as undos:
        await undos.add(an_undo(kind=kind))
        await undos.drain(ledger)

    assert ledger.asked == [(kind.value, "op-1")]


async def test_what_was_delivered_leaves_no_file(tmp_path):
    async with listing(tmp_path) as undos:
        await asyncio.gather(*(undos.add(an_undo(f"op-{number}")) for number in range(200)))
        await undos.drain(Books())

        assert (files(tmp_path), undos.pending) == ([], 0)


@pytest.mark.parametrize("word", [Word.GONE, Word.LATE])
async def test_a_refund_whose_charge_is_forgotten_is_voided_by_its_entry(tmp_path, word):
    ledger = Books(refund=word)
    async with listing(tmp_path) as undos:
        await undos.add(an_undo(kind=UndoKind.REFUND))
        await undos.drain(ledger)

    assert ledger.asked == [("refund", "op-1"), ("void", "op-1")]


async def test_a_ledger_that_is_away_is_asked_until_it_answers(tmp_path):
    ledger = Books(outage=20)
    async with listing(tmp_path) as undos:
        await undos.add(an_undo())
        await undos.drain(ledger)

    assert (ledger.tries, ledger.asked) == (21, [("void", "op-1")])


async def test_the_pauses_grow_while_the_ledger_is_away(tmp_path, monkeypatch):
    monkeypatch.setattr(undo_module, "BACKOFF_SECONDS_MAX", 0.004)
    pauses, sleep = [], asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: (pauses.append(seconds), sleep(0))[1])
    async with listing(tmp_path) as undos:
        await undos.add(an_undo())
        await undos.drain(Books(outage=4))

    assert pauses == [0.001, 0.002, 0.004, 0.004]


async def test_undos_that_fail_do_not_hold_up_the_others(tmp_path):
    ledger = Books(outage=undo_module.AT_ONCE)
    async with listing(tmp_path) as undos:
        await asyncio.gather(*(undos.add(an_undo(f"op-{number}")) for number in range(100)))
        await undos.drain(ledger)

    assert ledger.asked[0] == ("void", f"op-{undo_module.AT_ONCE}")


async def test_what_is_not_acknowledged_stays_on_disk(tmp_path):
    async with listing(tmp_path) as undos:
        await undos.add(an_undo())
        async with running(undos, Books(outage=10**9)):
            await undos.add(an_undo("op-2"))

    assert sorted(await delivered(tmp_path)) == ["op-1", "op-2"]


async def test_the_owner_task_delivers_what_is_added_later(tmp_path):
    ledger = Books()
    async with listing(tmp_path) as undos, running(undos, ledger):
        await undos.add(an_undo())
        await until(lambda: not undos.pending)

    assert ledger.asked == [("void", "op-1")]


async def test_a_living_process_keeps_its_file(tmp_path):
    ledger = Books()
    async with listing(tmp_path) as alive, listing(tmp_path) as other:
        await alive.add(an_undo())
        await other.add(an_undo("op-2"))
        async with running(other, ledger):
            await until(lambda: not other.pending)

    assert ledger.asked == [("void", "op-2")]


async def test_a_running_list_adopts_the_file_of_a_process_that_ends(tmp_path):
    ledger = Books()
    async with listing(tmp_path) as other, running(other, ledger):
        async with listing(tmp_path) as ending:
            await ending.add(an_undo())
        await until(lambda: ledger.asked)

    assert ledger.asked == [("void", "op-1")]


async def test_a_torn_last_line_is_ignored(tmp_path):
    async with listing(tmp_path) as undos:
        await undos.add(an_undo())
    with files(tmp_path)[0].open("a") as file:
        file.write('{"kind": "void", "account": "acme", "op')

    assert await delivered(tmp_path) == ["op-1"]


async def test_a_line_that_nobody_can_read_is_put_aside_and_named(tmp_path, caplog):
    (tmp_path / "a.jsonl").write_text('{"kind": "steal"}\n{"kind": "void", "account": "acme", "op": "op-1"}\n')
    ledger = Books()
    async with listing(tmp_path) as undos, running(undos, ledger):
        await until(lambda: not list(tmp_path.glob("*.jsonl")))

    assert (ledger.asked, [file.name for file in files(tmp_path)], "Line 1 of" in caplog.text) == (
        [("void", "op-1")],
        ["a.unreadable"],
        True,
    )


async def test_an_undo_that_the_ledger_declines_is_dropped_and_named(tmp_path, caplog):
    class Forgot(Books):
        async def void(self, account: str, op: str) -> Undone:
            return Undone(word=Word.GONE)

    async with listing(tmp_path) as undos:
        await undos.add(an_undo())
        await undos.drain(Forgot())

        assert (undos.pending, "op-1 of acme/web could not be undone: gone." in caplog.text) == (0, True)


async def test_a_full_list_takes_no_more_and_says_so(tmp_path):
    async with listing(tmp_path) as undos:
        await asyncio.gather(*(undos.add(an_undo(f"op-{number}")) for number in range(PENDING_MAX)))

        with pytest.raises(UndoNotKept, match="op-more was not put on the list of undos: 10000 wait there already"):
            await undos.add(an_undo("op-more"))


async def test_before_the_list_is_full_nobody_is_admitted(tmp_path):
    async with listing(tmp_path) as undos:
        await asyncio.gather(*(undos.add(an_undo(f"op-{number}")) for number in range(9_000)))

        assert undos.trouble == "9000 operations wait to be undone; bring the store back."


async def test_a_quiet_list_has_no_trouble(tmp_path):
    async with listing(tmp_path) as undos:
        await undos.add(an_undo())

        assert undos.trouble is None


@contextmanager
def full_disk(monkeypatch):
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", refuse)
        yield


async def test_a_full_disk_is_said_to_the_caller_and_to_the_gateway(tmp_path, monkeypatch):
    async with listing(tmp_path) as undos:
        with full_disk(monkeypatch), pytest.raises(UndoNotKept, match=r"could not be written .* No space left"):
            await undos.add(an_undo())

        assert undos.trouble == f"Undos cannot be written to {tmp_path}; give its disk room."


async def test_what_a_full_disk_did_not_keep_is_delivered_all_the_same(tmp_path, monkeypatch):
    ledger = Books()
    async with listing(tmp_path) as undos:
        with full_disk(monkeypatch), pytest.raises(UndoNotKept):
            await undos.add(an_undo())
        await undos.drain(ledger)

    assert ledger.asked == [("void", "op-1")]


async def test_once_the_disk_has_room_the_trouble_is_over(tmp_path, monkeypatch):
    async with listing(tmp_path) as undos:
        with full_disk(monkeypatch), pytest.raises(UndoNotKept):
            await undos.add(an_undo())
        await undos.add(an_undo("op-2"))

        assert undos.trouble is None


async def test_a_caller_that_is_cancelled_still_has_its_undo_kept(tmp_path):
    async with listing(tmp_path) as undos:
        caller = asyncio.create_task(undos.add(an_undo()))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait([caller])

    assert await delivered(tmp_path) == ["op-1"]


async def test_two_adopters_at_once_lose_nothing(tmp_path):
    async with listing(tmp_path) as undos:
        await asyncio.gather(*(undos.add(an_undo(f"op-{number}")) for number in range(100)))
    both = await asyncio.gather(delivered(tmp_path), delivered(tmp_path))

    assert {op for ops in both for op in ops} == {f"op-{number}" for number in range(100)}


@pytest.mark.parametrize("acknowledged", [1, 10, 100, 500, 2_500])
async def test_nothing_acknowledged_is_lost_by_kill_nine(tmp_path, acknowledged):
    said = await asyncio.to_thread(killed_after, tmp_path, acknowledged)

    assert set(said) <= set(await delivered(tmp_path))


def killed_after(folder: Path, lines: int) -> list[str]:
    """Run a worker and kill it as soon as it said so many lines; all the whole lines that it said."""
    worker = subprocess.Popen([sys.executable, WORKER, folder, str(lines)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout
    said = [worker.stdout.readline() for _ in range(lines)]
    worker.kill()
    rest, _ = worker.communicate()
    return [line.strip() for line in (*said, *rest.splitlines(keepends=True)) if line.endswith("\n")]
