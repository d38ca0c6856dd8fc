"""The golden functions of the glide, from whole numbers and texts of fractions."""

from fractions import Fraction

from meter.economics.glide.paths import integer_path, months_to

RISES = (20, 15, 10)

FUNCTIONS = {
    "integer_path": integer_path,
    "months_to": lambda ratio: {str(pct): months_to(Fraction(ratio), pct) for pct in RISES},
}
