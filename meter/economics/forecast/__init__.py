"""What an account will have used when its period ends: the run rate, exactly; and a projection, with its doubt.

``runrate`` is exact and needs nothing. All other modules need numpy and scipy, of the extra ``analytics``.
"""
