"""What one call costs: match, base, adjustments, one rounding. Pure: time, load and terms are arguments."""
