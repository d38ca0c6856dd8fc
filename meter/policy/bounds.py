"""What a price can come to at most: a policy whose price could pass the limit of amounts is never served."""

from meter.credits import LIMIT, Credits, Rounding, text
from meter.policy.adjustments import highest
from meter.policy.model import Adjustment, Price
from meter.policy.sheet import Path, Sheet
from meter.policy.values import decimal


def check_most(sheet: Sheet, path: Path, price: Price, rounding: Rounding, adjustments: tuple[Adjustment, ...]) -> None:
    """Report a price that its adjustments can lift above what an amount can be."""
    most, factor = price.base if price.at_most is None else price.at_most, highest(adjustments)
    if most * factor + rounding.step > LIMIT:
        problem = f"{text(most)} × {decimal(factor)} is more than an amount can be"
        fix = f"write less, or a rounding maximum of at most {text(Credits(LIMIT))} credits."
        sheet.report(path, problem, fix)
