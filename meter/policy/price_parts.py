"""Prices, and versions of them, as they are written in a policy file."""

from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, model_validator

from meter.credits import ZERO, text
from meter.policy.kinds import Amount, Moment, Name, OperationName, Part, Positive, Rate
from meter.policy.model import Above
from meter.policy.values import wrong


class CreditsPart(Part):
    """A price with parts: the base, and a rate for each unit of a meter."""

    base: Amount | None = Field(default=None, description="Charged for every call; 0 by default.")
    per: dict[str, Rate] | None = Field(
        default=None,
        description="Credits for each unit of a meter: query.NAME, header.NAME, request_bytes, response_bytes, "
        "request_events, response_events, duration_seconds, or a name declared under meters.",
        examples=[{"query.limit": "0.01"}, {"tokens": "0.002"}],
    )
    at_most: Positive | None = Field(default=None, description="The ceiling; required if the response decides.")
    above: Above | None = Field(
        default=None,
        description="What becomes of use above the ceiling: cut (the default) ends a stream there, clip charges the "
        "ceiling, overrun charges all, as far as the account goes.",
    )
    step: Positive | None = Field(
        default=None,
        description="What is set aside at first, and again whenever that runs low; the whole ceiling by default.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.per and not self.base:
            raise wrong("this price is 0", "write credits above 0, or `free: true` on the operation.")
        if self.at_most is not None and not self.per:
            raise wrong(
                "at_most is the ceiling of a price with rates, and there is no rate", "leave it out, or add per."
            )
        if self.at_most is not None and self.at_most < (self.base or ZERO):
            problem = f"at_most {text(self.at_most)} is less than base {text(self.base or ZERO)}"
            raise wrong(problem, "write a ceiling that the base fits under.")
        if self.at_most is None and (self.above or self.step):
            raise wrong("above and step belong to a ceiling, and there is none", "add at_most, or leave them out.")
        if self.step is not None and self.at_most is not None and self.step > self.at_most:
            problem = f"step {text(self.step)} is more than at_most {text(self.at_most)}"
            raise wrong(problem, "write a smaller step, or leave it out to set the whole ceiling aside.")
        return self


def _spelling(value: object) -> str:
    return "<parts>" if isinstance(value, dict | CreditsPart) else "<amount>"


Cost = Annotated[Annotated[Amount, Tag("<amount>")] | Annotated[CreditsPart, Tag("<parts>")], Discriminator(_spelling)]
"""What a call costs: credits, or base, per and at_most."""

NewCost = Annotated[
    Annotated[Positive, Tag("<amount>")] | Annotated[CreditsPart, Tag("<parts>")], Discriminator(_spelling)
]
"""The same, never nothing."""


class VersionPart(Part):
    """Prices that are in force from a moment on."""

    version: Name = Field(description="Its name, by which accounts are pinned to it.", examples=["2027-01"])
    effective_at: Moment | None = Field(
        default=None, description="When it comes into force; the first version may leave it out: it always was."
    )
    operations: dict[OperationName, NewCost] | None = Field(
        default=None,
        description="What calls cost from then on; what is not named here keeps its price.",
        examples=[{"image.analyse": "120"}],
    )


class PinPart(Part):
    """Accounts of this plan go on paying by a version of the prices."""

    version: Name = Field(examples=["2027-01"])
    until: Moment
