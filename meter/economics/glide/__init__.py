"""From an underpriced operation to its target: paths, cohorts, what customers are told, and what the way costs."""
