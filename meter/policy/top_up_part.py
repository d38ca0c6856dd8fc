"""How a policy file says when a purchase is asked for."""

import re
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from meter.policy.kinds import Part, Positive, Span
from meter.policy.mistakes import shown
from meter.policy.top_up import Often, TopUp
from meter.policy.values import written_value, wrong

COOL_OFF_SECONDS = 3600
OFTEN_MAX = 100

_OFTEN = re.compile(r"([0-9]{1,3}) an? (hour|day|week)", re.ASCII)
_SECONDS = {"hour": 3600, "day": 24 * 3600, "week": 7 * 24 * 3600}


def often(value: object) -> Often:
    """How often something may be, as ``3 a day``."""
    written = written_value(value, "3 a day")
    found = _OFTEN.fullmatch(written)
    if not found or not 0 < int(found[1]) <= OFTEN_MAX:
        raise wrong(
            f"{shown(written)} does not say how often",
            f"write 1 to {OFTEN_MAX} times an hour, a day or a week, such as 3 a day.",
        )
    return Often(times=int(found[1]), seconds=_SECONDS[found[2]])


AtMost = Annotated[
    Often,
    PlainValidator(often),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[0-9]{1,3} an? (hour|day|week)$",
            "description": "How often at most.",
            "examples": ["3 a day"],
        }
    ),
]


class TopUpPart(Part):
    """When a webhook asks for a purchase."""

    below: Positive = Field(description="Credits; asked for when less is left.")
    cool_off: Span | None = Field(default=None, description="From one request to the next; 1h by default.")
    at_most: AtMost | None = Field(default=None, description="3 a day by default.")

    def compiled(self) -> TopUp:
        """The value that the policy holds."""
        return TopUp(
            below=self.below,
            cool_off_seconds=COOL_OFF_SECONDS if self.cool_off is None else self.cool_off,
            at_most=self.at_most or Often(times=3, seconds=_SECONDS["day"]),
        )
