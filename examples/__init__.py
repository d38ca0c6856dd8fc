"""Applications to meter: each runs by itself, and none knows of credits unless it says so."""
