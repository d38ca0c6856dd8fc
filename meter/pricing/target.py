r"""The one canonical form of a request target's path (RFC 3986, 3.3), or the reason why it has none.

What two servers could read in two ways is refused: a path that passes decodes to the same text everywhere, whether once
or twice, has no dot or empty segments to resolve, and no ``;`` or ``\`` that some take for a separator.
"""

import re
from re import Pattern
from urllib.parse import unquote_to_bytes

from meter.pricing.verdict import Ambiguous

SHOWN_MAX = 40
"""Bytes of a target that a reason quotes."""

_PLAIN = rb"[A-Za-z0-9._~!$&'()*+,=:@-]"
# Escapes in capitals, of what must or may be escaped: neither unreserved, nor control, nor one of % (before two hex
# digits) / ; \.
_ESCAPE = rb"%(?:2[0-46-9A-C]|25(?![0-9A-Fa-f]{2})|3[AC-F]|40|5[BDE]|60|7[B-D]|[89A-F][0-9A-F])"
_CANONICAL = re.compile(rb"/|(?:/(?!\.{1,2}(?:/|\Z))(?:" + _PLAIN + rb"|" + _ESCAPE + rb")+)+/?")

_FAULTS: tuple[tuple[Pattern[bytes], str], ...] = (
    (re.compile(rb"\A(?!/).*", re.DOTALL), "does not begin with `/`; send the path alone"),
    (re.compile(rb"[\x00-\x20\x7f]"), "is a space or a control character"),
    (re.compile(rb"[\x80-\xff]+"), "is not ASCII; write it as UTF-8 in percent escapes"),
    (re.compile(rb"#.*", re.DOTALL), "is a fragment, which is never sent"),
    (re.compile(rb"\\"), "is a backslash, which some servers read as `/`"),
    (re.compile(rb";"), "begins parameters, which some servers cut off"),
    (re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL), "is no percent escape"),
    (re.compile(rb"%(?:2F|5C|3B)", re.IGNORECASE), "is an escaped separator"),
    (re.compile(rb"%(?:[01][0-9A-F]|7F)", re.IGNORECASE), "is an escaped control character"),
    (
        re.compile(rb"%(?:2[DE]|3[0-9]|4[1-9A-F]|5[0-9A]|5F|6[1-9A-F]|7[0-9A]|7E)", re.IGNORECASE),
        "escapes a character that needs no escape; write the character itself",
    ),
    (re.compile(rb"%(?:[0-9A-F][a-f]|[a-f][0-9A-Fa-f])"), "is an escape in small letters; write it in capitals"),
    (re.compile(rb"%25[0-9A-Fa-f]{2}"), "is an escaped escape"),
    (re.compile(rb"//"), "is an empty segment"),
    (re.compile(rb"/\.{1,2}(?=/|\Z)"), "is a dot segment; send the path that it leads to"),
    (re.compile(rb"[^A-Za-z0-9._~!$&'()*+,=:@/%-]"), "must be percent-escaped in a path"),
    (re.compile(rb"(?:%[89A-F][0-9A-F])+"), "escapes bytes that are no UTF-8"),
)
"""In the order in which they are looked for; all of them together are what ``_CANONICAL`` leaves out."""


def path_of(target: bytes) -> str | Ambiguous:
    """The path of a raw request target without its query, as it was written; or why it has no single form."""
    if _CANONICAL.fullmatch(target) and _is_utf8(target):
        return target.decode("ascii")
    return Ambiguous(reason=_reason(target))


def _is_utf8(target: bytes) -> bool:
    if b"%" not in target:
        return True
    try:
        unquote_to_bytes(target).decode()
    except UnicodeDecodeError:
        return False
    return True


def _reason(target: bytes) -> str:
    faults = ((pattern.search(target), what) for pattern, what in _FAULTS)
    part, what = next((found[0], what) for found, what in faults if found)
    return f"The path has no single form: {_shown(part)} {what}."


def _shown(part: bytes) -> str:
    cut = part[:SHOWN_MAX].decode("ascii", "backslashreplace")
    return repr(cut) if len(part) <= SHOWN_MAX else f"{cut!r}…"
