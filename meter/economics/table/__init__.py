"""The credit table: what each operation should cost in credits, and a credit in money."""
