"""``meter ledger reapply``: what the store has lost, and what became of it when it was charged again."""

from dataclasses import dataclass
from pathlib import Path

from meter.cli.printing import counted, say, show, show_json, show_table
from meter.credits import Credits, text
from meter.gateway.account_view import number
from meter.ledger.engine import RedisLedger
from meter.ledger.reserve.reapply import Kept, State, found, reapply


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found, and done."""

    calls: list[Kept]
    charged: dict[str, Credits | None]
    """What each lost call was charged again, by its operation; None where that failed. Empty where nothing was done."""

    def of(self, state: State) -> list[Kept]:
        """The calls of which so much is known."""
        return [call for call in self.calls if call.state is state]

    @property
    def is_fine(self) -> bool:
        """Whether nothing is left to do that this command could do."""
        lost = self.of(State.LOST)
        return all(self.charged.get(call.posting.op) is not None for call in lost)


async def reapplied(books: RedisLedger, reserve: Path, archive: Path, *, apply: bool) -> Answer:
    """Look for what is lost, and charge it again if it is to be."""
    calls = await found(books, reserve, archive)
    answer = Answer(calls=calls, charged={})
    for call in answer.of(State.LOST) if apply else ():
        answer.charged[call.posting.op] = await reapply(books, call)
    return answer


def show_as_json(answer: Answer) -> None:
    """Print what scripts read."""
    show_json(
        {
            "booked": len(answer.of(State.BOOKED)),
            "covered": len(answer.of(State.COVERED)),
            "unknown": [call.posting.op for call in answer.of(State.UNKNOWN)],
            "lost": [
                {
                    "op": call.posting.op,
                    "account": call.posting.account,
                    "operation": call.posting.operation,
                    "credits": number(call.posting.amount),
                    "charged": _number(answer.charged.get(call.posting.op)),
                }
                for call in answer.of(State.LOST)
            ],
        }
    )


def show_to_people(answer: Answer) -> None:
    """Print a table of what is lost, and a line on all else."""
    lost, unknown = answer.of(State.LOST), answer.of(State.UNKNOWN)
    if lost:
        rows = [
            (
                call.posting.account,
                call.posting.op,
                call.posting.operation,
                text(call.posting.amount),
                _done(answer, call),
            )
            for call in lost
        ]
        show_table("Lost", ("account", "operation id", "operation", "credits", "charged again"), rows)
    booked, covered = len(answer.of(State.BOOKED)), len(answer.of(State.COVERED))
    show(
        f"{counted(len(lost), 'call')} lost, {booked} in the books, {covered} paid for by their leases, "
        f"{len(unknown)} of which nobody knows."
    )
    if lost and not answer.charged:
        say("Nothing was charged; --apply charges what is lost.")
    if unknown:
        say("The store was trimmed, and the archive has no entries of that time; name the right one with --from.")


def _done(answer: Answer, call: Kept) -> str:
    if not answer.charged:
        return ""
    charged = answer.charged[call.posting.op]
    return "failed" if charged is None else text(charged)


def _number(amount: Credits | None) -> object:
    return None if amount is None else number(amount)
