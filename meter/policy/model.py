"""The frozen policy: what every other part of ``meter`` may know of the policy files.

Values only. Whoever adds a field here adds it to ``document`` (how it is written) and ``compile`` (how it is checked).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from meter.credits import ZERO, Credits, Rounding
from meter.policy.ends import CHARGE_DEFAULT, End
from meter.policy.identity import IdentityRule
from meter.policy.plans import Anchor, BurnBy, Duration, Rollover, Trial, Velocity
from meter.policy.top_up import TopUp

if TYPE_CHECKING:
    from meter.policy.versions import Pin, PriceVersion


class PathMode(StrEnum):
    """What a route's template is matched against."""

    STRICT = "strict"
    """The raw request target, refused when it has no single form. The proxy's default."""
    APP = "app"
    """``scope["path"]``, which is what the app routes on. The middleware's default."""


class Comparison(StrEnum):
    """How the upstream tells two paths apart."""

    EXACT = "exact"
    LOOSE = "loose"


class Meta(StrEnum):
    """Where the answer says what the call cost: in its headers, or in its body too."""

    BODY = "body"
    HEADERS = "headers"


class Unmatched(StrEnum):
    """What becomes of a request that no route matches, where no operation is named for it."""

    REFUSE = "refuse"
    FREE = "free"


class MeterKind(StrEnum):
    """Where a quantity that a price depends on is read."""

    REQUEST_BYTES = "request_bytes"
    RESPONSE_BYTES = "response_bytes"
    REQUEST_EVENTS = "request_events"
    """WebSocket messages of the caller."""
    RESPONSE_EVENTS = "response_events"
    """Server-sent events, JSON lines, or WebSocket messages to the caller."""
    DURATION = "duration_seconds"
    QUERY = "query"
    HEADER = "header"
    JSON = "json"
    """A JSON pointer into the response."""
    REPORTED = "reported"
    """What the app or the upstream says."""

    @property
    def known_before(self) -> bool:
        """Whether the quantity is known before the app is called."""
        return self in (MeterKind.QUERY, MeterKind.HEADER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the policy files something was written. Lines and columns count from one."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A part of a price: so many micro-credits for each unit that a meter reads."""

    meter: str
    """The name it has in the policy: ``query.limit``, ``tokens``."""
    kind: MeterKind
    source: str
    """The query parameter, the header, the JSON pointer or the reported name; empty for the others."""
    micro_per_unit: Fraction


class Above(StrEnum):
    """What becomes of a call that uses more than its ceiling pays for."""

    CUT = "cut"
    """A stream ends there; anything else is charged the ceiling."""
    CLIP = "clip"
    """It goes on, and is charged the ceiling."""
    OVERRUN = "overrun"
    """It goes on, and is charged in full, as far as the account and its plan's overage go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """``base + Σ rate × meter``, before adjustments, at most ``at_most``."""

    base: Credits
    rates: tuple[Rate, ...] = ()
    at_most: Credits | None = None
    above: Above = Above.CUT
    step: Credits | None = None
    """What is set aside at first, and again whenever that runs low; None sets the whole ceiling aside."""

    @property
    def known_before(self) -> bool:
        """Whether the whole price is known before the app is called, so that one trip can charge it."""
        return all(rate.kind.known_before for rate in self.rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAdjustment:
    """A factor inside a window [start, end) of the day in a zone; crosses midnight where end <= start."""

    name: str
    multiply: Fraction
    start: time
    end: time
    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset(range(7))
    """Monday is 0. Of a window that crosses midnight, the day on which it began."""
    first: date | None = None
    last: date | None = None


class LoadSignal(StrEnum):
    """What the load is read from."""

    INFLIGHT = "inflight"
    """Calls in progress in all workers, over a declared capacity."""
    CPU = "cpu"
    """The host's one-minute load average over its processors."""
    LAG = "lag"
    """The event loop's delay, in seconds."""
    URL = "url"
    """A number at a URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadAdjustment:
    """A factor that goes on above one load and off below another."""

    name: str
    multiply: Fraction
    above: Fraction
    until: Fraction
    dwell_seconds: int
    """It stays on, or off, at least so long."""
    signal: LoadSignal = LoadSignal.INFLIGHT
    capacity: int = 100
    """Calls in progress that count as a load of 1, for ``inflight``."""
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentAdjustment:
    """A factor by the account's monthly commitment: that of the highest tier reached."""

    name: str
    tiers: tuple[tuple[Credits, Fraction], ...]
    """Ascending thresholds."""


Adjustment = TimeAdjustment | LoadAdjustment | CommitmentAdjustment


class Retries(StrEnum):
    """What becomes of a call that is repeated with the same ``Idempotency-Key``."""

    STORED = "stored"
    """It gets the first one's answer."""
    REFUSE = "refuse"
    """It is refused, and no answer is kept."""


class OutageKind(StrEnum):
    """What becomes of calls while the ledger can't be reached."""

    REFUSE = "refuse"
    ALLOWANCE = "allowance"
    """They spend what was set aside for that before."""
    SERVE = "serve"
    """They are served, and charged afterwards as far as the account goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What becomes of an operation's calls while the ledger can't be reached."""

    kind: OutageKind = OutageKind.REFUSE
    credits: Credits = ZERO
    """What each process may spend for an account, where they are not refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A thing with a price, with all the rules of the file that declares it."""

    name: str
    title: str
    free: bool
    price: Price
    rounding: Rounding = field(default_factory=Rounding)
    maximum: Credits | None = None
    adjustments: tuple[Adjustment, ...] = ()
    charge: Mapping[End, Fraction] = field(default_factory=lambda: CHARGE_DEFAULT)
    meta: Meta = Meta.BODY
    observe: bool = False
    last_line: bool = False
    """Whether a stream of JSON lines that is cut gets a last line that says so."""
    retries: Retries = Retries.STORED
    outage: Outage = Outage()
    place: Place
    versions: tuple["PriceVersion", ...] = ()
    """All versions of its price in their order, the one that has always been in force first; none where it has one."""
    transition: Fraction | None = None
    """The share of its pinned price by which an account's price may rise in a month, once its pin is over..."""
    compounds: bool = False
    """...or of what was allowed the month before."""

    @property
    def prices(self) -> tuple[Price, ...]:
        """Its price, and that of each version."""
        return (self.price, *(version.price for version in self.versions))

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The rates of all its prices, one for each meter."""
        if not self.versions:
            return self.price.rates
        return tuple({rate.meter: rate for price in self.prices for rate in price.rates}.values())

    @property
    def known_before(self) -> bool:
        """Whether the whole price is known before the app is called, by whichever version it is."""
        if not self.versions:
            return self.price.known_before
        return all(price.known_before for price in self.prices)

    @property
    def holds(self) -> bool:
        """Whether credits are set aside: the price is not known before, or may be taken back from a dead worker."""
        return not self.known_before or self.charge[End.KILLED] != 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A query parameter or a header that a request must have; ``value`` None means any value."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What leads a request to an operation."""

    method: str | None
    """None matches every method."""
    template: str
    """As in Starlette: ``/v1/images/{id}``, ``/v1/{rest:path}``."""
    operation: str
    host: str | None = None
    query: tuple[Condition, ...] = ()
    headers: tuple[Condition, ...] = ()
    place: Place


class PeriodUnit(StrEnum):
    """How long a plan's period is; credits of ``none`` never reset."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    NONE = "none"
    CUSTOM = "custom"
    """As long as the plan says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overage:
    """Credits that may be drawn beyond the grants in a period."""

    limit: Credits
    price_per_thousand: Fraction | None = None
    """Money, in the plan's currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an account gets for its subscription."""

    name: str
    included: Credits
    period: PeriodUnit
    price: Fraction | None = None
    """Money a period."""
    currency: str | None = None
    overage: Overage | None = None
    commitment: Credits = ZERO
    """What an account on this plan is committed to a month, where it has no commitment of its own."""
    top_up: TopUp | None = None
    every: Duration | None = None
    """How long a custom period is."""
    drip: PeriodUnit | None = None
    """The part of a year by which its credits are given."""
    anchor: Anchor | None = None
    trial: Trial | None = None
    rollover: Rollover | None = None
    discount: Fraction | None = None
    """Prices are multiplied with it, after all adjustments."""
    operations: tuple[str, ...] | None = None
    """What its accounts may call; everything where it does not say."""
    velocity: Velocity | None = None
    concurrent: int | None = None
    """So many calls at once."""
    burn: tuple[BurnBy, ...] | None = None
    """By which facts of them its accounts' grants are burnt; None for the order that ``BurnBy`` has."""
    place: Place
    pin: "Pin | None" = None
    """The version of the prices by which its accounts go on paying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRule:
    """How the upstream compares paths; decides which spellings are priced as the dearer template."""

    case: Comparison = Comparison.LOOSE
    slash: Comparison = Comparison.LOOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All of one policy folder, merged, checked and frozen."""

    version: str
    """A hash of what the files say: the policy's name in every quote."""
    operations: Mapping[str, Operation]
    routes: tuple[Route, ...]
    """In the order of the files, then of each file."""
    plans: Mapping[str, Plan]
    unmatched: Unmatched | str = Unmatched.REFUSE
    """A word, or the name of the operation that everything unmatched is priced as."""
    paths: PathMode | None = None
    """None where the files don't say: each edge has its own default."""
    upstream: UpstreamRule = field(default_factory=UpstreamRule)
    identity: IdentityRule = field(default_factory=IdentityRule)
