"""What ``meter plans suggest`` works out: the numbers that it was given, measured against the policy's plans."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from meter.cli.ends import Refusal
from meter.economics.bundles.findings import Finding, findings
from meter.economics.bundles.methods import Basket, Competitor
from meter.economics.bundles.plans import Offers, offers
from meter.economics.bundles.suggest import Bundles, Market, suggest
from meter.policy.model import Policy
from meter.sheets import bundles as sheets
from meter.sheets.left_out import LeftOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command was given."""

    cost: Fraction | str
    """Money for the work of a credit, or the file of a table of operations."""
    list_price: Fraction | None
    target: Fraction
    share: Fraction
    use: Path | None
    competitors: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is shown."""

    bundles: Bundles
    market: Market
    offers: Offers
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...]
    """What can't be had, each in a sentence with its reason."""


def reported(asked: Asked, policy: Policy) -> Report:
    """Read the files, compare the plans.

    Raises:
        SheetError: a file can't be used.
        EconomicsError: there is no plan that is sold.
        Refusal: competitors can't be compared, since there is no basket.
    """
    left_out = LeftOut()
    offered = offers(policy, asked.list_price)
    market = _market(asked, policy, offered, left_out)
    bundles = suggest(offered.paid, offered.free, market)
    return Report(
        bundles=bundles,
        market=market,
        offers=offered,
        findings=findings(bundles, market),
        left_out=(*offered.left_out, *_missing(asked, market, bundles), *_uncounted(left_out)),
    )


def _market(asked: Asked, policy: Policy, offered: Offers, left_out: LeftOut) -> Market:
    costs = _costs(asked.cost, policy)
    use = sheets.observed_use(asked.use, policy, left_out) if asked.use else None
    basket = costs.basket if costs.basket.volumes or use is None else use.basket
    return Market(
        cost=costs.per_credit,
        target=asked.target,
        list_price=asked.list_price,
        share=asked.share,
        use=use,
        competitors=_competitors(asked.competitors, basket),
        basket=basket,
        prices=costs.prices or sheets.policy_prices(policy, basket),
        tiers=offered.tiers,
    )


def _costs(cost: Fraction | str, policy: Policy) -> sheets.Costs:
    if isinstance(cost, str):
        return sheets.costs(Path(cost), policy)
    return sheets.Costs(per_credit=cost, prices={}, basket=Basket())


def _competitors(path: Path | None, basket: Basket) -> tuple[Competitor, ...]:
    if path is None:
        return ()
    if not basket.volumes:
        raise Refusal(
            f"{path}: offers are compared by the calls of a basket, and there is none; give --cost a table of "
            "operations with their volume, or --use a file of calls."
        )
    return sheets.competitors(path, basket)


def _missing(asked: Asked, market: Market, bundles: Bundles) -> Iterator[str]:
    """What is left out for want of a number."""
    if asked.list_price is None:
        yield "Without --price there is no list price: what a plan's price buys at list, and its discount are left out."
    if asked.use is None:
        yield "Without --use there is no observed use: the use-case anchor can't be had, and is left out."
    if asked.competitors is None:
        yield "Without --competitors there are no offers to compare with: competitive parity is left out."
    for plan in bundles.plans:
        if market.use is not None and plan.anchor is None:
            yield f"No account on {plan.offer.name} was observed: its use-case anchor is left out."
        if plan.offer.overage is None:
            yield f"{plan.offer.name} has no price for credits beyond: its break-evens are left out."


def _uncounted(left_out: LeftOut) -> Iterator[str]:
    yield from left_out.first
    if left_out.count > len(left_out.first):
        yield f"{left_out.count - len(left_out.first)} more were left out."
