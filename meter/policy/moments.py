"""The values of a policy file that tell time: zones, times of day, dates and spans."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, available_timezones

from meter.policy.mistakes import instead, shown
from meter.policy.values import written_value, wrong

SPAN_SECONDS_MAX = 86_400

_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
_SPAN = re.compile(r"([0-9]{1,6})([smh])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def zone(value: object) -> ZoneInfo:
    """An IANA time zone."""
    written = written_value(value, "Europe/Berlin")
    try:
        return ZoneInfo(written)
    except (KeyError, ValueError, OSError) as error:
        fix = instead(written, sorted(available_timezones()))
        fix = fix if fix.startswith("did") else "write an IANA name such as UTC or Europe/Berlin."
        raise wrong(f"{shown(written)} is not a time zone", fix) from error


def clock(value: object) -> time:
    """A time of day; 24:00 is midnight, as the end of a day."""
    written = written_value(value, '"02:00"')
    clock = _CLOCK.fullmatch(written)
    if not clock or (clock[1] == "24" and clock[2] != "00"):
        raise wrong(f"{shown(written)} is not a time of day", 'write hours and minutes, from "00:00" to "24:00".')
    return time(int(clock[1]) % 24, int(clock[2]))


def day(value: object) -> date:
    """A date."""
    written = written_value(value, "2026-12-24")
    try:
        return date.fromisoformat(written if _DATE.fullmatch(written) else "")
    except ValueError as error:
        raise wrong(f"{shown(written)} is not a date", "write year, month and day: 2026-12-24.") from error


def span(value: object) -> int:
    """A span of time, in seconds."""
    written = written_value(value, "30s")
    span = _SPAN.fullmatch(written)
    if not span or int(span[1]) * _SECONDS[span[2]] > SPAN_SECONDS_MAX:
        raise wrong(
            f"{shown(written)} is not a span of time up to a day", "write a number and its unit: 30s, 5m or 1h."
        )
    return int(span[1]) * _SECONDS[span[2]]


def instant(value: object) -> datetime:
    """A moment with its offset, in UTC: a whole minute, since the minute of a call decides what it costs."""
    written = written_value(value, "2027-01-01T00:00:00Z")
    try:
        moment = datetime.fromisoformat(written if _INSTANT.fullmatch(written) else "").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise wrong(
            f"{shown(written)} is not a moment", "write date, time and offset: 2027-01-01T00:00:00Z."
        ) from error
    if moment.second:
        raise wrong(f"{shown(written)} is not a whole minute", "write it with 00 seconds.")
    return moment
