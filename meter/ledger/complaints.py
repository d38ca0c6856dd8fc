"""What the store says when it cannot, as sentences that name the fix."""

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)

from meter.ledger.deadline import Deadline
from meter.ledger.promise import LedgerUnavailable

_REFUSALS = (
    (OutOfMemoryError, "it is full; raise its maxmemory, or export and trim the ledger"),
    (ReadOnlyError, "it is a replica; connect to its primary"),
    (BusyLoadingError, "it is still loading its data; wait until it is ready"),
    (NoPermissionError, "its user may not run this; allow EVALSHA, EVAL and the commands of the scripts"),
    (AuthenticationError, "it asks for another password; put the right one into its URL"),
    (MasterDownError, "it is a replica without its primary; connect to the primary"),
    (ClusterDownError, "its cluster is down; bring its nodes back"),
)

_WORDS = (
    ("MISCONF", "it can't write to its disk; give the disk room"),
    ("BUSY", "another script keeps it busy; look who else uses it"),
    ("NOREPLICAS", "too few replicas are in reach; bring them back"),
    ("BADARG", "it refused an argument"),
    ("BADSTATE", "its books can't be read; run `meter audit`"),
)
"""How an error begins that has no class of its own; a script answers it before it has written anything."""


class NoAnswer(LedgerUnavailable):
    """The store said nothing: it was not reached, or its reply did not come. Five in a row open the breaker."""


class NoReply(NoAnswer):
    """A step was written, and the reply to a write did not come: it may be asked again, with the same id."""

    def __init__(self, message: str) -> None:
        super().__init__(message, fate_unknown=True)


class NotAsked(LedgerUnavailable):
    """The store has been silent for a while, so it was not even asked."""

    def __init__(self, silence: str) -> None:
        super().__init__(f"{silence} It was not asked this time.", fate_unknown=False)


class Elsewhere(LedgerUnavailable):
    """A node of a cluster has not the keys, or not all of them, and did nothing."""

    def __init__(self, message: str, error: RedisError, *, fate_unknown: bool) -> None:
        super().__init__(message, fate_unknown=fate_unknown)
        self.error = error
        """Where they are: ``MovedError``, ``AskError``, or, where nobody has all of them, ``TryAgainError``."""


def complaint(error: RedisError, deadline: Deadline) -> LedgerUnavailable:
    """Say what an error reply means, and whether the step may have been done: by this write, or by an earlier one."""
    said = str(error)
    if isinstance(error, MovedError | AskError | TryAgainError):
        message = f"The store is a node of a cluster; say ?cluster=true in its URL. ({said})"
        return Elsewhere(message, error, fate_unknown=deadline.in_doubt)
    for kind, meaning in _REFUSALS:
        if isinstance(error, kind):
            return _not_done(f"The store refused a step: {meaning}. ({said})", deadline)
    for word, meaning in _WORDS:
        if said.startswith(word):
            return _not_done(f"The store refused a step: {meaning}. ({said})", deadline)
    if said.startswith("WRONGTYPE"):
        message = f"A key of the ledger holds something else; keep other programs out of its names. ({said})"
        return _not_done(message, deadline)
    return LedgerUnavailable(f"A step failed inside the store. ({said})", fate_unknown=True)


def not_reached(why: str, deadline: Deadline) -> LedgerUnavailable:
    """Say that this time nothing was written."""
    message = f"The store can't be reached: {why}."
    return NoReply(message) if deadline.in_doubt else NoAnswer(message, fate_unknown=False)


def lost(why: str) -> NoReply:
    """Say that a step was written, and its reply did not come."""
    return NoReply(f"The store did not answer: {why}.")


def unshared(have: int, declared: int) -> LedgerUnavailable:
    """Say that a step was done, and too few replicas have it: a failover may undo it."""
    message = f"{have} of {declared} replicas have what the store did; bring the others back, or declare fewer."
    return LedgerUnavailable(message, fate_unknown=True)


def _not_done(message: str, deadline: Deadline) -> LedgerUnavailable:
    """Say that a step was not done this time; an earlier time, it may have been."""
    return NoReply(message) if deadline.in_doubt else LedgerUnavailable(message, fate_unknown=False)
