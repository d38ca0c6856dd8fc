"""The credit table as a policy file: its operations with titles and prices, for somebody to add the routes.

Whether names, titles and amounts may stand in a policy is for the policy's own check to say.
"""

import json
import re
from collections.abc import Iterator
from fractions import Fraction

from meter.economics.exact import decimal_text
from meter.economics.table.build import Line, Table
from meter.economics.table.ladders import TEN

_PLAIN = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]+)+", re.ASCII)
"""Keys that YAML can read as nothing but texts."""


def policy_text(table: Table) -> str:
    """The table as the text of a policy file, in YAML."""
    return "\n".join((*_head(table), "operations:", *map(_operation, table.lines), ""))


def _head(table: Table) -> Iterator[str]:
    choices = table.choices
    yield f"# Built by `meter table build` with the ladder {choices.ladder.name} and the rounding {choices.mode}:"
    yield f"# a credit at {decimal_text(table.price)}, for a margin of {decimal_text(choices.target)}."
    yield "# Add routes, which lead requests to these operations; what no route matches is refused."
    yield "version: 1"
    step = _step(table)
    if step != 1:
        yield f"rounding: {{step: {decimal_text(step)}}}"


def _step(table: Table) -> Fraction:
    """The largest power of ten, from one down, that all prices are multiples of; they have few decimals or none."""
    step = Fraction(1)
    while any((level / step).denominator != 1 for level in table.levels if _ends(level)):
        step /= TEN
    return step


def _ends(level: Fraction) -> bool:
    rest = level.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def _operation(line: Line) -> str:
    name, title = line.profile.operation, line.profile.title or _title(line.profile.operation)
    price = f"credits: {decimal_text(line.credits)}" if line.credits else "free: true"
    key = name if _PLAIN.fullmatch(name) else _quoted(name)
    return f"  {key}: {{title: {_quoted(title)}, {price}}}"


def _title(name: str) -> str:
    """A name as a line for people: ``image.store`` is ``Image store``."""
    words = re.sub(r"[._-]+", " ", name).strip() or name
    return words[:1].upper() + words[1:]


def _quoted(text: str) -> str:
    """A text as YAML reads it whatever is in it: every JSON string is one."""
    return json.dumps(text, ensure_ascii=False)
