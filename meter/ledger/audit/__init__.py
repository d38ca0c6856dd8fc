"""The proof: every balance recomputed from its entries, and every promise of the books checked against them.

``fold``, ``life``, ``sums``, ``homes``, ``explained`` and ``checks`` are rules: old value and entry in, new value and
findings out. ``reading`` and ``run`` alone speak to the store.
"""
