"""API keys: ``mk_<shard><43 random><checksum>``. The store knows a key by its hash alone.

The shard leads to the slot that holds the key's account; the checksum keeps malformed keys inside the process.
"""

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Self
from zlib import crc32

HINT_CHARS = 10
"""``mk_``, the shard, and four random ones: enough to tell keys apart, too few to help a guess."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARS = 43
_CHECKSUM_CHARS = 6
_KEY = re.compile(r"mk_([0-9a-f]{3})[0-9A-Za-z]{49}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A well-formed API key, as everybody but its owner may know it."""

    shard: int
    hash: str
    """SHA-256 in hex."""
    hint: str

    @classmethod
    def parse(cls, written: str) -> Self | None:
        """Read a key; None where it is malformed."""
        found = _KEY.fullmatch(written)
        if found is None or written[-_CHECKSUM_CHARS:] != _checksum(written[:-_CHECKSUM_CHARS]):
            return None
        return cls(shard=int(found[1], 16), hash=sha256(written.encode()).hexdigest(), hint=written[:HINT_CHARS])


def new_key(shard: int) -> str:
    """Make the text of a new key whose account lives in ``shard``. It is shown once and kept nowhere."""
    body = f"mk_{shard:03x}" + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARS))
    return body + _checksum(body)


def _checksum(body: str) -> str:
    rest, written = crc32(body.encode()), ""
    for _ in range(_CHECKSUM_CHARS):
        rest, digit = divmod(rest, len(_ALPHABET))
        written += _ALPHABET[digit]
    return written
