"""Files of entries: whole or not there, in order, and honest about what is missing."""

import gzip
import os
from itertools import islice

import pytest

from meter.archive.files import Archive, ArchiveBroken, Stored, parts, read
from meter.archive.sums import Sum, sums

ENTRIES = [(f"1700-{number}", f'{{"kind":"charge","n":{number}}}') for number in range(5)]


def stored(shard: int, entries: list[tuple[str, str]]) -> list[Stored]:
    return [Stored(shard=shard, id=stream_id, entry=text.encode()) for stream_id, text in entries]


@pytest.fixture
def archive(tmp_path) -> Archive:
    archive = Archive(tmp_path / "archive")
    with archive.claimed():
        return archive


def test_entries_come_back_as_they_were_written(archive):
    archive.write(17, ENTRIES)

    assert list(read(archive.folder)) == stored(17, ENTRIES)


def test_a_file_is_named_by_its_shard_and_its_first_and_last_entry(archive):
    assert archive.write(17, ENTRIES).name == "17_1700-0-1700-4.jsonl.gz"


def test_a_line_is_one_json_object(archive):
    path = archive.write(17, ENTRIES[:1])

    assert gzip.decompress(path.read_bytes()) == b'{"id":"1700-0","entry":{"kind":"charge","n":0}}\n'


def test_a_repeat_makes_the_same_bytes(archive):
    first = archive.write(17, ENTRIES).read_bytes()

    assert archive.write(17, ENTRIES).read_bytes() == first


def test_white_space_in_an_entry_does_not_break_its_line(archive):
    archive.write(17, [("1-0", '{"quote":\n{"a":\r\n1}}')])

    assert [line.entry for line in read(archive.folder)] == [b'{"quote": {"a":\r 1}}']


def test_bytes_are_written_as_text_is(archive):
    archive.write(17, [("1-0", b'{"a":"\xc3\xbc"}')])

    assert [line.entry for line in read(archive.folder)] == ['{"a":"ü"}'.encode()]


def test_reading_is_lazy(archive):
    archive.write(1, ENTRIES[:2])
    archive.write(2, ENTRIES).write_bytes(b"torn")

    assert list(islice(read(archive.folder), 2)) == stored(1, ENTRIES[:2])


def test_files_are_read_in_the_order_of_their_numbers_not_of_their_letters(archive):
    for stream_id in ("10-0", "9-10", "9-9"):
        archive.write(1, [(stream_id, "{}")])

    assert [line.id for line in read(archive.folder)] == ["9-9", "9-10", "10-0"]


def test_the_last_entry_of_a_shard_is_known(archive):
    archive.write(1, ENTRIES[:2])
    archive.write(1, ENTRIES[2:])
    archive.write(2, [("9000-0", "{}")])

    assert (archive.last(1), archive.last(2), archive.last(3)) == ("1700-4", "9000-0", None)


def test_a_draft_that_a_crash_left_is_no_file(archive, monkeypatch):
    def crash(_descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as disk, pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the crash is the point
        disk.setattr(os, "fsync", crash)
        archive.write(1, ENTRIES)

    assert (parts(archive.folder), archive.last(1)) == ((), None)


def test_the_name_appears_after_the_content_is_on_disk(archive, monkeypatch):
    seen, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (seen.append(parts(archive.folder)), fsync(descriptor)))
    archive.write(1, ENTRIES)

    assert [len(there) for there in seen] == [0, 1]


def test_overlapping_entries_are_refused_where_they_are_written(archive):
    archive.write(1, ENTRIES[:3])

    with pytest.raises(ArchiveBroken, match=r"1_1700-0-1700-2\.jsonl\.gz and 1_1700-2-1700-4\.jsonl\.gz in .* overlap"):
        archive.write(1, ENTRIES[2:])


def test_overlapping_files_are_refused_where_they_are_read(archive):
    archive.write(1, ENTRIES[:3])
    Archive(archive.folder).write(2, ENTRIES[2:]).rename(archive.folder / "1_1700-2-1700-4.jsonl.gz")

    with pytest.raises(ArchiveBroken, match="overlap"):
        list(read(archive.folder))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-20], id="cut-short"),
        pytest.param(lambda content: b"x" + content, id="no-gzip"),
        pytest.param(lambda content: content[:30] + b"\0\0\0" + content[33:], id="bits-rotten"),
        pytest.param(lambda content: content[:10] + b"\xff" * 20 + content[30:], id="no-deflate"),
        pytest.param(lambda _content: gzip.compress(b"no json\n"), id="no-json"),
        pytest.param(lambda _content: b"", id="empty"),
    ],
)
def test_a_torn_file_is_refused_by_name(archive, damage):
    path = archive.write(1, ENTRIES)
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(ArchiveBroken, match=r"1_1700-0-1700-4\.jsonl\.gz (cannot be read|does not hold)"):
        list(read(archive.folder))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"id":"1700-0","entry":{}}\n', id="last-entries-missing"),
        pytest.param(b'{"id":"1700-4","entry":{}}\n', id="first-entries-missing"),
        pytest.param(b'{"id":"1700-0","entry":{}}\n{"id":"1700-4","entry":{}}', id="last-line-not-ended"),
    ],
)
def test_a_file_that_does_not_hold_what_its_name_says_is_refused(archive, content):
    archive.write(1, ENTRIES).write_bytes(gzip.compress(content))

    with pytest.raises(ArchiveBroken, match="does not hold the entries that its name says"):
        list(read(archive.folder))


def test_an_archive_that_is_not_there_is_empty(tmp_path):
    assert list(read(tmp_path / "nowhere")) == []


def test_one_process_at_a_time_writes(archive):
    with archive.claimed() as first, Archive(archive.folder).claimed() as second:
        assert (first, second) == (True, False)


def change(delta: int, after: int, account: str = "acme") -> Stored:
    return Stored(
        shard=1,
        id=f"{after}-0",
        entry=b'{"kind":"x","account":"%b","delta":"%d","after":"%d"}' % (account.encode(), delta, after),
    )


def test_a_balance_is_what_the_changes_add_up_to():
    found = sums([change(100, 100), change(-30, 70), change(0, 70), change(5, 75)])

    assert found == {"acme": Sum(opening=0, balance=75, entries=4)}


def test_accounts_add_up_apart():
    found = sums([change(100, 100), change(7, 7, "acme/web"), change(-1, 99)])

    assert {account: total.balance for account, total in found.items()} == {"acme": 99, "acme/web": 7}


def test_entries_that_do_not_begin_with_the_account_say_what_it_had_before():
    assert sums([change(-30, 70)])["acme"].opening == 100


def test_a_missing_entry_is_noticed_and_placed():
    found = sums([change(100, 100), change(-30, 40), change(-10, 30)])

    assert (found["acme"].gap, found["acme"].balance) == ("40-0", 60)


def test_an_entry_that_looked_at_no_grant_changes_no_sum():
    revoked = Stored(shard=1, id="1-0", entry=b'{"kind":"key_revoked","account":"acme","delta":"0"}')

    assert sums([revoked, change(100, 100), revoked]) == sums([change(100, 100)])
