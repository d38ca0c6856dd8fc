"""What one process may spend for one account, and what it has spent: of a lease, or to be charged late.

Pure. It changes by the lines of its journal alone: those that are written now, or those that are read again.
"""

from collections import deque
from collections.abc import Iterable

from meter.credits import ZERO, Credits, from_micro
from meter.ledger.leasing import Posting
from meter.ledger.reserve.lines import Began, Close, Debit, Ended, Line


class Fund:
    """The calls that are served from one lease, or from none."""

    def __init__(self, began: Began) -> None:
        self.began = began
        self.most: Credits = from_micro(began.most)
        """What it holds in all; of a lease, once it is taken, what the ledger gave."""
        self.spent: Credits = ZERO
        """What calls have cost by now, those that run at their full price."""
        self.running: dict[str, Debit] = {}
        """Calls that have not ended, by their operation ids."""
        self.due: deque[Posting] = deque()
        """What is to be posted, in order."""
        self.posted: list[Posting] = []
        self.seq = 0
        """The last number that was given to a call."""
        self.ended = False
        """Whether nothing may be spent any more, for all is posted."""

    @property
    def id(self) -> str:
        """What the ledger and the journal call it."""
        return self.began.fund

    @property
    def account(self) -> str:
        """Who pays."""
        return self.began.account

    @property
    def is_lease(self) -> bool:
        """Whether it is a lease; else its calls are charged late."""
        return self.began.owner != ""

    @property
    def left(self) -> Credits:
        """What can still be spent."""
        return from_micro(self.most - self.spent)

    @property
    def is_quiet(self) -> bool:
        """Whether no call runs, and all that ended are posted."""
        return not self.running and not self.due

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was ever posted from it, nor is to be."""
        return self.is_quiet and not self.seq

    def covers(self, price: Credits, most: Credits) -> bool:
        """Whether a call may be served that costs so much, where so much may be spent in all."""
        return not self.ended and price <= self.left and self.spent + price <= most

    def open(self, debit: Debit) -> Debit:
        """Serve a call."""
        self.spent = from_micro(self.spent + debit.price)
        self.running[debit.op] = debit
        return debit

    def close(self, op: str, amount: Credits, quote: str) -> Close:
        """End a call at what it costs, which is at most its price."""
        debit = self.running[op]
        seq = self.seq + 1 if amount else 0
        close = Close(op=op, seq=seq, amount=amount, quote="" if quote == debit.quote else quote)
        self._close(close)
        return close

    def close_running(self) -> list[Close]:
        """End every call whose worker died."""
        return [self.close(op, from_micro(debit.amount), debit.quote) for op, debit in list(self.running.items())]

    def post(self) -> None:
        """Say that the first of what is due is posted."""
        self.posted.append(self.due.popleft())

    def post_again(self) -> None:
        """Say that the ledger has forgotten: all is due again."""
        self.due.extendleft(reversed(self.posted))
        self.posted.clear()

    def read(self, line: Line) -> None:
        """Do again what a line of the journal says."""
        match line:
            case Debit():
                self.ended = False
                self.open(line)
            case Close(op=op) if op in self.running:
                self._close(line)
            case Ended():
                self.ended = True

    def _close(self, close: Close) -> None:
        debit = self.running.pop(close.op)
        self.spent = from_micro(self.spent - debit.price + close.amount)
        if close.seq:
            self.seq = close.seq
            self.due.append(self._posting(debit, close))

    def _posting(self, debit: Debit, close: Close) -> Posting:
        return Posting(
            account=self.account,
            op=debit.op,
            amount=from_micro(close.amount),
            operation=debit.operation,
            quote=close.quote or debit.quote,
            fund=self.id,
            seq=close.seq,
        )


def funds(lines: Iterable[Line]) -> dict[str, Fund]:
    """What a journal tells of, by name."""
    found: dict[str, Fund] = {}
    owner: dict[str, Fund] = {}
    for line in lines:
        match line:
            case Began(fund=name):
                found[name] = Fund(line)
            case Debit(fund=name, op=op) if name in found:
                owner[op] = found[name]
                found[name].read(line)
            case Close(op=op) if op in owner:
                owner[op].read(line)
            case Ended(fund=name) if name in found:
                found[name].read(line)
    return found
