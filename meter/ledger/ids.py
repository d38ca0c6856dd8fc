"""Operation ids: the second of birth by the store's clock, and something random.

The store forgets an operation after fifteen minutes, and refuses an id older than ten: so forgetting never charges
twice.
"""

import re
import secrets

RANDOM_BYTES = 10

_OPERATION_ID = re.compile(r"[0-9a-f]{8}-[A-Za-z0-9]{1,55}", re.ASCII)


def operation_id(now: int) -> str:
    """Make the id of an operation that is born at a Unix second of the store's clock."""
    return f"{now:08x}-{secrets.token_hex(RANDOM_BYTES)}"


def is_operation_id(text: str) -> bool:
    """Whether this is an operation id."""
    return _OPERATION_ID.fullmatch(text) is not None


def birth(op: str) -> int:
    """The second at which an operation was born."""
    return int(op[:8], 16)
