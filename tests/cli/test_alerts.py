"""``meter alerts``: what was told, what waits, what is dead, and how that is sent again."""

import asyncio
import re

import pytest

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.noticing import Telling
from tests.conftest import STEP_SECONDS
from tests.ledger.books import opened

WAITS, DEAD = "alert:1.alert", "alert:2.alert"


async def lived(url: str) -> None:
    """Give ``acme`` an alert whose webhook waits, and ``globex`` one whose webhook was given up."""
    async with open_line(url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        for name, op in (("acme", "alert:1"), ("globex", "alert:2")):
            await opened(ledger, name)
            look = await ledger.look(name)
            assert look is not None
            telling = Telling(
                account=name, op=op, name="included:80", what="threshold", data='{"percent":80}', letter=True
            )
            await ledger.tell(telling, epoch=look.epoch)
        await ledger.failed(ledger.shard_of("globex"), DEAD, attempts=16, why="503", wait_seconds=None)


@pytest.fixture(autouse=True)
def _store(store_url, monkeypatch, tmp_path):
    monkeypatch.setenv("METER_REDIS", store_url)
    monkeypatch.setenv("METER_DATA", str(tmp_path / "data"))
    asyncio.run(lived(store_url))


def test_people_see_what_was_told_what_waits_and_what_was_given_up(meter, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    told = re.sub(r"\s+", " ", meter("alerts").data)

    assert "acme included:80" in told
    assert re.search(rf"Webhooks that wait .*{WAITS} acme threshold 0 - 20", told)
    assert re.search(rf"Webhooks that were given up .*{DEAD} globex threshold 16 503 20", told)
    assert told.rstrip().endswith("2 alerts; 1 webhook to deliver, 1 given up.")


def test_scripts_see_the_same(meter):
    told = meter("alerts", "--json").json()

    assert [(one["account"], one["notice"]) for one in sorted(told["told"], key=lambda one: one["account"])] == [
        ("acme", "included:80"),
        ("globex", "included:80"),
    ]
    assert [(one["id"], one["attempts"], one["last"], one["data"]) for one in told["waiting"]] == [
        (WAITS, 0, None, {"percent": 80})
    ]
    assert [(one["id"], one["attempts"], one["last"]) for one in told["dead"]] == [(DEAD, 16, "503")]
    assert {"due_at", "at"} <= told["waiting"][0].keys()
    assert "given_up_at" in told["dead"][0]


def test_one_account_is_listed_alone(meter):
    told = meter("alerts", "--account", "acme", "--json").json()

    assert [one["account"] for one in (*told["told"], *told["waiting"], *told["dead"])] == ["acme", "acme"]


def test_a_dead_letter_is_sent_again(meter):
    ended = meter("alerts", "redeliver", DEAD)
    told = meter("alerts", "--json").json()

    assert (ended.code, ended.data) == (0, "1 webhook will be delivered again.\n")
    assert told["dead"] == []
    assert [one["attempts"] for one in told["waiting"]] == [0, 0]


def test_all_dead_letters_are_sent_again_at_once(meter):
    assert meter("alerts", "redeliver", "--all", "--json").json() == {"redelivered": [DEAD]}
    assert meter("alerts", "redeliver", "--all", "--json").json() == {"redelivered": []}


def test_a_letter_that_is_not_there_is_said(meter):
    ended = meter("alerts", "redeliver", "alert:3.alert")

    assert (ended.code, ended.talk) == (
        1,
        "There is no letter 'alert:3.alert' that waits or is dead; see: meter alerts\n",
    )


@pytest.mark.parametrize("arguments", [(), (DEAD, "--all")], ids=["neither", "both"])
def test_what_is_to_be_sent_again_is_named_in_one_way(meter, arguments):
    assert meter("alerts", "redeliver", *arguments).code == 2
