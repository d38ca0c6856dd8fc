"""The credit table: measure, normalise to a base, multiply by value, round to friendly numbers, price the credit.

Each step is a function of its own elsewhere in this folder; here is their order, and who decides what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from meter.economics.exact import EconomicsError
from meter.economics.table.ladders import LADDERS, Ladder
from meter.economics.table.margins import Margin, check_price, check_target, margin, price_from_margin
from meter.economics.table.prices import blended_cost, check_blended, head_price, min_price
from meter.economics.table.rounding import Mode, friendly
from meter.economics.table.units import apply_value, normalise, required_credits
from meter.policy.mistakes import instead, shown

ONE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """An operation as it was measured."""

    operation: str
    cost: Fraction
    """Money a call."""
    value: Fraction = ONE
    """What its raw credits are multiplied by; 0: it is meant to be free."""
    volume: Fraction | None = None
    """Calls a month."""
    title: str | None = None
    place: str = ""
    """Where it stands, ``profile.csv:2``, for whoever has to correct it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What people decide about a table."""

    target: Fraction
    """The margin that is aimed at, as a share."""
    ladder: Ladder = LADDERS["article"]
    mode: Mode = Mode.NEAREST_LOG
    base: str | None = None
    """The operation that a raw credit stands for; None: the cheapest, and of equals the first."""
    price: Fraction | None = None
    """Money a credit; None: derived."""
    blended: Fraction | None = None
    """What a credit costs on average, where the price is derived and the mix of calls is known to people alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An operation in the table."""

    profile: Profile
    raw: Fraction
    """Its cost in units of the base's."""
    valued: Fraction
    credits: Fraction
    price: Fraction
    """Money a credit."""

    @property
    def distortion(self) -> Fraction | None:
        """What the rounding made of it, credits / valued - 1; None where there was nothing to round."""
        return self.credits / self.valued - 1 if self.valued else None

    @property
    def rounding_money(self) -> Fraction:
        """What the rounding costs whoever calls, in money a call; below zero, what it costs us."""
        return (self.credits - self.valued) * self.price

    @property
    def rounding_money_month(self) -> Fraction | None:
        """The same over the calls of a month; None where their number is not known."""
        return None if self.profile.volume is None else self.rounding_money * self.profile.volume

    @property
    def margin(self) -> Margin:
        """What a call leaves."""
        return margin(self.credits, self.price, self.profile.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What each operation costs in credits, and a credit in money."""

    lines: tuple[Line, ...]
    price: Fraction
    """Money a credit."""
    choices: Choices

    @property
    def levels(self) -> tuple[Fraction, ...]:
        """The different numbers of credits in it, rising: what people have to remember."""
        return tuple(sorted({line.credits for line in self.lines}))

    @property
    def mixed(self) -> bool:
        """Whether the calls of a month are known, so that the target is one of their mix."""
        return all(line.profile.volume is not None for line in self.lines)

    @property
    def mix_margin(self) -> Fraction | None:
        """The margin over the calls of a month; None where they are not known, or earn nothing."""
        if not self.mixed or not sum((line.profile.volume or 0) * line.credits for line in self.lines):
            return None
        return 1 - _blended([line.profile for line in self.lines], [line.credits for line in self.lines]) / self.price


def build(profiles: Sequence[Profile], choices: Choices) -> Table:
    """Build the table.

    Without a price, it is the least round one that reaches the target: over the mix where each profile has a volume, at
    a blended cost where people say one, else for each operation. In the mode ``margin_safe`` the price comes first, and
    is the one at which the base reaches the target at the first step.

    Raises:
        EconomicsError: there is no profile, two have one name, a number can't be, or the ladder ends too early.
    """
    check_target(choices.target)
    base = _base(profiles, choices.base)
    raw = normalise([profile.cost for profile in profiles], base)
    valued = apply_value(raw, [profile.value for profile in profiles])
    given = _given_price(profiles[base], choices)
    amounts = _credits(profiles, valued, given, choices)
    price = given if given is not None else head_price(_least_price(profiles, amounts, choices))
    lines = zip(profiles, raw, valued, amounts, strict=True)
    return Table(
        lines=tuple(Line(profile=one, raw=r, valued=v, credits=c, price=price) for one, r, v, c in lines),
        price=price,
        choices=choices,
    )


def _base(profiles: Sequence[Profile], named: str | None) -> int:
    names = [profile.operation for profile in profiles]
    if not names:
        raise EconomicsError("There is no operation to price; give one line for each.")
    for number, profile in enumerate(profiles):
        if profile.operation in names[:number]:
            raise EconomicsError(f"{_at(profile)}{shown(profile.operation)} stands twice; keep one line for each.")
    if named is not None and named not in names:
        raise EconomicsError(f"{shown(named)} is not among the operations, and no base; {instead(named, names)}")
    base = min(range(len(profiles)), key=lambda one: profiles[one].cost) if named is None else names.index(named)
    if profiles[base].cost == 0:
        raise EconomicsError(
            f"{_at(profiles[base])}{shown(names[base])} costs 0, and nothing is a multiple of that; correct its cost, "
            "or name another base."
        )
    return base


def _given_price(base: Profile, choices: Choices) -> Fraction | None:
    """The price that there is before the credits; None where it follows from them."""
    if choices.price is not None and choices.blended is not None:
        raise EconomicsError("A price needs no blended cost; give one of them.")
    if choices.price is not None:
        return check_price(choices.price)
    if choices.mode is not Mode.MARGIN_SAFE:
        return None
    if choices.blended is not None:
        raise EconomicsError("margin_safe needs a price before there are credits to blend; give a price.")
    return head_price(price_from_margin(base.cost, choices.target) / choices.ladder.steps[0])


def _credits(
    profiles: Sequence[Profile], valued: Sequence[Fraction], price: Fraction | None, choices: Choices
) -> list[Fraction]:
    asked = valued
    if choices.mode is Mode.MARGIN_SAFE and price is not None:
        asked = required_credits([profile.cost for profile in profiles], price, choices.target)
    return [
        friendly(amount, choices.ladder, choices.mode) if profile.value else Fraction(0)
        for profile, amount in zip(profiles, asked, strict=True)
    ]


def _least_price(profiles: Sequence[Profile], amounts: Sequence[Fraction], choices: Choices) -> Fraction:
    costs = [profile.cost for profile in profiles]
    if choices.blended is not None:
        return price_from_margin(check_blended(choices.blended, costs, amounts), choices.target)
    if all(profile.volume is not None for profile in profiles):
        return price_from_margin(_blended(profiles, amounts), choices.target)
    return min_price(costs, amounts, choices.target)


def _blended(profiles: Sequence[Profile], amounts: Sequence[Fraction]) -> Fraction:
    calls = [profile.volume or Fraction(0) for profile in profiles]
    return blended_cost([profile.cost for profile in profiles], amounts, calls)


def _at(profile: Profile) -> str:
    return f"{profile.place}: " if profile.place else ""
