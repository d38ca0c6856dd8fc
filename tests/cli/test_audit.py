"""``audit``, ``re-rate`` and ``holds``: what they print, and how they end."""

import asyncio
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import redis

from meter.cli import audit as command
from meter.ledger import names
from tests.support import audited

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "audit.md"
STREAM = names.ledger_key(audited.SHARD)


@pytest.fixture(autouse=True)
def _store(store_url, monkeypatch, tmp_path):
    """The store that commands find by themselves, with an account that has lived."""
    monkeypatch.setenv("METER_REDIS", store_url)
    monkeypatch.setenv("METER_DATA", str(tmp_path / "data"))
    asyncio.run(audited.lived(store_url))


@pytest.fixture
def client(store_url) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(store_url) as client:
        yield client


@pytest.fixture
def first(client) -> str:
    """The entry of the first charge."""
    return client.xrange(STREAM)[1][0].decode()


def sessions() -> list[tuple[str, str]]:
    """What the document types, and what it shows."""
    blocks = re.findall(r"^```console\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return [tuple(block.removeprefix("$ meter ").split("\n", 1)) for block in blocks]


def plain(text: str) -> str:
    """The text without what depends on the clock, nor on how wide the terminal is."""
    text = re.sub(r"[0-9a-f]{16}\b", "POLICY", re.sub(r"\d+ s\b", "N s", audited.timeless(text)))
    return re.sub("─+", "─", re.sub(r"\s+", " ", text)).strip()


def test_the_document_shows_what_is_really_printed(meter, store_url, first, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    (clean, shown), (_, broken), (rerated, price), (_, holds) = sessions()

    assert plain(meter(clean).data) == plain(shown)
    assert plain(meter("holds").data) == plain(holds)
    assert plain(meter(*audited.timeless(rerated).replace("ENTRY", first).split()).data) == plain(price)

    audited.tampered(store_url)

    assert plain(meter("audit").data) == plain(broken)


def test_books_that_are_right_end_with_0_and_those_that_are_not_with_1(meter, store_url):
    right = meter("audit")
    audited.tampered(store_url)
    wrong = meter("audit")

    assert (right.code, right.talk) == (0, "")
    assert (wrong.code, wrong.talk) == (1, "")


def test_a_store_that_cannot_be_reached_ends_with_3(meter, tmp_path):
    ended = meter("audit", "--redis", f"unix://{tmp_path}/nobody")

    assert (ended.code, ended.data) == (3, "")


def test_scripts_get_every_finding_with_both_numbers(meter, store_url):
    clean = meter("audit", "--json").json()
    audited.tampered(store_url)
    ended = meter("audit", "--json")
    told = ended.json()

    assert clean == told | {"clean": True, "invariants": clean["invariants"], "findings": []}
    assert all(one["holds"] for one in clean["invariants"])
    assert (told["clean"], ended.code) == (False, 1)
    assert (told["accounts"], told["entries"], told["operations"], told["holds_open"]) == (1, 6, 3, 1)
    assert [(one["id"], one["findings"]) for one in told["invariants"] if not one["holds"]] == [("I1", 2), ("I5", 1)]
    assert [(one["invariant"], one["expected"], one["found"]) for one in told["findings"]] == [
        ("I1", 1437, 1500),
        ("I1", 1437, 1500),
        ("I5", 63, 0),
    ]


def test_amounts_of_findings_are_exact(meter, client):
    client.hincrby(names.account_key(audited.SHARD, "acme"), "expired", -1)
    told = json.loads(meter("audit", "--json").data, parse_float=Decimal)

    assert [one["found"] for one in told["findings"] if one["invariant"] == "I2"] == [Decimal("-0.000001")]


def test_one_account_is_audited_alone(meter, store_url):
    audited.tampered(store_url)

    assert meter("audit", "--account", "acme").code == 1
    assert meter("audit", "--account", "nobody").talk.startswith("There is no account 'nobody'")
    assert meter("audit", "--account", "a b").code == 2


def test_more_findings_than_can_be_read_are_counted(meter, client):
    for number in range(150):
        client.xadd(STREAM, {"e": f"no entry {number}"})
    ended = meter("audit")

    assert len(re.findall("can't be read", ended.data)) == 100
    assert "150 findings in 1 account of 1. 50 are not shown: --json has all of them." in ended.data


def test_a_long_audit_says_how_far_it_is(meter, monkeypatch):
    monkeypatch.setattr(command, "TELL_SECONDS", 0)
    ended = meter("audit")

    assert "0 of 1 shards are read, 6 entries.\n" in ended.talk
    assert "Everything holds." in ended.data


def test_exported_files_are_read_from_the_data_folder_or_from_the_one_that_is_named(meter, client, tmp_path):
    meter("ledger", "export", "--to", str(tmp_path / "elsewhere"))
    client.xtrim(STREAM, maxlen=0, approximate=False)

    assert "--from" in meter("audit").data
    assert meter("audit", "--from", str(tmp_path / "elsewhere"), "--json").json()["entries"] == 6

    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").rename(tmp_path / "data" / "archive")

    assert meter("audit", "--json").json()["entries"] == 6


def test_a_folder_that_is_none_is_refused(meter, tmp_path):
    ended = meter("audit", "--from", str(tmp_path / "none"))

    assert (ended.code, ended.data) == (1, "")
    assert "is no folder; give the folder that `meter ledger export` writes to." in ended.talk


def test_a_broken_file_is_one_sentence(meter, tmp_path):
    meter("ledger", "export")
    (file,) = (tmp_path / "data" / "archive").glob("*.jsonl.gz")
    file.write_bytes(b"")
    ended = meter("audit")

    assert (ended.code, ended.data) == (1, "")
    assert "Restore it from a backup." in ended.talk


def test_an_entry_is_priced_again_from_what_it_recorded(meter, first):
    ended = meter("re-rate", first, "--json")
    told = ended.json()

    assert ended.code == 0
    assert (told["charged"], told["recorded"], told["again"], told["equal"]) == (63, 63, 63, True)
    assert told["trace"][-1] == "The price is 63 credits."
    assert told["record"]["operation"] == told["operation"] == "image.analyse"
    assert (told["account"], told["shard"], told["where"]) == ("acme", audited.SHARD, "store")


def test_a_price_that_is_not_what_its_record_comes_to_ends_with_1(meter, client, first):
    text = client.xrange(STREAM, first, first)[0][1][b"e"].decode()
    forged = client.xadd(STREAM, {"e": text.replace('"7/10"', '"8/10"')}).decode()
    ended = meter("re-rate", forged)

    assert ended.code == 1
    assert ended.data.endswith("Charged 63, recorded 63, priced again 72: NOT as it should be.\n")


def test_a_hold_is_priced_as_a_ceiling(meter, client):
    held = client.xrange(STREAM)[-1][0].decode()

    assert meter("re-rate", held).data.endswith("Holds 150, recorded 150, priced again 150: as it should be.\n")


def test_an_entry_is_found_in_files_too(meter, client, first):
    meter("ledger", "export")
    client.xtrim(STREAM, maxlen=0, approximate=False)
    told = meter("re-rate", first, "--json").json()

    assert (told["where"], told["equal"]) == ("files", True)


def test_entries_of_one_id_in_two_shards_are_told_apart(meter, client, store_url, first):
    text = client.xrange(STREAM, first, first)[0][1][b"e"].decode()
    other = names.shard_of("globex")
    client.xadd(names.ledger_key(other), {"e": text.replace('"acme"', '"globex"')}, id=first)
    unclear = meter("re-rate", first)

    assert unclear.code == 1
    assert "in different shards; say which: --account" in unclear.talk
    assert meter("re-rate", first, "--account", "globex", "--json").json()["account"] == "globex"
    assert meter("re-rate", first, "--shard", str(audited.SHARD), "--json").json()["account"] == "acme"


@pytest.mark.parametrize(
    ("entry", "code", "says"),
    [
        pytest.param("1-1", 1, "There is no entry 1-1", id="none of that id"),
        pytest.param("hello", 2, "'hello' is no id of an entry", id="no id"),
    ],
)
def test_an_entry_that_is_not_there_is_one_sentence(meter, entry, code, says):
    ended = meter("re-rate", entry)

    assert (ended.code, ended.data) == (code, "")
    assert says in ended.talk


def test_an_entry_without_a_price_is_one_sentence(meter, client):
    opened = client.xrange(STREAM)[0][0].decode()
    ended = meter("re-rate", opened)

    assert (ended.code, ended.data) == (1, "")
    assert "is a `open` without a price" in ended.talk


def test_a_record_that_cannot_be_priced_is_one_sentence(meter, client, first):
    text = client.xrange(STREAM, first, first)[0][1][b"e"].decode()
    forged = client.xadd(STREAM, {"e": text.replace('"7/10"', '"7/0"')}).decode()
    ended = meter("re-rate", forged)

    assert (ended.code, ended.data) == (1, "")
    assert "can't be priced" in ended.talk


def test_open_holds_are_listed_with_their_age_and_their_end(meter):
    told = meter("holds", "--json").json()
    (hold,) = told["holds"]

    assert told["open"] == 1
    assert (hold["account"], hold["operation"], hold["credits"]) == ("acme", "image.cutout", 150)
    assert 0 <= hold["age_seconds"] <= 60
    assert hold["expires_in_seconds"] <= 60


def test_holds_of_one_account_are_listed_alone(meter):
    assert len(meter("holds", "acme", "--json").json()["holds"]) == 1
    assert meter("holds", "globex", "--json").json() == {"holds": [], "open": 0}
    assert "0 holds, 0 credits." in meter("holds", "globex").data
