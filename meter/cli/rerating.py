"""One entry's price once more, as JSON and for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Raw

from meter.cli.ends import Refusal
from meter.cli.printing import show
from meter.gateway.account_view import JsonObject
from meter.ledger.audit.explained import PRICED, ReRated, re_rated
from meter.ledger.audit.finding import shown
from meter.ledger.audit.lookup import Found
from meter.pricing.record import retold


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """An entry, and its price once more."""

    found: Found
    rated: ReRated
    trace: tuple[str, ...]

    def as_object(self) -> JsonObject:
        """Shape it for scripts, with exact numbers."""
        entry, rated = self.found.entry, self.rated
        return {
            "entry": self.found.id,
            "shard": self.found.shard,
            "where": self.found.where,
            "account": entry.account,
            "kind": entry.kind,
            "op": entry.op,
            "operation": entry.operation,
            "charged": Raw(shown(rated.charged).encode()),
            "recorded": Raw(shown(rated.recorded).encode()),
            "again": Raw(shown(rated.again).encode()),
            "ceiling": rated.at_most,
            "equal": rated.equal,
            "trace": self.trace,
            "record": entry.quote,
        }


def again(stream_id: str, found: Sequence[Found]) -> Again:
    """Price the one entry that was found once more.

    Raises:
        Refusal: there is none, or more than one, or it has no price.
    """
    if not found:
        raise Refusal(f"There is no entry {stream_id} in the store or in the files; give their folder with --from.")
    if len(found) > 1:
        accounts = " or ".join(f"--account {one.entry.account}" for one in found)
        raise Refusal(f"There are {len(found)} entries {stream_id}, in different shards; say which: {accounts}")
    (one,) = found
    try:
        rated = re_rated(one.entry)
        trace = () if rated is None else retold(bytes(one.entry.quote).decode())
    except ValueError as error:
        raise Refusal(f"The record of entry {stream_id} can't be priced: {error}.") from error
    if rated is None:
        raise Refusal(
            f"Entry {stream_id} is a `{one.entry.kind}` without a price; those have one: {', '.join(PRICED)}."
        )
    return Again(found=one, rated=rated, trace=trace)


def show_again(again: Again) -> None:
    """Print it for people."""
    entry, rated = again.found.entry, again.rated
    show(f"Entry {again.found.id} of account {entry.account!r}: `{entry.kind}` of {entry.operation}.")
    for step in again.trace:
        show(f"  {step}")
    what = "Holds" if rated.at_most else "Charged"
    numbers = f"{what} {shown(rated.charged)}, recorded {shown(rated.recorded)}, priced again {shown(rated.again)}"
    show(f"{numbers}: {'as it should be' if rated.equal else 'NOT as it should be'}.")
