"""How many credits a plan should include for its price, what it earns as it is used, and where it leaks.

Money and credits are ``Fraction``, credits in whole ones, not in millionths. A period is what the plans compared have.
"""
