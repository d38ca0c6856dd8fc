"""Who calls in the demo, on which plan, and what."""

from dataclasses import dataclass
from enum import StrEnum

from meter.demo.stage import Stage


class Act(StrEnum):
    """What a customer can do with the image API."""

    STORE = "store"
    RESIZE = "resize"
    ANALYSE = "analyse"
    CUT_OUT = "cut out"
    FILM = "film"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """An account to open, and its habits."""

    account: str
    plan: str
    commitment: str | None = None
    """Credits a month, where it has committed itself."""
    habits: tuple[Act, ...]
    """What it does, over and over."""
    calls_once: int
    """Its share of a bounded run."""
    top_up: str
    """Credits that it buys when it has run dry and the demo goes on."""


_BUSY = (Act.STORE, Act.ANALYSE, Act.RESIZE, Act.CUT_OUT, Act.RESIZE, Act.ANALYSE, Act.RESIZE, Act.FILM)

CUSTOMERS = (
    Customer(
        account="hobbyist",
        plan="free",
        habits=(Act.STORE, Act.RESIZE, Act.ANALYSE, Act.RESIZE, Act.CUT_OUT),
        calls_once=40,
        top_up="1000",
    ),
    Customer(account="studio", plan="starter", habits=_BUSY, calls_once=80, top_up="20000"),
    Customer(account="agency", plan="pro", commitment="1000000", habits=_BUSY, calls_once=80, top_up="100000"),
)
"""The first has little enough to run dry in a bounded run."""


def sign_up(stage: Stage, customer: Customer) -> str:
    """Open a customer's account; its API key."""
    committed = ("--commitment", customer.commitment) if customer.commitment else ()
    stage.meter("account", "create", customer.account, "--plan", customer.plan, *committed)
    key: str = stage.meter("key", "create", customer.account)["key"]
    return key
