"""What accounts were seen to use in a period each, and what that says of a plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from meter.economics.bundles.methods import Basket, quantile

QUANTILES = (Fraction(1, 2), Fraction(3, 4), Fraction(9, 10))
"""Those that are always shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The observed use that a plan is laid out for."""

    seen: int
    """Periods of accounts."""
    mean: Fraction
    quantiles: Mapping[Fraction, Fraction]
    """Credits by share, ascending."""
    credits: Fraction
    """At the quantile that the plan should cover."""
    covered: Fraction
    """The share of them that what the plan includes covers now."""
    everyone: bool
    """Whether they are those of all accounts, since nothing says which plan they are on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Credits that were used, one number a period of an account, by plan."""

    by_plan: Mapping[str | None, tuple[Fraction, ...]]
    """Under None where nothing says which plan an account was on."""
    basket: Basket = field(default_factory=Basket)
    """How often each operation was called; empty where only sums were observed."""

    def anchor(self, plan: str, included: Fraction, share: Fraction) -> Anchor | None:
        """What a plan should include to cover the use of this share of its accounts; None where none was observed."""
        named = any(name is not None for name in self.by_plan)
        values = self.by_plan.get(plan if named else None, ())
        return _anchor(values, included, share, everyone=not named) if values else None


def collected(seen: Iterable[tuple[str | None, Fraction]], basket: Basket | None = None) -> Use:
    """Gather uses by plan."""
    by_plan: dict[str | None, list[Fraction]] = {}
    for plan, used in seen:
        by_plan.setdefault(plan, []).append(used)
    return Use(by_plan={plan: tuple(used) for plan, used in by_plan.items()}, basket=basket or Basket())


def _anchor(values: tuple[Fraction, ...], included: Fraction, share: Fraction, *, everyone: bool) -> Anchor:
    shares = sorted({*QUANTILES, share})
    return Anchor(
        seen=len(values),
        mean=sum(values, Fraction(0)) / len(values),
        quantiles={one: quantile(values, one) for one in shares},
        credits=quantile(values, share),
        covered=Fraction(sum(used <= included for used in values), len(values)),
        everyone=everyone,
    )
