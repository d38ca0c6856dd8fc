"""What the store says when it cannot, as sentences that name the fix."""

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)

from meter.ledger.deadline import Deadline
from meter.ledger.promise import LedgerUnavailable

_REFUSALS = (
    (OutOfMemoryError, "it is full; raise its maxmemory, or export and trim the ledger"),
    (ReadOnlyError, "it is a replica; connect to its primary"),
    (BusyLoadingError, "it is still loading its data; wait until it is ready"),
    (NoPermissionError, "its user may not run this; allow EVALSHA, EVAL and the commands of the scripts"),
    (AuthenticationError, "it asks for another password; put the right one into its URL"),
)

_WORDS = (
    ("OOM", "it is full; raise its maxmemory, or export and trim the ledger"),
    ("MISCONF", "it can't write to its disk; give the disk room"),
    ("NOAUTH", "it asks for a password; put it into its URL"),
    ("MASTERDOWN", "it is a replica without its primary; connect to the primary"),
    ("CLUSTERDOWN", "its cluster is down; bring its nodes back"),
    ("MOVED", "it is a node of a cluster; connect to a single server"),
    ("BUSY", "another script keeps it busy; look who else uses it"),
    ("NOREPLICAS", "too few replicas are in reach; bring them back"),
    ("LOADING", "it is still loading its data; wait until it is ready"),
    ("BADARG", "it refused an argument"),
    ("BADSTATE", "its books can't be read; run `meter doctor`"),
)
"""How an error begins that a script answers before it has written anything."""


class NoAnswer(LedgerUnavailable):
    """The store said nothing: it was not reached, or its reply did not come. Five in a row open the breaker."""


class NoReply(NoAnswer):
    """A step was written and no reply came: it may be asked again, with the same id."""

    def __init__(self, message: str) -> None:
        super().__init__(message, fate_unknown=True)


class NotAsked(LedgerUnavailable):
    """The store has been silent for a while, so it was not even asked."""

    def __init__(self, silence: str) -> None:
        super().__init__(f"{silence} It was not asked this time.", fate_unknown=False)


def complaint(error: RedisError) -> LedgerUnavailable:
    """Say what an error reply means, and whether the step may have been done."""
    said = str(error)
    for kind, meaning in _REFUSALS:
        if isinstance(error, kind):
            return LedgerUnavailable(f"The store refused a step: {meaning}. ({said})", fate_unknown=False)
    for word, meaning in _WORDS:
        if said.startswith(word):
            return LedgerUnavailable(f"The store refused a step: {meaning}. ({said})", fate_unknown=False)
    if said.startswith("WRONGTYPE"):
        return LedgerUnavailable(
            f"A key of the ledger holds something else; keep other programs out of its names. ({said})",
            fate_unknown=False,
        )
    return LedgerUnavailable(f"A step failed inside the store. ({said})", fate_unknown=True)


def not_reached(why: str, deadline: Deadline) -> LedgerUnavailable:
    """Say that this time nothing was written."""
    message = f"The store can't be reached: {why}."
    return NoReply(message) if deadline.written else NoAnswer(message, fate_unknown=False)


def lost(why: str) -> NoReply:
    """Say that a step was written, and its reply did not come."""
    return NoReply(f"The store did not answer: {why}.")
