"""Reading a shard while it is written, exported and trimmed: each entry once, in order, or a word that it was not."""

from collections.abc import Iterable, Sequence

import pytest

from meter.ledger.audit import reading as module
from meter.ledger.audit.reading import Moved, NoFiles, Reading
from meter.ledger.names import position


class Store:
    """A stream that something is done to between two pages."""

    def __init__(self, entries: Iterable[int]) -> None:
        self.stream = [f"{number}-0" for number in entries]
        self.then: list[Sequence[str]] = []
        """What the stream is at the next pages."""

    async def entries(self, shard: int, after: str, count: int) -> Sequence[tuple[str, str]]:
        if count > 1 and self.then and after != module.ZERO:
            self.stream = list(self.then.pop(0))
        begin = position(after or module.ZERO)
        return [(one, "{}") for one in self.stream if position(one) > begin][:count]


class Files:
    """What was exported."""

    def __init__(self, entries: Iterable[int]) -> None:
        self.exported = [f"{number}-0" for number in entries]

    def after(self, shard: int, stream_id: str) -> Iterable[tuple[str, bytes]]:
        return [(one, b"{}") for one in self.exported if position(one) > position(stream_id)]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(module, "PAGE_MAX", 3)


def ids(*numbers: int) -> list[str]:
    return [f"{number}-0" for number in numbers]


async def read(reading: Reading, last: int) -> list[str]:
    return [stream_id async for page in reading.upto(f"{last}-0") for stream_id, _ in page]


async def test_entries_are_read_as_far_as_is_asked():
    reading = Reading(Store(range(1, 9)), NoFiles(), 0)

    assert await read(reading, 4) == ids(1, 2, 3, 4)
    assert await read(reading, 4) == []
    assert await read(reading, 8) == ids(5, 6, 7, 8)


async def test_an_entry_that_never_comes_ends_the_reading():
    assert await read(Reading(Store([1, 2]), NoFiles(), 0), 9) == ids(1, 2)


async def test_an_empty_stream_has_no_entries():
    assert await read(Reading(Store([]), NoFiles(), 0), 9) == []


async def test_files_come_first_and_what_is_in_both_comes_once():
    assert await read(Reading(Store([3, 4, 5, 6]), Files(range(1, 5)), 0), 9) == ids(1, 2, 3, 4, 5, 6)


async def test_what_is_exported_and_trimmed_between_two_pages_is_read_from_its_file():
    store, files = Store(range(1, 9)), Files([])

    class Exporting(Files):
        def after(self, shard, stream_id):
            self.exported = ids(*range(1, 8)) if store.stream == ids(8) else []
            return super().after(shard, stream_id)

    store.then = [ids(8)]

    assert files.exported == []
    assert await read(Reading(store, Exporting([]), 0), 8) == ids(*range(1, 9))


async def test_what_is_trimmed_between_two_pages_and_in_no_file_is_told():
    store = Store(range(1, 9))
    store.then = [ids(6, 7, 8)]

    with pytest.raises(Moved):
        await read(Reading(store, NoFiles(), 0), 8)


async def test_what_is_trimmed_after_it_was_read_is_no_loss():
    store = Store(range(1, 9))
    store.then = [ids(3, 4, 5, 6, 7, 8)]

    assert await read(Reading(store, NoFiles(), 0), 8) == ids(*range(1, 9))
