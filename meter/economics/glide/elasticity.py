"""What a price does to use, from cohorts that paid different prices in the same month: an estimate, with its error.

The model is log(volume) = elasticity × log(price) + account + month: what is lasting of an account, and what a month
does to all, is taken out, so only differences between cohorts within a month are left. It is the two-way fixed effects
regression (Wooldridge, Econometric Analysis, 10.5; its errors clustered by account: Liang and Zeger, 1986).
With effects that grow over time or differ much between cohorts it is a weighted mean of them, and may mislead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from meter.economics.exact import EconomicsError

ACCOUNTS_MIN = 3
"""Errors that are clustered by fewer say nothing."""
SPREAD_MIN = 1e-9
"""Log prices that differ by less, once accounts and months are taken out, do not differ."""
NORMAL_95 = 1.959964
"""Of the standard normal distribution, 97.5 % lie below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one account used in one month, at which price."""

    account: str
    month: str
    volume: float
    """Calls, above zero."""
    price: float
    """Credits a call, above zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticity:
    """How many percent one percent of price adds to use: an estimate; below zero, use falls."""

    estimate: float
    error: float
    """Its standard error, clustered by account."""
    accounts: int
    months: int

    @property
    def bounds(self) -> tuple[float, float]:
        """Within them it lies in 95 % of cases, where there are many accounts."""
        return self.estimate - NORMAL_95 * self.error, self.estimate + NORMAL_95 * self.error


def elasticity(observed: Sequence[Observed]) -> Elasticity:
    """Estimate it from a table of accounts by months.

    Raises:
        EconomicsError: a volume or a price is not above zero, there are too few accounts, an account has no row or two
            in a month, or all accounts changed at once: then nothing tells the price from the month.
    """
    _check(observed)
    accounts, months = sorted({one.account for one in observed}), sorted({one.month for one in observed})
    use, price = (_table(observed, accounts, months, value) for value in ("volume", "price"))
    if float(np.sum(price**2)) < SPREAD_MIN * price.size:
        raise EconomicsError(
            "In every month all accounts paid the same, or it changed for all at once: nothing tells what the price "
            "does from what the month does; use months in which some cohorts had started and others had not."
        )
    solved, *_ = np.linalg.lstsq(price.reshape(-1, 1), use.reshape(-1), rcond=None)
    estimate = float(solved[0])
    return Elasticity(
        estimate=estimate, error=_error(price, use - estimate * price), accounts=len(accounts), months=len(months)
    )


def _check(observed: Sequence[Observed]) -> None:
    for one in observed:
        if one.volume <= 0 or one.price <= 0:
            raise EconomicsError(
                f"{one.account} used {one.volume:g} calls at {one.price:g} in month {one.month}; a logarithm needs "
                "both above 0: leave accounts out that stopped calling, and count them apart."
            )
    accounts = {one.account for one in observed}
    if len(accounts) < ACCOUNTS_MIN:
        raise EconomicsError(f"{len(accounts)} accounts are too few to estimate from; {ACCOUNTS_MIN} are the least.")
    cells = {(one.account, one.month) for one in observed}
    if len(cells) != len(observed) or len(cells) != len(accounts) * len({one.month for one in observed}):
        raise EconomicsError("Every account needs one row in every month; leave out whom some months lack.")


def _table(
    observed: Sequence[Observed], accounts: Sequence[str], months: Sequence[str], value: str
) -> NDArray[np.float64]:
    """The logarithms of a value, account by month, with the means of both taken out."""
    rows, columns = {name: at for at, name in enumerate(accounts)}, {month: at for at, month in enumerate(months)}
    table = np.zeros((len(accounts), len(months)))
    for one in observed:
        table[rows[one.account], columns[one.month]] = log(getattr(one, value))
    without = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + table.mean()
    return np.asarray(without, dtype=np.float64)


def _error(price: NDArray[np.float64], rest: NDArray[np.float64]) -> float:
    """The standard error, clustered by account, with the usual correction for how many there are."""
    clusters = len(price)
    scores = np.sum(price * rest, axis=1)
    return sqrt(float(np.sum(scores**2)) * clusters / (clusters - 1)) / float(np.sum(price**2))
