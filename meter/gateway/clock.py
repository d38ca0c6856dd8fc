"""The pricing clock: the minute that a price is decided by. The ledger's clock is the store's, and never this one."""

import time
from datetime import UTC, datetime


class PricingClock:
    """The present minute, or the moment that a drill has fixed."""

    def __init__(self, fixed: datetime | None = None) -> None:
        self.drill = fixed is not None
        self._fixed = fixed
        self._minute = -1
        self._moment = datetime.fromtimestamp(0, UTC)

    def moment(self) -> datetime:
        """The minute that began last, in UTC."""
        if self._fixed is not None:
            return self._fixed
        minute = int(time.time()) // 60
        if minute != self._minute:
            self._minute, self._moment = minute, datetime.fromtimestamp(minute * 60, UTC)
        return self._moment
