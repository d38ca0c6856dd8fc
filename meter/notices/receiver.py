"""How a receiver of webhooks is written down: where it is, and the secrets that it shares with us."""

import re
from base64 import b64decode
from urllib.parse import urlsplit

KEY_BYTES_MIN, KEY_BYTES_MAX = 24, 64
"""What Standard Webhooks asks of a secret."""
PREFIX = "whsec_"

_URL = re.compile(r"https?://[!-~]{1,2000}", re.ASCII)


def receiver_url(written: str) -> str:
    """Read where webhooks go.

    Raises:
        ValueError: it is no URL that can be posted to.
    """
    url = urlsplit(written)
    if not _URL.fullmatch(written) or not url.hostname or url.port == 0 or "@" in url.netloc or "#" in written:
        raise ValueError
    return written


def receiver_secrets(written: str) -> tuple[str, ...]:
    """Read what webhooks are signed with: several secrets while one is replaced.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(_secret(one.strip()) for one in written.split(","))


def _secret(written: str) -> str:
    size = len(b64decode(written.removeprefix(PREFIX), validate=True))
    if not written.startswith(PREFIX) or not KEY_BYTES_MIN <= size <= KEY_BYTES_MAX:
        raise ValueError
    return written
