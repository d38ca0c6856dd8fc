"""What a request says of its caller: the credential, the most that the call may cost, the key of its retries.

A credential is never echoed: no reason, representation or message holds one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from meter.credits import AmountError, Credits, parse
from meter.policy.identity import IdentityRule

KEY_BYTES_MAX = 256
TOKEN_BYTES_MAX = 8192
IDEMPOTENCY_KEY_CHARS_MAX = 255

_VISIBLE = re.compile(rb"[\x21-\x7e]+")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", re.ASCII)
"""A signed token in its compact form (RFC 7515, 7.1), or an unsigned one, which nobody believes."""
_BEARER = re.compile(rb"bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)
_BARE = re.compile(rb"[!#-+\-.-~]+")
"""Visible ASCII without quotes, and without the comma that joins a header which was sent twice."""
_QUOTED = re.compile(rb'"((?:[ !#-\[\]-~]|\\["\\])+)"')
"""A string of structured fields (RFC 9651, 3.3.3)."""
_ESCAPED = re.compile(rb"\\(.)")
_LIKE_AN_AMOUNT = re.compile(rb"[0-9eE+.,_ -]{0,40}")


@dataclass(frozen=True, slots=True)
class Presented:
    """A credential, as it was written."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """The request carries no credential."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The request carries what is no single credential; the reason is a sentence for the caller."""

    reason: str


class CreditsMaxError(ValueError):
    """A ``Credits-Max`` that is no amount; the message is a sentence for the caller."""


class IdempotencyKeyError(ValueError):
    """An ``Idempotency-Key`` that is none; the message is a sentence for the caller."""


def presented(headers: Sequence[tuple[bytes, bytes]], rule: IdentityRule) -> Presented | Missing | Malformed:
    """Find the one credential of a request.

    Another scheme of ``Authorization`` than Bearer is the application's business, and none of ours.
    """
    own = _values(headers, rule.header.lower().encode()) if rule.header else []
    authorizations = _values(headers, b"authorization") if rule.bearer or rule.jwt else []
    bearers = [found for found in map(_BEARER.fullmatch, authorizations) if found and _is_ours(found, rule)]
    if len(own) > 1 or (bearers and len(authorizations) > 1):
        return Malformed("The request carries a header with a credential more than once; send it once.")
    keys = {value.strip(b" \t") for value in own} | {(found[1] or b"").strip(b" \t") for found in bearers}
    if not keys:
        return Missing()
    if len(keys) > 1:
        return Malformed("The request carries two different credentials; send one.")
    return _checked(keys.pop(), TOKEN_BYTES_MAX if rule.jwt else KEY_BYTES_MAX)


def is_token(written: str) -> bool:
    """Whether a credential has the form of a JSON Web Token, which no API key has."""
    return _TOKEN.fullmatch(written) is not None


def credits_max(headers: Sequence[tuple[bytes, bytes]]) -> Credits | None:
    """Read the most that a call may cost from ``Credits-Max``; None where the request does not say.

    Raises:
        CreditsMaxError: it is no amount of credits, or stands there twice.
    """
    values = _values(headers, b"credits-max")
    if not values:
        return None
    if len(values) > 1:
        raise CreditsMaxError(f"Credits-Max stands {len(values)} times in the request; send it once.")
    if not _LIKE_AN_AMOUNT.fullmatch(values[0]):
        raise CreditsMaxError("Credits-Max is not an amount of credits; write a plain number, such as 50.")
    try:
        return parse(values[0].decode().strip())
    except AmountError as error:
        raise CreditsMaxError(f"Credits-Max: {error}") from error


def idempotency_key(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Read the key that a call shares with its retries, quoted or bare; None where the request has none.

    Raises:
        IdempotencyKeyError: it is no key, or stands there twice.
    """
    values = _values(headers, b"idempotency-key")
    if not values:
        return None
    if len(values) > 1:
        raise IdempotencyKeyError(f"Idempotency-Key stands {len(values)} times in the request; send it once.")
    written = values[0].strip(b" \t")
    quoted = _QUOTED.fullmatch(written)
    key = _ESCAPED.sub(rb"\1", quoted[1]) if quoted else written
    if not quoted and not _BARE.fullmatch(key):
        raise IdempotencyKeyError("Idempotency-Key is no key; write visible ASCII characters, such as a UUID.")
    if len(key) > IDEMPOTENCY_KEY_CHARS_MAX:
        raise IdempotencyKeyError(f"Idempotency-Key is longer than {IDEMPOTENCY_KEY_CHARS_MAX} characters.")
    return key.decode()


def _values(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for found, value in headers if found == name]


def _is_ours(bearer: re.Match[bytes], rule: IdentityRule) -> bool:
    """Whether a bearer's credential is one that the rule looks for: where it wants tokens alone, others are not."""
    return rule.bearer or is_token((bearer[1] or b"").strip(b" \t").decode("latin-1"))


def _checked(key: bytes, bytes_max: int) -> Presented | Malformed:
    if not key:
        return Malformed("The credential is empty; send the API key.")
    if len(key) > bytes_max or not _VISIBLE.fullmatch(key):
        return Malformed(f"The credential is no API key: it is 1 to {bytes_max} visible ASCII characters.")
    return Presented(key.decode())
