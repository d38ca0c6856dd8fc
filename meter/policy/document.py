"""One policy file as it is written: every key that it may hold, for the check and for editors.

Absent values are None; ``compile`` knows the defaults, so that a file's word and its silence can be told apart.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, JsonValue, StrictBool, Tag, model_validator

from meter.credits import RoundingMode
from meter.policy.adjustments import AdjustmentPart
from meter.policy.ends import End
from meter.policy.identity_part import IdentityPart
from meter.policy.kinds import (
    Amount,
    Currency,
    HeaderName,
    Host,
    Match,
    MeterKey,
    Money,
    Name,
    OperationName,
    Part,
    Pointer,
    Positive,
    QueryName,
    Share,
    Title,
    Wanted,
)
from meter.policy.model import Comparison, Meta, PathMode, PeriodUnit, Retries
from meter.policy.outage_part import OutagePart, word_or_parts
from meter.policy.plan_parts import (
    BurnOrder,
    Concurrent,
    Discount,
    OperationPattern,
    Period,
    RolloverPart,
    TrialPart,
    VelocityPart,
)
from meter.policy.plans import Anchor, Duration
from meter.policy.price_parts import Cost, PinPart, VersionPart
from meter.policy.top_up_part import TopUpPart
from meter.policy.transition_part import Transition
from meter.policy.values import wrong

OPERATIONS_MAX = 32
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class RoundingPart(Part):
    """How prices become whole steps: once, at the end."""

    mode: RoundingMode | None = Field(default=None, description="half_up by default.")
    step: Positive | None = Field(default=None, description="Prices are multiples of it; 1 by default.")
    minimum: Positive | None = Field(default=None, description="The least that a call costs; one step by default.")
    maximum: Positive | None = Field(default=None, description="The most that a call costs.")


class MeterPart(Part):
    """Where a quantity is read: one of the two."""

    pointer: Pointer | None = Field(default=None, alias="json")
    reported: StrictBool | None = Field(default=None, description="true: the app or the upstream says it by name.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.pointer is None) is (self.reported is not True):
            raise wrong("this meter is read from nowhere, or twice", "write {json: /a/pointer} or {reported: true}.")
        return self


class OperationPart(Part):
    """A thing with a price: credits, or free."""

    title: Title | None = None
    credits: Cost | None = Field(
        default=None, description="What a call costs before adjustments: credits, or base, per and at_most."
    )
    free: StrictBool | None = Field(default=None, description="true: costs nothing, and is not asked for a key.")
    meters: dict[MeterKey, MeterPart] | None = Field(
        default=None,
        description="Quantities that this operation's price uses.",
        examples=[{"tokens": {"json": "/usage/total_tokens"}}],
    )
    rounding: RoundingPart | None = Field(default=None, description="In place of what the file's rounding says.")
    last_line: StrictBool | None = Field(
        default=None, description="true: a stream of JSON lines that is cut gets a last line that says so."
    )
    observe: StrictBool | None = Field(default=None, description="In place of what the file's observe says.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.free and self.credits is not None:
            raise wrong("this operation has a price and is free", "keep credits or `free: true`.")
        if not self.free and self.credits is None:
            raise wrong("this operation has no price", "write credits, or `free: true`.")
        if self.credits == 0:
            raise wrong("this operation costs 0 credits", "write `free: true` in place of credits.")
        return self


class WhenPart(Part):
    """What else a request must have."""

    query: dict[QueryName, Wanted] | None = Field(
        default=None, description="Parameters it must have.", examples=[{"limit": "*"}]
    )
    header: dict[HeaderName, Wanted] | None = Field(
        default=None, description="Headers it must have.", examples=[{"X-Size": "large"}]
    )


class RoutePart(Part):
    """What leads a request to an operation."""

    match: Match
    operation: OperationName
    host: Host | None = None
    when: WhenPart | None = None


class OveragePart(Part):
    """Credits that may be drawn beyond what was granted, in one period."""

    limit: Positive
    price_per_thousand: Money | None = Field(default=None, description="Money, in the plan's currency.")


class PlanPart(Part):
    """What an account gets for its subscription."""

    included: Amount
    period: Period | None = Field(default=None, description="month by default.")
    price: Money | None = Field(default=None, description="Money a period.")
    currency: Currency | None = None
    overage: (
        Annotated[
            Annotated[Literal["hard_stop"], Tag("<word>")] | Annotated[OveragePart, Tag("<parts>")],
            Discriminator(word_or_parts),
        ]
        | None
    ) = Field(default=None, description="Credits beyond what was granted; hard_stop, which is none, by default.")
    commitment: Amount | None = Field(default=None, description="Credits a month that its accounts commit to.")
    pin: PinPart | None = None
    top_up: TopUpPart | None = Field(default=None, description="When a webhook asks for a purchase.")
    drip: Literal["month"] | None = Field(default=None, description="Of a year: a twelfth is given each month.")
    anchor: Anchor | None = Field(default=None, description="What periods are counted from; calendar by default.")
    trial: TrialPart | None = None
    rollover: RolloverPart | None = None
    discount: Discount | None = None
    operations: list[OperationPattern] | None = Field(
        default=None, description="What its accounts may call; everything by default."
    )
    velocity: VelocityPart | None = None
    concurrent: Concurrent | None = Field(default=None, description="So many calls at once; any number by default.")
    burn: BurnOrder | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        priced = isinstance(self.overage, OveragePart) and self.overage.price_per_thousand is not None
        sums = self.price is not None or priced
        if sums is (self.currency is None):
            raise wrong("a price and its currency belong together", 'write both, such as price: "99", currency: USD.')
        self._check_period()
        return self

    def _check_period(self) -> None:
        if self.drip is not None and self.period is not PeriodUnit.YEAR:
            raise wrong("only a year drips", "write period: year beside drip: month.")
        if isinstance(self.period, Duration) and self.anchor is Anchor.CALENDAR:
            raise wrong("no calendar has periods of this length", "leave anchor out: they count from signing up.")
        if self.rollover is not None and self.period is PeriodUnit.NONE:
            raise wrong("what never resets does not roll over", "leave rollover out.")
        if self.operations is not None and not 0 < len(self.operations) <= OPERATIONS_MAX:
            raise wrong(f"operations has no items, or more than {OPERATIONS_MAX}", "write image.*, or leave it out.")


class UpstreamPart(Part):
    """How the upstream tells paths apart; loose by default."""

    case: Comparison | None = None
    slash: Comparison | None = None


class Document(Part):
    """What API calls cost: one file of a policy."""

    version: Literal["1"]
    unmatched: str | None = Field(
        default=None,
        description="What becomes of a request that no route matches: refuse (the default), free, or an operation.",
        examples=["refuse", "free"],
    )
    observe: StrictBool | None = Field(default=None, description="true: price and report, but take nothing.")
    meta: Meta | None = Field(default=None, description="Where answers say what they cost; body by default.")
    paths: PathMode | None = Field(default=None, description="What templates are matched against.")
    upstream: UpstreamPart | None = None
    rounding: RoundingPart | None = None
    operations: dict[OperationName, OperationPart] | None = Field(default=None, description="What can be charged for.")
    routes: list[RoutePart] | None = Field(default=None, description="Which requests are which operation.")
    adjustments: list[AdjustmentPart] | None = Field(default=None, description="Multiplied in this order.")
    charge: dict[End, Share] | None = Field(default=None, description="What of its price a call pays, by how it ended.")
    retries: Retries | None = Field(
        default=None, description="What a repeated Idempotency-Key gets: the stored answer (the default), or refuse."
    )
    outage: (
        Annotated[
            Annotated[Literal["refuse"], Tag("<word>")] | Annotated[OutagePart, Tag("<parts>")],
            Discriminator(word_or_parts),
        ]
        | None
    ) = Field(default=None, description="What becomes of calls while the ledger can't be reached; refuse by default.")
    plans: dict[Name, PlanPart] | None = Field(default=None, description="What accounts can subscribe to.")
    identity: IdentityPart | None = None
    prices: list[VersionPart] | None = Field(
        default=None, description="Versions of the prices, in the order of their moments."
    )
    transition: Transition | None = Field(
        default=None,
        description="By how much of its pinned price an account's price may rise in a month, once its pin is over; "
        "{compound: 0.1} rises by a share of the month before.",
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a policy file, for editors that complete and check while one types."""
    schema = Document.model_json_schema(by_alias=True)
    schema["properties"]["version"] = {"enum": [1, "1"], "description": "The version of this format.", "examples": [1]}
    return {"$schema": SCHEMA_DIALECT, "title": "A policy file of meter", **_tidy_mapping(schema)}


def _tidy(node: JsonValue) -> JsonValue:
    match node:
        case list():
            return [_tidy(item) for item in node]
        case dict():
            return _tidy_mapping(node)
        case _:
            return node


def _tidy_mapping(node: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Leave out what pydantic adds and no editor needs: null beside each optional value, titles made from keys.

    Where the default is a value, null is another one, and stays.
    """
    kept = {key: _tidy(value) for key, value in node.items() if not _noise(key, value)}
    match kept.get("anyOf"):
        case [dict(only), {"type": "null"}] if "default" not in kept:
            return {**only, **{key: value for key, value in kept.items() if key != "anyOf"}}
        case _:
            return kept


def _noise(key: str, value: JsonValue) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)
