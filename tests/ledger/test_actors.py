"""Who asked for a change stands in its entry, in that one alone; and what is known of grants that are gone."""

import pytest

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.limits import Limits
from meter.ledger.names import BadName
from meter.ledger.promise import Grant, GrantKind, Status, Word
from meter.ledger.records import grant_text
from tests.ledger.books import charged, entries, lot, opened, terms

HASH = "ab" * 32


async def test_every_administrative_change_says_who_asked_for_it(ledger: RedisLedger) -> None:
    theirs, shard = ledger.by("api:alice"), ledger.shard_of("acme")
    await theirs.open_account("acme", terms(), op="open:acme")
    await theirs.grant("acme", lot("g1"))
    await theirs.revoke("acme", "g1", op="back:g1")
    await theirs.set_terms("acme", terms(7), op=operation_id(ledger.now()))
    await theirs.set_status("acme", Status.SUSPENDED, op=operation_id(ledger.now()))
    await theirs.create_key("acme", key_hash=HASH, hint="mk_03eAbCd", expires_at=None, op="key:1")
    await theirs.set_limits("acme", Limits(day=Credits(5)), op="limit:1")
    await theirs.rotate_key("acme", HASH, new_hash="cd" * 32, hint="mk_03eAbCe", overlap_seconds=60, op="key:2")
    await theirs.revoke_key(shard, HASH, op="key:3")
    written = await entries(ledger)

    assert [entry["kind"] for entry in written] == [
        "open",
        "grant",
        "revoke",
        "terms",
        "status",
        "key",
        "limit",
        "key",
        "key_revoked",
    ]
    assert [entry["kind"] for entry in written if entry.get("actor") != "api:alice"] == []


async def test_who_asks_without_a_name_leaves_none(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    ledger.by("api:alice")
    await ledger.grant("acme", lot("actor:x"))
    await ledger.revoke("acme", "actor:x", op="back")
    await charged(ledger, account)

    assert [entry.get("actor") for entry in await entries(ledger)] == [None] * 4


async def test_a_grant_is_the_same_whoever_repeats_it(ledger: RedisLedger) -> None:
    await opened(ledger)
    words = [(await ledger.by(f"api:{name}").grant("acme", lot("g1")))[0] for name in ("alice", "bob")]

    assert words == [Word.DONE, Word.REPEAT]
    assert [entry.get("actor") for entry in await entries(ledger)] == [None, "api:alice"]


@pytest.mark.parametrize("name", ["", "a b", '"', "@", "x" * 65, "ä", "a\n"])
async def test_what_is_no_name_never_reaches_an_entry(ledger: RedisLedger, name: str) -> None:
    with pytest.raises(BadName, match="can't name an actor"):
        ledger.by(name)


async def test_a_grant_that_is_spent_or_revoked_is_still_known_by_its_facts(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=0)
    spent = Grant(id="g1", kind=GrantKind.PURCHASED, amount=lot("x").amount, scope=frozenset({"chat", "a"}), note="ä b")
    await ledger.grant("acme", spent)
    await charged(ledger, account, 10)
    await ledger.grant("acme", lot("g2"))
    await ledger.revoke("acme", "g2", op="back")
    stored = await ledger.grants_stored("acme", ["g1", "g2", "g3"])

    assert stored == {"g1": grant_text(spent), "g2": grant_text(lot("g2"))}
