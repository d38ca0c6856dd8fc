"""How a policy file writes what becomes of calls while the ledger can't be reached."""

from typing import Self

from pydantic import Field, model_validator

from meter.policy.kinds import Part, Positive
from meter.policy.values import wrong


class OutagePart(Part):
    """What calls may spend, for each account and process, while the ledger can't be reached: one of the two."""

    allowance: Positive | None = Field(default=None, description="Credits that were set aside before.")
    serve: Positive | None = Field(
        default=None, description="Credits that are charged afterwards, as far as they are there."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.allowance is None) is (self.serve is None):
            raise wrong("this outage is neither, or both", "write refuse, {allowance: 100} or {serve: 100}.")
        return self


def word_or_parts(value: object) -> str:
    """Which spelling a value has that is one word or a mapping."""
    return "<parts>" if isinstance(value, dict | Part) else "<word>"
