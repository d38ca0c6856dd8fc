"""What may be spent, in which order it is posted, and that a journal that is read again tells the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.credits import Credits
from meter.ledger.reserve.fund import Fund, funds
from meter.ledger.reserve.lines import Began, Close, Debit, Ended, Line, NoLine, read, text

MOST = Credits(100)
BEGAN = Began(fund="lease-1", account="acme", owner="cafe", most=MOST)


def debit(op: str, price: int = 10, *, killed: int | None = None, fund: str = "lease-1") -> Debit:
    amount = price if killed is None else killed
    return Debit(fund=fund, op=op, operation="chat", price=price, amount=amount, quote='{"q":1}')


def spent(*prices: int) -> Fund:
    fund = Fund(BEGAN)
    for number, price in enumerate(prices):
        fund.open(debit(f"op-{number}", price))
    return fund


@pytest.mark.parametrize(
    ("price", "most", "covered"),
    [
        pytest.param(40, 100, True, id="to the last credit"),
        pytest.param(41, 100, False, id="more than is left"),
        pytest.param(20, 80, True, id="as far as the policy goes"),
        pytest.param(21, 80, False, id="more than the policy allows"),
        pytest.param(0, 60, True, id="nothing"),
    ],
)
def test_a_call_is_covered_by_what_is_left(price: int, most: int, covered: bool) -> None:
    assert spent(60).covers(Credits(price), Credits(most)) is covered


def test_nothing_is_covered_by_a_fund_that_has_ended() -> None:
    fund = Fund(BEGAN)
    fund.ended = True

    assert not fund.covers(Credits(1), MOST)


def test_what_a_call_does_not_cost_in_the_end_can_be_spent_again() -> None:
    fund = spent(60)
    fund.close("op-0", Credits(20), '{"q":1}')

    assert fund.left == 80
    assert fund.covers(Credits(80), MOST)


def test_calls_are_numbered_as_they_end_and_those_that_cost_nothing_are_not() -> None:
    fund = spent(10, 20, 30)
    closes = [fund.close("op-2", Credits(30), '{"q":1}'), fund.close("op-0", Credits(0), '{"q":2}')]
    closes.append(fund.close("op-1", Credits(5), '{"q":3}'))

    assert [close.seq for close in closes] == [1, 0, 2]
    assert [close.quote for close in closes] == ["", '{"q":2}', '{"q":3}']
    assert [(one.op, one.seq, one.amount, one.quote) for one in fund.due] == [
        ("op-2", 1, 30, '{"q":1}'),
        ("op-1", 2, 5, '{"q":3}'),
    ]


def test_a_call_whose_worker_died_costs_what_was_said_of_that() -> None:
    fund = Fund(BEGAN)
    for line in (debit("op-1"), debit("op-2", 20, killed=0), debit("op-3", 30, killed=3)):
        fund.open(line)
    fund.close_running()

    assert [(one.op, one.amount) for one in fund.due] == [("op-1", 10), ("op-3", 3)]
    assert fund.left == 87


def test_what_the_store_forgot_is_due_again_in_its_order() -> None:
    fund = spent(10, 20, 30)
    for op in ("op-0", "op-1", "op-2"):
        fund.close(op, Credits(5), "{}")
    fund.post()
    fund.post()
    fund.post_again()

    assert [one.seq for one in fund.due] == [1, 2, 3]
    assert fund.posted == []


def test_a_journal_that_goes_on_after_an_end_has_not_ended() -> None:
    found = funds([BEGAN, debit("op-1"), Ended(fund="lease-1"), debit("op-2")])

    assert not found["lease-1"].ended


def test_lines_of_what_never_began_are_passed_over() -> None:
    found = funds([debit("op-1", fund="x"), Close(op="op-1", seq=1, amount=1, quote=""), Ended(fund="x"), BEGAN])

    assert list(found) == ["lease-1"]


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"kind":"began"}', b'{"kind":"x"}', b'{"kind":"ended","fund":1}', b"\xff"]
)
def test_what_is_no_line_is_named(line: bytes) -> None:
    with pytest.raises(NoLine, match="is no line of a journal"):
        read(line)


@given(st.data())
def test_a_journal_tells_whoever_reads_it_what_its_writer_knew(data: st.DataObject) -> None:
    """Whatever happened, in whatever order: the file alone says what is left to do."""
    fund, lines, running = Fund(BEGAN), [BEGAN], 0
    for number in range(data.draw(st.integers(0, 20))):
        if fund.running and data.draw(st.booleans()):
            op = data.draw(st.sampled_from(sorted(fund.running)))
            amount = data.draw(st.integers(0, fund.running[op].price))
            lines.append(fund.close(op, Credits(amount), data.draw(st.sampled_from(['{"q":1}', '{"q":2}']))))
        else:
            price = data.draw(st.integers(0, 30))
            if fund.covers(Credits(price), MOST):
                lines.append(fund.open(debit(f"op-{number}", price)))
                running += 1
    again = funds(_through_a_file(lines))["lease-1"]

    assert 0 <= fund.left <= MOST
    assert (again.spent, again.running, list(again.due), again.seq) == (
        fund.spent,
        fund.running,
        list(fund.due),
        fund.seq,
    )
    assert [one.seq for one in fund.due] == list(range(1, fund.seq + 1))
    assert sum(one.amount for one in fund.due) + sum(one.price for one in fund.running.values()) == fund.spent


def _through_a_file(lines: list[Line]) -> list[Line]:
    return [read(line) for line in text(lines).splitlines()]
