"""Golden cases of costs."""

from fractions import Fraction

from meter.economics.cost.sharing import normalise_node_rates


def node_rates(total, base):
    return normalise_node_rates(Fraction(total), {name: Fraction(rate) for name, rate in base.items()})


FUNCTIONS = {"normalise_node_rates": node_rates}
