"""The ledger outside Redis: files of entries, and what can be asked of them."""
