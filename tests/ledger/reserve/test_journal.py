"""The journal: on disk before it is believed, whoever dies and whatever the disk does."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from meter.ledger import kept_files
from meter.ledger.reserve import journal as journals
from meter.ledger.reserve.durable import forgets
from meter.ledger.reserve.journal import Journal, JournalFailed
from meter.ledger.reserve.lines import Began, Close, Ended, Line, read
from tests.ledger.reserve.test_fund import BEGAN, debit


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def posted(folder: Path) -> list[Path]:
    return sorted((folder / journals.KEPT).glob("*.jsonl"))


async def test_a_line_is_on_disk_and_synced_when_add_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_size), fsync(fd)))
    journal = Journal(tmp_path)
    await journal.add(BEGAN, debit("op-1"))

    assert journal.read() == [BEGAN, debit("op-1")]
    assert files(tmp_path)[0].stat().st_size in synced
    await journal.close(done=False)


async def test_lines_said_at_once_share_an_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, fsync = [], os.fsync
    journal = Journal(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), fsync(fd)))
    await asyncio.gather(*(journal.add(debit(f"op-{number}")) for number in range(500)))

    assert len(journal.read()) == 500
    assert len(synced) <= 3
    await journal.close(done=False)


async def test_what_is_noted_stands_before_what_is_added_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.note(BEGAN)
    await journal.add(debit("op-1"))

    assert journal.read() == [BEGAN, debit("op-1")]
    await journal.close(done=False)


class Disk:
    """Takes what is written, or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        self.tears = b""
        self._append = kept_files.append
        monkeypatch.setattr(kept_files, "append", self.append)

    def append(self, descriptor: int, lines: bytes) -> None:
        if self.is_full:
            os.write(descriptor, lines[: len(lines) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        self._append(descriptor, lines)


async def test_what_a_full_disk_did_not_take_was_never_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, journal = Disk(monkeypatch), Journal(tmp_path)
    await journal.add(BEGAN)
    disk.is_full = True
    with pytest.raises(JournalFailed, match="No space left"):
        await journal.add(debit("lost"))
    assert journal.trouble is not None
    disk.is_full = False
    await journal.add(debit("op-2"))

    assert journal.read() == [BEGAN, debit("op-2")]
    assert journal.trouble is None
    await journal.close(done=False)


async def test_a_fact_is_written_when_the_disk_takes_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, journal = Disk(monkeypatch), Journal(tmp_path)
    close = Close(op="op-1", seq=1, amount=10, quote="")
    await journal.add(BEGAN, debit("op-1"))
    disk.is_full = True
    journal.note(close)
    with pytest.raises(JournalFailed):
        await journal.add()
    disk.is_full = False
    await journal.add(debit("op-2"))

    assert journal.read() == [BEGAN, debit("op-1"), close, debit("op-2")]
    await journal.close(done=False)


async def test_a_disk_that_hangs_keeps_a_call_no_longer_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = asyncio.Event()
    loop = asyncio.get_running_loop()
    append = kept_files.append

    def slow(descriptor: int, lines: bytes) -> None:
        asyncio.run_coroutine_threadsafe(hangs.wait(), loop).result()
        append(descriptor, lines)

    journal = Journal(tmp_path)
    monkeypatch.setattr(kept_files, "append", slow)
    monkeypatch.setattr(journals, "ADD_SECONDS_MAX", 0.01)
    with pytest.raises(JournalFailed, match="not on disk within"):
        await journal.add(debit("op-1"))
    hangs.set()
    await journal.close(done=False)


async def test_a_torn_last_line_was_never_said(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await journal.add(BEGAN, debit("op-1"))
    await journal.close(done=False)
    path = files(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-3])
    (found,) = kept_files.adopt(tmp_path)
    adopted = Journal(tmp_path, adopted=found)

    assert adopted.read() == [BEGAN]
    await adopted.close(done=True)


async def test_a_journal_is_adopted_when_its_process_is_gone_and_not_before(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await journal.add(BEGAN)
    assert list(kept_files.adopt(tmp_path)) == []
    await journal.close(done=False)
    (found,) = kept_files.adopt(tmp_path)
    adopted = Journal(tmp_path, adopted=found)

    assert adopted.read() == [BEGAN]
    assert adopted.name == journal.name
    await adopted.close(done=True)
    assert files(tmp_path) == []


async def test_a_journal_that_tells_of_calls_is_kept_when_it_is_done(tmp_path: Path) -> None:
    quiet, told = Journal(tmp_path), Journal(tmp_path)
    await quiet.add(BEGAN, Ended(fund="lease-1"))
    await told.add(BEGAN, debit("op-1"))
    for journal in (quiet, told):
        await journal.close(done=True)

    assert files(tmp_path) == []
    assert [told.name in path.name for path in posted(tmp_path)] == [True]


async def test_a_journal_begun_anew_says_what_still_matters_and_loses_nothing_that_is_said_meanwhile(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path)
    live = Began(fund="lease-2", account="bolt", owner="cafe", most=5)
    await journal.add(BEGAN, debit("op-1"), live)
    later = [debit(f"later-{number}", fund="lease-2") for number in range(100)]
    adding: list[asyncio.Task[None]] = []

    def said_first() -> list[Line]:
        adding.extend(asyncio.create_task(journal.add(line)) for line in later)
        return [live]

    await journal.begin_anew(said_first)
    await asyncio.gather(*adding)

    assert len(files(tmp_path)) == 1
    assert _read(posted(tmp_path)[0]) == [BEGAN, debit("op-1"), live]
    assert journal.read() == [live, *later]
    await journal.close(done=False)


async def test_a_journal_is_not_begun_anew_while_calls_are_to_be_posted(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await journal.add(BEGAN, debit("op-1"))
    await journal.begin_anew(lambda: None)

    assert journal.read() == [BEGAN, debit("op-1")]
    assert posted(tmp_path) == []
    await journal.close(done=False)


async def test_kept_journals_are_forgotten_in_time(tmp_path: Path) -> None:
    for _ in range(2):
        journal = Journal(tmp_path)
        await journal.add(BEGAN, debit("op-1"))
        await journal.close(done=True)
        for path in posted(tmp_path):
            os.utime(path, (0, 0))

    assert len(posted(tmp_path)) == 1


def _read(path: Path) -> list[Line]:
    return [read(line) for line in kept_files.lines(path)]


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /dev/shm rw,nosuid shared:3 - tmpfs tmpfs rw
31 22 0:27 / /with\\040space rw - tmpfs none rw
32 30 254:1 / /dev/shm/disk rw - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("folder", "in_memory"),
    [
        pytest.param("/var/lib/meter", False, id="on disk"),
        pytest.param("/dev/shm/meter", True, id="in memory"),
        pytest.param("/dev/shm/disk/meter", False, id="a disk within memory"),
        pytest.param("/with space/x", True, id="a name with a space"),
    ],
)
def test_a_folder_in_memory_does_not_survive(tmp_path: Path, folder: str, in_memory: bool) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    why = forgets(Path(folder), mounts=tmp_path / "mounts")

    assert (why is not None) is in_memory
    assert forgets(Path(folder), mounts=tmp_path / "none") is None
