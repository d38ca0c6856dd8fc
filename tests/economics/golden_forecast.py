"""The golden functions of use, shares and the run rate."""

from fractions import Fraction

from meter.economics.forecast import runrate as rates
from meter.economics.shares import percent_largest_remainder

MONTHS = (28, 30, 31)


def numbers(parts):
    return [Fraction(part) for part in parts]


def used(used, limit):
    found = rates.used(Fraction(used), Fraction(limit))
    return {"pct": found.pct, "remaining": found.remaining}


def runrate(used, day, days=MONTHS):
    return {length: rates.runrate(Fraction(used), Fraction(day), length) for length in days if length >= Fraction(day)}


FUNCTIONS = {
    "percent_largest_remainder": lambda parts, digits=0: percent_largest_remainder(numbers(parts), digits),
    "used": used,
    "runrate": runrate,
}
