"""How often an account may ask about itself: a bucket of tokens each, in one worker, bounded in number."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

TOKENS_MAX = 60
"""What an account may ask for at once..."""
TOKENS_PER_SECOND = 10
"""...and how fast that comes back."""
ACCOUNTS_MAX = 10_000
"""So many buckets are remembered; the one that was used longest ago goes, and would be full by now in most cases."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """The buckets of all accounts that asked lately."""

    def __init__(self, *, accounts_max: int = ACCOUNTS_MAX, clock: Callable[[], float] = monotonic) -> None:
        self._accounts_max = accounts_max
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, account: str, tokens: int) -> int:
        """Take tokens from an account's bucket; 0, or in how many whole seconds there will be enough of them."""
        now = self._clock()
        bucket = self._bucket(account, now)
        bucket.tokens = min(TOKENS_MAX, bucket.tokens + (now - bucket.at) * TOKENS_PER_SECOND)
        bucket.at = now
        if bucket.tokens < tokens:
            return int((tokens - bucket.tokens) // TOKENS_PER_SECOND) + 1
        bucket.tokens -= tokens
        return 0

    def _bucket(self, account: str, now: float) -> _Bucket:
        found = self._buckets.get(account)
        if found is None:
            found = self._buckets[account] = _Bucket(TOKENS_MAX, now)
        self._buckets.move_to_end(account)
        if len(self._buckets) > self._accounts_max:
            self._buckets.popitem(last=False)
        return found
