"""The accounts that may be served while the store is away: those that called of late, by the keys that the ledger took.

Pure: the time is an argument. A key that the ledger refused since is not served.
"""

from dataclasses import dataclass, field

from meter.ledger.leasing import LEASE_SECONDS
from meter.ledger.promise import Balance, Order
from meter.ledger.reserve.fund import Fund
from meter.policy.model import Outage, OutageKind

SPEND_SECONDS = LEASE_SECONDS - 600
"""So long after a lease was asked for it may be spent: it ends well before the ledger takes it for abandoned."""
RENEW_SECONDS = 600
IDLE_SECONDS = 1200
"""The lease of an account that has not called for so long is returned."""
REST_SECONDS = 60
"""So long after an account could not spare a lease it is not asked for one again."""
CUSTOMERS_MAX = 10_000


@dataclass(eq=False, slots=True, kw_only=True)
class Customer:
    """One account, as this process knows it; times are of a monotonic clock."""

    account: str
    outage: Outage
    keys: set[str | None] = field(default_factory=set)
    """The hashes of its keys that the ledger took; None where the app vouches for it."""
    balance: Balance
    called_at: float
    lease: Fund | None = None
    asked_at: float | None = None
    """When its lease was asked for, or renewed; None while nobody knows whether it is taken."""
    tab: Fund | None = None
    """Calls that are to be charged late."""
    leaves: bool = False
    """Its lease is to be returned."""
    rests_until: float = 0.0

    def called(self, order: Order, balance: Balance, outage: Outage, now: float) -> None:
        """Note a call that the ledger took."""
        self.keys.add(order.key_hash)
        self.balance, self.outage, self.called_at = balance, outage, now

    def wants_lease(self, now: float) -> bool:
        """Whether a lease is to be taken for it."""
        return self.lease is None and now >= self.rests_until

    def lease_at(self, now: float) -> Fund | None:
        """What it may spend now."""
        if self.leaves or self.asked_at is None or now >= self.asked_at + SPEND_SECONDS:
            return None
        return self.lease

    def can_be_served(self, now: float) -> bool:
        """Whether a call of it could be served if the store were away now."""
        return self.outage.kind is OutageKind.SERVE or self.lease_at(now) is not None

    def is_to_renew(self, now: float) -> bool:
        """Whether its lease is to live on."""
        return not self.leaves and self.asked_at is not None and now >= self.asked_at + RENEW_SECONDS

    def is_to_return(self, now: float) -> bool:
        """Whether its lease goes back: it was asked for, or spent, or nobody has called for long.

        The last is found by calls, which the ledger may not have answered: so it must have renewed the lease.
        """
        if self.lease is None or self.asked_at is None or not self.lease.is_quiet:
            return False
        is_idle = now >= self.called_at + IDLE_SECONDS and not self.is_to_renew(now)
        return self.leaves or self.lease.seq > 0 or is_idle

    def returned(self, now: float) -> None:
        """Note that it has no lease any more; where it could not spare one, it has none for a while."""
        if self.leaves:
            self.rests_until = now + REST_SECONDS
        self.lease, self.asked_at, self.leaves = None, None, False

    def is_forgotten(self, now: float) -> bool:
        """Whether it has not called for long, and nothing of it is left."""
        return self.lease is None and self.tab is None and now >= self.called_at + IDLE_SECONDS
