"""``ledger export`` puts every entry into files, once."""

import pytest

from meter.archive.files import read


@pytest.fixture(autouse=True)
def store(store_url, policies, monkeypatch, tmp_path, meter):
    monkeypatch.setenv("METER_REDIS", store_url)
    monkeypatch.setenv("METER_DATA", str(tmp_path / "data"))
    meter("account", "create", "acme", "--plan", "free")
    meter("grant", "acme", "5", "--id", "order-1")


def test_every_entry_is_exported(meter, tmp_path):
    ended = meter("ledger", "export", "--to", str(tmp_path / "out"), "--json")
    exported = ended.json()

    assert ended.code == 0
    assert exported["to"] == str(tmp_path / "out")
    assert exported["entries"] == len(list(read(tmp_path / "out"))) > 0


def test_an_entry_is_exported_once(meter, tmp_path):
    meter("ledger", "export", "--to", str(tmp_path / "out"))
    first = [stored.id for stored in read(tmp_path / "out")]
    meter("ledger", "export", "--to", str(tmp_path / "out"))
    kinds = [stored.id for stored in read(tmp_path / "out")]

    assert kinds[: len(first)] == first
    assert len(set(kinds)) == len(kinds)


def test_without_a_folder_entries_go_where_the_data_is(meter, tmp_path):
    ended = meter("ledger", "export")

    assert ended.code == 0
    assert list(read(tmp_path / "data" / "archive")) != []


def test_a_folder_that_cannot_be_written_is_one_sentence(meter, tmp_path):
    (tmp_path / "file").write_text("")
    ended = meter("ledger", "export", "--to", str(tmp_path / "file"))

    assert (ended.code, ended.data) == (1, "")
    assert str(tmp_path / "file") in ended.talk
    assert len(ended.talk.splitlines()) == 1
