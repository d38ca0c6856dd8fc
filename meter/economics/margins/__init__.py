"""What is left of the money that calls brought in: realised revenue, margins with bounds, verdicts, arbitrage."""
