"""What the operator may ask, and change: accounts, keys, grants, holds. Each change is an entry with its actor."""
