"""What the ledger promises, on a real server and on fakeredis."""

import asyncio
from dataclasses import replace

import pytest

from meter.credits import LIMIT, Credits
from meter.ledger import history
from meter.ledger.engine import RedisLedger, WrongStore
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.ids import operation_id
from meter.ledger.line import open_line
from meter.ledger.names import BadName, account_key, accounts_key, holds_key, ledger_key, used_key
from meter.ledger.promise import Done, Grant, GrantKind, Refused, Short, Stale, Status, Word
from meter.policy.model import PeriodUnit
from tests.ledger.books import charged, entries, kinds, left, lot, opened, order, stands, terms
from tests.ledger.machine import store_client


async def test_an_account_opens_with_what_its_plan_includes(ledger: RedisLedger) -> None:
    word, account = await ledger.open_account("acme/team", terms(100), op="open:1")
    statement = await stands(ledger, "acme/team")

    assert word is Word.DONE
    assert (statement.granted, statement.remaining, statement.account) == (100, 100, account)


async def test_an_account_opens_once(ledger: RedisLedger) -> None:
    first = await opened(ledger, included=100)
    word, again = await ledger.open_account("acme", terms(500), op="open:2")

    assert (word, again) == (Word.REPEAT, first)
    assert await left(ledger) == {f"period:{first.period.start}": 100}


async def test_a_charge_takes_its_price_and_tells_what_is_left(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100)
    outcome = await ledger.charge(order(ledger, account, 30))

    assert isinstance(outcome, Done)
    assert (outcome.balance.remaining, outcome.balance.granted) == (70, 100)
    assert outcome.balance.reset_at == account.period.end


async def test_a_charge_repeated_takes_nothing_and_gives_its_receipt_again(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    placed = order(ledger, account, 30)
    first = await ledger.charge(placed)
    await charged(ledger, account, 5)
    again = await ledger.charge(placed)

    assert isinstance(first, Done)
    assert again == replace(first, repeat=True, now=again.now if isinstance(again, Done) else 0)
    assert (await stands(ledger)).remaining == 65


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"amount": Credits(31)}, id="another amount"),
        pytest.param({"operation": "users.list"}, id="another operation"),
    ],
)
async def test_an_id_used_for_another_order_is_a_conflict(ledger: RedisLedger, other: dict) -> None:
    placed = await charged(ledger, await opened(ledger), 30)

    assert await ledger.charge(replace(placed, **other)) == Refused(word=Word.CONFLICT)
    assert (await stands(ledger)).remaining == 70


async def test_a_charge_that_is_too_dear_takes_nothing(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100)
    outcome = await ledger.charge(order(ledger, account, 101))

    assert isinstance(outcome, Short)
    assert (outcome.required, outcome.balance.remaining) == (101, 100)
    assert ((await stands(ledger)).remaining, (await stands(ledger)).consumed) == (100, 0)
    assert await kinds(ledger) == ["open"]


async def test_a_charge_that_was_refused_is_made_when_it_can_be_paid(ledger: RedisLedger) -> None:
    placed = order(ledger, await opened(ledger, included=100), 101)
    refused = await ledger.charge(placed)
    await ledger.grant("acme", lot("a", 1))
    done = await ledger.charge(placed)

    assert isinstance(refused, Short)
    assert isinstance(done, Done)
    assert (done.repeat, (await stands(ledger)).consumed) == (False, 101)


async def test_money_is_never_forgotten(any_store_url: str, ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.grant("acme", lot("a", 10))
    await charged(ledger, account)
    await ledger.hold(order(ledger, account, 50), HoldTerms(on_expiry=OnExpiry.RELEASE))
    shard = ledger.shard_of("acme")
    keys = account_key(shard, "acme"), used_key(shard, "acme"), accounts_key(shard), ledger_key(shard), holds_key(shard)
    with store_client(any_store_url) as client:
        ends = [client.ttl(key) for key in keys]

    assert ends == [-1] * 5


async def test_a_price_of_exactly_all_is_paid(ledger: RedisLedger) -> None:
    await charged(ledger, await opened(ledger, included=100), 100)

    assert (await stands(ledger)).remaining == 0


async def test_overage_is_drawn_after_the_grants_and_up_to_its_limit(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100, overage=50)
    await charged(ledger, account, 130)
    short = await ledger.charge(order(ledger, account, 21))
    statement = await stands(ledger)

    assert isinstance(short, Short)
    assert short.balance.remaining == 20
    assert (statement.granted, statement.consumed, statement.remaining, statement.overage) == (130, 130, 0, 30)


async def test_refunded_overage_can_be_drawn_again(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100, overage=50)
    placed = await charged(ledger, account, 130)
    undone = await ledger.refund("acme", placed.op, reason="503")
    statement = await stands(ledger)

    assert undone.balance is not None
    assert undone.balance.remaining == 150
    assert (statement.granted, statement.consumed, statement.remaining, statement.overage) == (100, 0, 100, 0)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(lot("b", scope=frozenset({"chat"}), priority=90), lot("a", priority=0), id="scoped first"),
        pytest.param(lot("b", priority=1), lot("a", priority=2), id="priority"),
        pytest.param(lot("b", expires_at=4_000_000_000), lot("a", expires_at=4_000_000_001), id="expiry"),
        pytest.param(lot("b", expires_at=4_000_000_000), lot("a"), id="no expiry last"),
        pytest.param(lot("b", cost_basis=Credits(1)), lot("a", cost_basis=Credits(2)), id="cost"),
        pytest.param(lot("B"), lot("a"), id="id, by its bytes"),
        pytest.param(lot("a"), lot("a.1"), id="id, the shorter"),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned"])
async def test_grants_burn_in_a_total_order(ledger: RedisLedger, first: Grant, then: Grant, turned: bool) -> None:
    account = await opened(ledger, included=0)
    for grant in (then, first) if turned else (first, then):
        await ledger.grant("acme", grant)
    assert list(await left(ledger)) == [first.id, then.id]

    await charged(ledger, account, 15)

    assert await left(ledger) == {then.id: 5}


async def test_grants_burn_as_the_terms_declare_from_the_moment_that_they_do(ledger: RedisLedger) -> None:
    await opened(ledger, included=0)
    soon, dear = lot("soon", priority=9, expires_at=4_000_000_000), lot("dear", priority=1, cost_basis=Credits(5))
    await ledger.grant("acme", dear)
    await ledger.grant("acme", soon)
    before = list(await left(ledger))
    declared = replace(terms(0), burn="expiry priority scope cost created")
    await ledger.set_terms("acme", declared, op="by-expiry")
    account = await ledger.find_account("acme")
    await ledger.grant("acme", lot("sooner", priority=50, expires_at=3_999_999_999))
    after = list(await left(ledger))
    await charged(ledger, account, 15)

    assert (before, after) == (["dear", "soon"], ["sooner", "soon", "dear"])
    assert await left(ledger) == {"soon": 5, "dear": 10}


async def test_a_scoped_grant_pays_for_its_operations_alone(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=0)
    await ledger.grant("acme", lot("chats", 50, scope=frozenset({"chat", "embed"})))
    short = await ledger.charge(order(ledger, account, 10, "users.list"))
    await charged(ledger, account, 10, "embed")

    assert isinstance(short, Short)
    assert short.balance.remaining == 0
    assert await left(ledger) == {"chats": 40}


async def test_a_scope_is_not_matched_by_a_part_of_its_name(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=0)
    await ledger.grant("acme", lot("chats", 50, scope=frozenset({"chat.long"})))

    assert isinstance(await ledger.charge(order(ledger, account, 10, "chat")), Short)


async def test_a_grant_is_given_once(ledger: RedisLedger) -> None:
    await opened(ledger, included=0)
    words = [(await ledger.grant("acme", grant))[0] for grant in (lot("a", 10), lot("a", 10), lot("a", 11))]

    assert words == [Word.DONE, Word.REPEAT, Word.CONFLICT]
    assert await left(ledger) == {"a": 10}


async def test_an_account_has_at_most_64_live_grants(ledger: RedisLedger) -> None:
    await opened(ledger, included=0)
    words = [(await ledger.grant("acme", lot(f"g{number}", 1)))[0] for number in range(65)]

    assert words == [*[Word.DONE] * 64, Word.CAPPED]


async def test_grants_together_are_at_most_what_an_amount_can_be(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=0)
    await ledger.grant("acme", lot("all", LIMIT))
    word, _ = await ledger.grant("acme", lot("more", 1))
    await charged(ledger, account, 1)

    assert word is Word.CAPPED
    assert await left(ledger) == {"all": LIMIT - 1}


async def test_overage_never_takes_a_period_beyond_what_an_amount_can_be(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=LIMIT, overage=LIMIT)
    outcome = await ledger.charge(order(ledger, account, 1))

    assert isinstance(outcome, Done)
    assert outcome.balance.remaining == LIMIT - 1


async def test_the_names_of_the_ledgers_own_grants_are_refused(ledger: RedisLedger) -> None:
    with pytest.raises(BadName, match="'period:1' is a name that the ledger gives"):
        await ledger.grant("acme", lot("period:1"))


async def test_a_refund_goes_back_to_the_grants_that_it_left(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100)
    await ledger.grant("acme", lot("first", 20, priority=0))
    placed = await charged(ledger, account, 50)
    undone = await ledger.refund("acme", placed.op, reason="503")

    assert (undone.word, undone.amount) == (Word.DONE, 50)
    assert await left(ledger) == {"first": 20, f"period:{account.period.start}": 100}


async def test_a_refund_is_given_once(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    placed = await charged(ledger, account, 50)
    words = [(await ledger.refund("acme", placed.op, reason="503")).word for _ in range(3)]

    assert words == [Word.DONE, Word.REPEAT, Word.REPEAT]
    assert (await stands(ledger)).remaining == 100


async def test_a_call_that_cost_nothing_can_be_refunded(ledger: RedisLedger) -> None:
    placed = await charged(ledger, await opened(ledger), 0)
    undone = await ledger.refund("acme", placed.op, reason="503")

    assert (undone.word, undone.amount) == (Word.DONE, 0)


async def test_what_was_refunded_is_not_charged_by_a_late_arrival(ledger: RedisLedger) -> None:
    placed = await charged(ledger, await opened(ledger), 50)
    await ledger.refund("acme", placed.op, reason="503")

    assert await ledger.charge(placed) == Refused(word=Word.VOIDED)


async def test_there_is_nothing_to_refund_of_what_never_came(ledger: RedisLedger) -> None:
    await opened(ledger)

    assert (await ledger.refund("acme", operation_id(ledger.now()), reason="x")).word is Word.GONE


async def test_a_void_undoes_what_was_done(ledger: RedisLedger) -> None:
    placed = await charged(ledger, await opened(ledger), 50)
    undone = [await ledger.void("acme", placed.op) for _ in range(2)]

    assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 50), (Word.REPEAT, 0)]
    assert (await stands(ledger)).remaining == 100


async def test_a_void_keeps_out_what_arrives_after_it(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    placed = order(ledger, account, 50)
    undone = await ledger.void("acme", placed.op)

    assert (undone.word, undone.amount) == (Word.DONE, 0)
    assert await ledger.charge(placed) == Refused(word=Word.VOIDED)
    assert (await stands(ledger)).remaining == 100


async def test_a_revoked_grant_is_gone_and_its_refunds_live_for_a_day(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=0)
    await ledger.grant("acme", lot("chats", 50, scope=frozenset({"chat"})))
    placed = await charged(ledger, account, 20)
    revoked = await ledger.revoke("acme", "chats", op="revoke:1")
    await ledger.refund("acme", placed.op, reason="503")
    (adjustment,) = (await stands(ledger)).grants

    assert (revoked.word, revoked.amount) == (Word.DONE, 30)
    assert (adjustment.grant.kind, adjustment.remaining) == (GrantKind.ADJUSTMENT, 20)
    assert adjustment.grant.scope == {"chat"}
    assert adjustment.grant.expires_at is not None
    assert 24 * 3600 <= adjustment.grant.expires_at - ledger.now() <= 25 * 3600


async def test_refunds_of_one_hour_share_an_adjustment_grant(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100)
    placed = [await charged(ledger, account, 1) for _ in range(70)]
    await ledger.revoke("acme", f"period:{account.period.start}", op="revoke:1")
    for one in placed:
        await ledger.refund("acme", one.op, reason="503")

    assert len(await left(ledger)) <= 2
    assert (await stands(ledger)).remaining == 70


async def test_an_entry_is_refunded_in_parts_and_never_more_than_was_taken(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=30, overage=20)
    await ledger.grant("acme", lot("first", 10, priority=0))
    await charged(ledger, account, 50)
    entry = (await ledger.entries(ledger.shard_of("acme")))[-1][0]
    given = []
    for number, part in enumerate((15, 15, 30)):
        undone = await ledger.refund_entry(
            entry, account="acme", op=f"refunds:{number}", reason="sorry", amount=Credits(part)
        )
        given.append((undone.amount, (await stands(ledger)).overage, await left(ledger)))

    included = f"period:{account.period.start}"
    assert given == [
        (15, 0, {included: 5}),
        (15, 0, {included: 20}),
        (20, 0, {"first": 10, included: 30}),
    ]


async def test_a_refund_of_an_entry_repeated_with_its_id_is_given_once(ledger: RedisLedger) -> None:
    await charged(ledger, await opened(ledger), 50)
    entry = (await ledger.entries(ledger.shard_of("acme")))[-1][0]
    undone = [
        await ledger.refund_entry(entry, account="acme", op="refunds:1", reason="sorry", amount=Credits(20))
        for _ in range(3)
    ]

    assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 20), (Word.REPEAT, 20), (Word.REPEAT, 20)]


async def test_a_call_refunded_in_part_gives_back_only_the_rest(ledger: RedisLedger) -> None:
    placed = await charged(ledger, await opened(ledger), 50)
    entry = (await ledger.entries(ledger.shard_of("acme")))[-1][0]
    await ledger.refund_entry(entry, account="acme", op="refunds:1", reason="sorry", amount=Credits(20))
    undone = await ledger.refund("acme", placed.op, reason="503")

    assert (undone.word, undone.amount) == (Word.DONE, 30)
    assert (await stands(ledger)).remaining == 100


@pytest.mark.parametrize(
    "entry",
    [pytest.param("1732269600000-0", id="nobody's"), pytest.param(None, id="a grant's")],
)
async def test_only_the_entry_of_a_charge_can_be_refunded(ledger: RedisLedger, entry: str | None) -> None:
    await opened(ledger)
    given = (await ledger.entries(ledger.shard_of("acme")))[0][0]
    undone = await ledger.refund_entry(entry or given, account="acme", op="refunds:1", reason="sorry")

    assert undone.word is Word.GONE


async def test_out_of_date_terms_are_stale_and_the_fresh_ones_come_back(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_terms("acme", terms(500), op="terms:1")
    stale = await ledger.charge(order(ledger, account))

    assert isinstance(stale, Stale)
    assert not stale.lapsed
    assert (stale.account.revision, stale.account.terms) == (2, terms(500))
    assert isinstance(await ledger.charge(order(ledger, stale.account)), Done)


async def test_a_change_of_terms_that_comes_late_again_is_not_made_again(ledger: RedisLedger) -> None:
    await opened(ledger)
    await ledger.set_terms("acme", terms(200), op="terms:1")
    await ledger.set_terms("acme", terms(300), op="terms:2")
    word = await ledger.set_terms("acme", terms(200), op="terms:1")
    account = await ledger.find_account("acme")

    assert word is Word.REPEAT
    assert account is not None
    assert account.terms == terms(300)


async def test_a_suspended_account_spends_nothing_and_gets_its_refunds(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    placed = await charged(ledger, account, 50)
    await ledger.set_status("acme", Status.SUSPENDED, op="status:1")

    assert await ledger.charge(order(ledger, account)) == Refused(word=Word.SUSPENDED)
    assert (await ledger.refund("acme", placed.op, reason="503")).word is Word.DONE


async def test_a_resumed_account_spends_again(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.set_status("acme", Status.SUSPENDED, op="status:1")
    await ledger.set_status("acme", Status.ACTIVE, op="status:2")

    assert isinstance(await ledger.charge(order(ledger, account)), Done)


async def test_an_observed_call_is_written_down_and_takes_nothing(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100)
    outcome = await ledger.charge(order(ledger, account, 500, observe=True))
    entry = (await entries(ledger))[-1]

    assert isinstance(outcome, Done)
    assert outcome.balance.remaining == 100
    assert (entry["kind"], entry["amount"], entry["delta"], entry["quote"]) == ("observed", "500", "0", {"why": 1})
    assert (await stands(ledger)).consumed == 0


async def test_an_observed_call_has_nothing_to_give_back(ledger: RedisLedger) -> None:
    placed = order(ledger, await opened(ledger), 50, observe=True)
    await ledger.charge(placed)
    undone = (await ledger.refund("acme", placed.op, reason="503")).word, (await ledger.void("acme", placed.op)).word

    assert undone == (Word.GONE, Word.DONE)
    assert (await stands(ledger)).remaining == 100


async def test_nobody_charges_an_account_that_is_not_there(ledger: RedisLedger) -> None:
    account = replace(await opened(ledger), id="nobody")

    assert await ledger.charge(order(ledger, account)) == Refused(word=Word.UNKNOWN)
    assert await ledger.statement("nobody") is None
    assert await ledger.find_account("nobody") is None


async def test_two_hundred_at_once_on_a_balance_for_fifty(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=500)
    outcomes = await asyncio.gather(*(ledger.charge(order(ledger, account, 10)) for _ in range(200)))

    assert [sum(isinstance(one, kind) for one in outcomes) for kind in (Done, Short)] == [50, 150]
    assert (await stands(ledger)).remaining == 0


async def test_a_statement_adds_up(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100, overage=20)
    await ledger.grant("acme", lot("a", 50))
    await charged(ledger, account, 60, "chat")
    await charged(ledger, account, 7, "users.list")
    await ledger.revoke("acme", "a", op="revoke:1")
    one = await stands(ledger)
    life = one.lifetime

    assert (one.granted, one.consumed, one.reserved, one.remaining) == (100, 67, 0, 33)
    assert one.used == {"chat": 60, "users.list": 7}
    assert life["granted"] == one.remaining + life["held"] + life["spent"] + life["expired"] + life["revoked"]


async def test_every_change_writes_one_entry(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await ledger.grant("acme", lot("a", 50))
    placed = await charged(ledger, account)
    await ledger.refund("acme", placed.op, reason="503")
    await ledger.revoke("acme", "a", op="revoke:1")
    await ledger.set_terms("acme", terms(7), op="terms:1")
    await ledger.set_status("acme", Status.SUSPENDED, op="status:1")

    assert await kinds(ledger) == ["open", "grant", "charge", "refund", "revoke", "terms", "status"]


async def test_an_entry_of_a_charge_holds_what_it_took_and_its_quote(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100)
    placed = await charged(ledger, account, 30)
    entry = (await entries(ledger))[-1]

    assert entry == {
        "kind": "charge",
        "account": "acme",
        "op": placed.op,
        "operation": "chat",
        "amount": "30",
        "taken": f"period:{account.period.start}=30",
        "overage": "0",
        "delta": "-30",
        "after": "70",
        "at": entry["at"],
        "period": account.period.start,
        "quote": {"why": 1},
    }


async def test_a_page_of_accounts_leads_to_the_next(ledger: RedisLedger) -> None:
    names = {f"org{number}/team" for number in range(7)}
    for name in names:
        await opened(ledger, name)
    cursor, found = await ledger.accounts("", count=3)
    while cursor:
        cursor, page = await ledger.accounts(cursor, count=3)
        found += page

    assert sorted(found) == sorted(names)


async def test_a_store_with_another_number_of_shards_is_refused(any_store_url: str) -> None:
    async with open_line(any_store_url) as line:
        await RedisLedger.open(line, shards=256)

        with pytest.raises(WrongStore, match="256 shards, and this is for format 1 and 4096 shards"):
            await RedisLedger.open(line, shards=4096)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="nothing"),
        pytest.param("a" * 65, id="too long"),
        pytest.param("a/b/c/d/e", id="too deep"),
        pytest.param("a//b", id="an empty part"),
        pytest.param("{x}", id="a hash tag"),
        pytest.param("a b", id="a space"),
        pytest.param("a\x00", id="a NUL"),
        pytest.param("ä", id="not ASCII"),
        pytest.param("a\n", id="a line feed"),
        pytest.param('a"', id="a quote"),
        pytest.param("a|b", id="a separator of ours"),
    ],
)
async def test_a_name_that_could_break_a_key_is_refused(ledger: RedisLedger, name: str) -> None:
    with pytest.raises(BadName, match="can't name an account"):
        await ledger.open_account(name, terms(), op="open:1")


async def test_a_plan_that_never_resets_gets_an_end_with_other_terms(ledger: RedisLedger) -> None:
    await ledger.open_account("acme", terms(100, period=PeriodUnit.NONE), op="open:1")
    await ledger.set_terms("acme", terms(100, period=PeriodUnit.MONTH), op="terms:1")
    account = await ledger.find_account("acme")

    assert account is not None
    assert account.period.end is not None
    assert list(await left(ledger)) == [f"period:{account.period.start}"]


async def test_a_refund_that_came_in_between_is_seen_by_the_step_itself(ledger: RedisLedger) -> None:
    placed = await charged(ledger, await opened(ledger), 50)
    entry, text = (await ledger.entries(ledger.shard_of("acme")))[-1]
    told = history.charged(entry, text)
    assert told is not None
    await ledger.refund("acme", placed.op, reason="503")
    undone = await ledger._undo_entry(told, op="refunds:1", reason="sorry", amount=None, kind="refund")

    assert (undone.word, undone.amount) == (Word.REPEAT, 0)
