"""Replay: what real traffic would have cost by other policies. Two engines, equal to the micro-credit.

``stateful`` goes call by call and is the plain one; ``vectorised`` goes column by column and is the fast one. Both
price by ``rule``, and both say ``Replayed``.
"""
