"""What calls should cost: costs, tables, bundles, margins, corrections, replay, projection. Pure, and may divide.

Money is a ``Fraction``. numpy and scipy, of the extra ``analytics``, are imported only by what needs them.
"""
