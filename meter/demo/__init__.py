"""A real API being metered: three customers, their calls, and the proof that the books add up.

It uses what any stranger could use: the command ``meter`` and HTTP. It may import nothing that could take a short cut.
"""
