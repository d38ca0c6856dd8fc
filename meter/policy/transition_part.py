"""How a policy file writes by how much an account's price may rise in a month, once its pin is over."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from meter.policy.kinds import Part, Rise


class CompoundPart(Part):
    """A rise by a share of what was allowed the month before."""

    compound: Rise = Field(description="Of what was allowed the month before: 0.1 is a tenth.")


def number_or_parts(value: object) -> str:
    """Which spelling a value has that is one number or a mapping."""
    return "<parts>" if isinstance(value, dict | Part) else "<number>"


Transition = Annotated[
    Annotated[Rise, Tag("<number>")] | Annotated[CompoundPart, Tag("<parts>")], Discriminator(number_or_parts)
]
