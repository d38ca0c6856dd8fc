"""What people bring to the economics: tables, logs and ledger entries from files, each value with its file and line."""
