"""How many units of a meter a written number says: exact, and bounded before anything is computed."""

import re
from fractions import Fraction

CHARACTERS_MAX = 32
UNITS_MAX = 10**15
"""As many as fifteen digits say, which is what a query parameter or a header may say too."""

_NUMBER = re.compile(rb"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")


def units(written: bytes) -> Fraction | None:
    """Read a number as JSON writes it (RFC 8259, 6); None where it is none, negative, too long or too large."""
    if len(written) > CHARACTERS_MAX or not _NUMBER.fullmatch(written):
        return None
    exact = Fraction(int(written)) if written.isdigit() else Fraction(written.decode())
    return exact if exact < UNITS_MAX else None
