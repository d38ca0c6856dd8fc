"""What a ledger promises, and every word that it can answer.

Expected ends are values; ``LedgerUnavailable`` is the one exception a caller must expect. The engine of
``engine.py`` and the model in the tests both keep this promise, and one suite checks them against each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from meter.credits import ZERO, Credits
from meter.ledger.limits import Level, Limits, Reached
from meter.pricing.allotment import Proration, Renewal
from meter.pricing.terms import Period, Terms


class LedgerError(Exception):
    """Base of what the ledger raises."""


class LedgerUnavailable(LedgerError):
    """The store did not answer, or answered that it cannot; the message says which.

    ``fate_unknown`` tells whether the step may have been done: then somebody must ``void`` its operation.
    """

    def __init__(self, message: str, *, fate_unknown: bool) -> None:
        super().__init__(message)
        self.fate_unknown = fate_unknown


class Word(StrEnum):
    """The words that cross from the scripts."""

    DONE = "done"
    REPEAT = "repeat"
    CONFLICT = "conflict"
    SHORT = "short"
    CAPPED = "capped"
    STALE = "stale"
    LAPSED = "lapsed"
    UNKNOWN = "unknown"
    SUSPENDED = "suspended"
    LATE = "late"
    VOIDED = "voided"
    GONE = "gone"
    RUNNING = "running"
    BARRED = "barred"


class GrantKind(StrEnum):
    """What a grant was given for."""

    INCLUDED = "included"
    TRIAL = "trial"
    PROMO = "promo"
    PURCHASED = "purchased"
    ROLLOVER = "rollover"
    ADJUSTMENT = "adjustment"


class Status(StrEnum):
    """Whether an account may spend."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a worker knows of an account; it prices with this and the ledger says when it is out of date."""

    id: str
    terms: Terms
    revision: int
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A charge at a fixed price."""

    op: str
    """The operation id, from ``ids.operation_id``."""
    account: Account
    amount: Credits
    operation: str
    """What is charged for: the name in the policy."""
    quote: str
    """The quote's record: one JSON object, kept in the entry."""
    key_hash: str | None = None
    """The SHA-256 of the API key that the call came with, in hex: checked in the very step that charges."""
    observe: bool = False
    """Write an ``observed`` entry, take nothing."""
    member: Account | None = None
    """Who calls, where that is a member for which the account pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an answer tells of an account, read in the step that changed it."""

    remaining: Credits
    """What this operation could still draw, overage included."""
    granted: Credits
    """What could be spent in this period."""
    reset_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The charge is in the books."""

    op: str
    balance: Balance
    now: int
    """The server's Unix second."""
    repeat: bool = False
    """It was already there: this is its receipt again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """Not enough credits; nothing was taken."""

    required: Credits
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Capped:
    """A limit would have been passed; nothing was taken."""

    required: Credits
    reached: Reached
    balance: Balance
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The terms that priced the call are out of date, or its period is over: price again with these."""

    account: Account
    now: int
    lapsed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing was taken, for a reason that is one word.

    ``unknown``: no such account, or the key is not its key (any more); ``suspended``; ``conflict``: the id was used
    for another order; ``late``: the id is too old to be told apart from a forgotten one; ``voided``: it was undone
    before it arrived; ``barred``: the key is not for this operation.
    """

    word: Word


ChargeOutcome = Done | Short | Capped | Stale | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """A refund or a void: what came back."""

    word: Word
    """``done``; ``repeat``; ``gone``: nothing of that name to undo; ``unknown``: no such account; ``capped``: the
    account would hold more than an amount can be. A refund of an entry also ``conflict``, ``late``: as for a charge."""
    amount: Credits = ZERO
    balance: Balance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A lot of credits."""

    id: str
    kind: GrantKind
    amount: Credits
    priority: int = 50
    """0 to 100; the lowest is burnt first."""
    expires_at: int | None = None
    scope: frozenset[str] = frozenset()
    """Operations that it pays for; empty pays for all."""
    cost_basis: Credits = ZERO
    """Money paid per credit, in millionths; breaks ties in the burn order."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveGrant:
    """A grant with what is left of it."""

    grant: Grant
    remaining: Credits
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An account as it stands at one moment of the server's clock."""

    account: Account
    status: Status
    granted: Credits
    consumed: Credits
    reserved: Credits
    remaining: Credits
    """Of grants alone: granted = consumed + reserved + remaining."""
    overage: Credits
    grants: tuple[LiveGrant, ...]
    used: Mapping[str, Credits] = field(default_factory=dict)
    """This period's use by operation."""
    lifetime: Mapping[str, int] = field(default_factory=dict)
    """Micro-credits since the beginning: granted, spent, expired, revoked, held; granted = remaining + all others."""
    as_of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """An API key as it is stored: by its hash alone."""

    key_hash: str
    account: str
    created_at: int
    expires_at: int | None
    revoked: bool
    hint: str
    """The first characters, enough to tell keys apart."""
    operations: tuple[str, ...] = ()
    """What it is for, such as ``image.*``; empty is for all."""
    level: str = ""
    """Where it is counted: by its own hash, or by that of the key that it was first rotated from."""


class Ledger(Protocol):
    """The books of every account.

    Every method may raise ``LedgerUnavailable``, ``BadName`` of ``names.py`` where it is given a name that the ledger
    can't take, and nothing else. Every method that changes the books takes an id and may be repeated with it: it then
    answers ``repeat`` and changes nothing.
    """

    def now(self) -> int:
        """The store's Unix second, as far as the last reply tells: operation ids are born by this clock."""
        ...

    def shard_of(self, account: str) -> int:
        """The shard of an account: a new API key begins with it."""
        ...

    async def charge(self, order: Order) -> ChargeOutcome:
        """Take a fixed price, in one trip, all or nothing."""
        ...

    async def refund(self, account: str, op: str, *, reason: str, keep: Credits = ZERO) -> Undone:
        """Give a charge back, but for what is kept of it, to the grants that it came from; once."""
        ...

    async def refund_entry(
        self, entry: str, *, account: str, op: str, reason: str, amount: Credits | None = None
    ) -> Undone:
        """Give back all or a part of the charge that an entry of the last 90 days records, however old its record."""
        ...

    async def void(self, account: str, op: str) -> Undone:
        """Undo an operation of unknown fate: refund it if it was done, else see that it never will be."""
        ...

    async def open_account(self, account: str, terms: Terms, *, op: str) -> tuple[Word, Account]:
        """Open an account with its first period's grant, and its trial; ``repeat`` where it exists already."""
        ...

    async def renew(self, account: Account, renewal: Renewal, *, op: str) -> Account:
        """Begin a new period, unless somebody did so already; either way, the account as it is now."""
        ...

    async def grant(self, account: str, grant: Grant) -> tuple[Word, Balance | None]:
        """Add a lot of credits; its id makes it happen once.

        ``unknown``; ``conflict``: its id was used for other facts; ``capped``: too many live grants, or credits;
        ``late``: it has expired already. The balance, after ``done`` and ``repeat``, is what all grants hold together.
        """
        ...

    async def revoke(self, account: str, grant_id: str, *, op: str) -> Undone:
        """Take back what is left of a grant."""
        ...

    async def set_terms(self, account: str, terms: Terms, *, op: str, proration: Proration | None = None) -> Word:
        """Change an account's terms, from the next charge on.

        Its period runs on, and what the new terms include comes with the next one; or, with a proration, at once.
        Then also ``stale``: it was reckoned by other terms, or in another period; ``lapsed``: the period is over.
        """
        ...

    async def set_status(self, account: str, status: Status, *, op: str) -> Word:
        """Suspend or resume an account."""
        ...

    async def set_limits(self, account: str, limits: Limits, *, op: str, key_hash: str | None = None) -> Word:
        """Set or take away what may be drawn at an account, or by an API key of it, from the next charge on."""
        ...

    async def levels(self, account: str) -> tuple[Level, ...]:
        """All levels that have limits, of the account's root and of all below it, keys last."""
        ...

    async def statement(self, account: str) -> Statement | None:
        """Balance, grants and this period's use; None where there is no such account."""
        ...

    async def find_account(self, account: str) -> Account | None:
        """What pricing needs of an account."""
        ...

    async def create_key(
        self,
        account: str,
        *,
        key_hash: str,
        hint: str,
        expires_at: int | None,
        op: str,
        operations: Sequence[str] = (),
    ) -> Word:
        """Store a key's hash in its account's slot.

        ``operations`` are names, or beginnings of names with a ``*`` after them; without any, it is for all.
        """
        ...

    async def rotate_key(
        self, account: str, key_hash: str, *, new_hash: str, hint: str, overlap_seconds: int, op: str
    ) -> Word:
        """Put a new key in the place of one, which lives on for some seconds; both are one to every limit.

        ``unknown``: it is not a key of the account (any more); ``conflict``: the new one is somebody's already.
        """
        ...

    async def revoke_key(self, shard: int, key_hash: str, *, op: str) -> Word:
        """Make a key unknown from the next charge on."""
        ...

    async def find_key(self, shard: int, key_hash: str) -> KeyRecord | None:
        """The record of a key: a hint only; the charge decides."""
        ...

    async def keys_of(self, account: str) -> tuple[KeyRecord, ...]:
        """All keys of an account."""
        ...

    async def accounts(self, cursor: str, *, count: int) -> tuple[str, tuple[str, ...]]:
        """A page of account ids and the cursor of the next; an empty cursor begins, and ends."""
        ...
