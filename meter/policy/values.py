"""The single values of a policy file: how each is written and checked.

Each check takes what YAML held and returns the exact value, or raises the two halves of a mistake; ``kinds`` makes
types of them.
"""

import re
from fractions import Fraction
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from meter.credits import DECIMALS, LIMIT, MICRO, AmountError, Credits, parse, text
from meter.policy.mistakes import shown

SHARES = {"full": Fraction(1), "none": Fraction(0)}
MULTIPLIER_MAX = 1000
CAPACITY_MAX = 10_000_000
NUMBER_CHARACTERS_MAX = 32
SHOWN_DECIMALS = 12
TITLE_CHARACTERS_MAX = 120
WANTED_CHARACTERS_MAX = 256
_NUMBER = re.compile(r"([+-]?)[0-9]+(?:\.([0-9]+))?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_METER = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)
_QUERY = re.compile(r"[^\s&=#+%\x00-\x20\x7f]{1,64}")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")
_CALLS = re.compile(r"[0-9]{1,8}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


def wrong(problem: str, fix: str) -> PydanticCustomError:
    """Make what a validator raises: the two halves of a mistake, still without its place."""
    return PydanticCustomError("meter", "{problem}; {fix}", {"problem": problem, "fix": fix})


def decimal(number: Fraction) -> str:
    """Write an exact number that has an end as a plain decimal, cut after ``SHOWN_DECIMALS``."""
    whole, rest = divmod(int(number * 10**SHOWN_DECIMALS), 10**SHOWN_DECIMALS)
    return f"{whole}.{rest:0{SHOWN_DECIMALS}d}".rstrip("0").rstrip(".")


def meter_name(written: str) -> bool:
    """Whether this can be the name of a meter that a policy declares."""
    return bool(_METER.fullmatch(written))


def header_name(written: str) -> bool:
    """Whether this can be the name of a header (RFC 9110, 5.1)."""
    return bool(_TOKEN.fullmatch(written))


def query_name(written: str) -> bool:
    """Whether this can be the name of a query parameter, as it reads decoded."""
    return bool(_QUERY.fullmatch(written))


def written_value(value: object, example: str) -> str:
    """The text of a value, as it was written."""
    if isinstance(value, str):
        return value
    word = {bool: "true or false", list: "a list", dict: "a mapping"}.get(type(value), "nothing")
    raise wrong(f"this is {word}", f"write a value such as {example}.")


def amount(value: object) -> Credits:
    """An amount of credits."""
    written = written_value(value, "100 or 0.5")
    try:
        return parse(written)
    except AmountError as error:
        raise _no_amount(written) from error


def positive(value: object) -> Credits:
    """An amount of credits above 0."""
    if not (found := amount(value)):
        raise wrong("this is 0 credits", "write an amount above 0; an operation that costs nothing says `free: true`.")
    return found


def _no_amount(written: str) -> PydanticCustomError:
    number = _NUMBER.fullmatch(written)
    if not number:
        return wrong(f"{shown(written)} is not an amount of credits", "write a plain number such as 100 or 0.5.")
    if number[1] == "-":
        return wrong(f"{shown(written)} is negative", "an amount is 0 or more.")
    if len(number[2] or "") > DECIMALS:
        return wrong(f"{shown(written)} has {len(number[2])} decimals", f"an amount has at most {DECIMALS}.")
    return wrong(
        f"{shown(written)} is out of range", f"write an amount from 0 to {text(Credits(LIMIT))}, without sign."
    )


def _positive(value: object, what: str, example: str, *, decimals: int, most: int) -> Fraction:
    written = written_value(value, example)
    number = _NUMBER.fullmatch(written)
    if not number or number[1]:
        raise wrong(f"{shown(written)} is not a {what}", f"write a plain number above 0 such as {example}.")
    if len(number[2] or "") > decimals:
        raise wrong(f"{shown(written)} has {len(number[2])} decimals", f"a {what} has at most {decimals}.")
    if len(written) > NUMBER_CHARACTERS_MAX or not 0 < Fraction(written) <= most:
        raise wrong(f"the {what} {shown(written)} is out of range", f"write a number above 0 and up to {most}.")
    return Fraction(written)


def multiplier(value: object) -> Fraction:
    """An exact factor."""
    return _positive(value, "multiplier", "0.7", decimals=9, most=MULTIPLIER_MAX)


def rise(value: object) -> Fraction:
    """A share of a price."""
    return _positive(value, "share of a price", "0.1", decimals=9, most=MULTIPLIER_MAX)


def rate(value: object) -> Fraction:
    """Micro-credits for each unit of a meter."""
    return _positive(value, "rate", "0.002", decimals=12, most=LIMIT // MICRO) * MICRO


def share(value: object) -> Fraction:
    """What of its price a call pays: a word, or a number from 0 to 1."""
    written = written_value(value, "full, none or 0.1")
    if written in SHARES:
        return SHARES[written]
    number = _NUMBER.fullmatch(written)
    if not number or number[1] or len(written) > NUMBER_CHARACTERS_MAX or not 0 <= Fraction(written) <= 1:
        raise wrong(f"{shown(written)} is not a share", "write full, none, or a number from 0 to 1 such as 0.1.")
    return Fraction(written)


def threshold(value: object) -> Fraction:
    """A load."""
    return _positive(value, "load", "0.9", decimals=9, most=CAPACITY_MAX)


def money(value: object) -> Fraction:
    """An exact sum of money."""
    written = written_value(value, '"99"')
    number = _NUMBER.fullmatch(written)
    if not number or number[1] or len(number[2] or "") > DECIMALS or len(written) > NUMBER_CHARACTERS_MAX:
        raise wrong(
            f"{shown(written)} is not a sum of money", f'write a plain number of at most {DECIMALS} decimals: "99".'
        )
    return Fraction(written)


def currency(value: object) -> str:
    """A currency by its three letters."""
    written = written_value(value, "USD")
    if not _CURRENCY.fullmatch(written):
        raise wrong(f"{shown(written)} is not a currency", "write its three capital letters (ISO 4217), such as USD.")
    return written


def name(value: object) -> str:
    """The name of a plan or an adjustment."""
    written = written_value(value, "image.analyse")
    if not _NAME.fullmatch(written):
        raise wrong(f"{shown(written)} is not a name", "write 1 to 64 letters, digits, dots, dashes or underscores.")
    return written


def operation_name(value: object) -> str:
    """The name of an operation."""
    named = name(value)
    if named in {"refuse", "free"}:
        raise wrong(
            f"{shown(named)} can't name an operation", f"choose another: `unmatched: {named}` has its own meaning."
        )
    return named


def title(value: object) -> str:
    """A line for people."""
    written = written_value(value, "AI analysis")
    if not written.strip() or not written.isprintable() or len(written) > TITLE_CHARACTERS_MAX:
        raise wrong(f"{shown(written)} is not a title", f"write one line of 1 to {TITLE_CHARACTERS_MAX} characters.")
    return written


def meter_key(value: object) -> str:
    """The name of a meter that an operation declares."""
    written = written_value(value, "tokens")
    if not meter_name(written):
        raise wrong(
            f"{shown(written)} is not a meter's name", "write lower-case letters, digits and underscores: total_tokens."
        )
    return written


def header(value: object) -> str:
    """A header's name, in lower case."""
    written = written_value(value, "X-API-Key")
    if not header_name(written):
        raise wrong(f"{shown(written)} is not a header name", "write a name such as X-API-Key, without the colon.")
    return written.lower()


def query(value: object) -> str:
    """A query parameter's name."""
    written = written_value(value, "limit")
    if not query_name(written):
        raise wrong(f"{shown(written)} is not a query parameter", "write its decoded name, without spaces or ?&=#+%.")
    return written


def wanted(value: object) -> str:
    """What a condition asks for."""
    if isinstance(value, bool):
        return str(value).lower()
    written = written_value(value, '"*" for any value')
    if len(written) > WANTED_CHARACTERS_MAX or not written.isprintable():
        raise wrong(
            f"{shown(written)} is too long or not printable",
            f"write one line of at most {WANTED_CHARACTERS_MAX} characters.",
        )
    return written


def pointer(value: object) -> str:
    """A JSON pointer."""
    written = written_value(value, "/usage/total_tokens")
    if not _POINTER.fullmatch(written):
        raise wrong(f"{shown(written)} is not a JSON pointer", "write one such as /usage/total_tokens (RFC 6901).")
    return written


def url(value: object) -> str:
    """A URL to read a number from."""
    written = written_value(value, "http://127.0.0.1:9100/load")
    try:
        parts = urlsplit(written)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not written.isascii() or not written.isprintable() or " " in written:
        raise wrong(f"{shown(written)} is not a URL", "write one such as http://127.0.0.1:9100/load.")
    return written


def capacity(value: object) -> int:
    """Calls in progress that count as a load of 1."""
    written = written_value(value, "100")
    if not _CALLS.fullmatch(written) or not 0 < int(written) <= CAPACITY_MAX:
        raise wrong(f"{shown(written)} is not a number of calls", f"write a whole number from 1 to {CAPACITY_MAX}.")
    return int(written)


def tier(value: object) -> str:
    """An amount that is a key: kept as it was written."""
    amount(value)
    return written_value(value, "100000")
