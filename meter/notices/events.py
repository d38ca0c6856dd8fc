"""What a webhook says: CloudEvents 1.0 in JSON, the same bytes at every attempt.

A letter is kept in the ledger with its data as they were when it was written; nothing here asks how things are now.
"""

import hashlib

import msgspec

from meter.credits import Credits
from meter.gateway.account_view import JsonObject, json_text, moment_text, number, period_object
from meter.ledger.noticing import Letter
from meter.notices.rules import Notice, Standing, What

CONTENT_TYPE = "application/cloudevents+json"

_TYPES = {
    What.THRESHOLD: "asgi-meter.credits.threshold_reached.v1",
    What.FORECAST: "asgi-meter.credits.exhaustion_forecast.v1",
    What.ZERO: "asgi-meter.credits.exhausted.v1",
    What.TOP_UP: "asgi-meter.credits.top_up_requested.v1",
}


def label(account: str, *parts: str) -> str:
    """The name of one notice for ever: the same notice has the same one, whoever finds it and however often."""
    told = "\n".join((account, *parts)).encode()
    return f"alert:{hashlib.sha256(told).hexdigest()[:32]}"


def data(notice: Notice, standing: Standing) -> str:
    """What a letter says of a notice: a JSON text."""
    return json_text({**_who(standing), **_level(notice), **_stands(standing)}).decode()


def top_up_data(standing: Standing, *, below: Credits, op: str) -> str:
    """What a letter says that asks for a purchase: with the id that its grant should have, so that it comes once."""
    asked: JsonObject = {"below": number(below), "grant_id": f"top_up:{op.removeprefix('alert:')}"}
    return json_text({**_who(standing), **asked, **_stands(standing)}).decode()


def body(letter: Letter, source: str) -> str:
    """The event as it is sent."""
    event: JsonObject = {
        "specversion": "1.0",
        "id": letter.id,
        "source": source,
        "type": _TYPES[What(letter.what)],
        "subject": letter.account,
        "time": moment_text(letter.at),
        "datacontenttype": "application/json",
        "data": msgspec.Raw(letter.data.encode()),
    }
    return json_text(event).decode()


def _who(standing: Standing) -> JsonObject:
    return {"account": standing.account, "plan": standing.plan}


def _stands(standing: Standing) -> JsonObject:
    return {
        "granted": number(standing.granted),
        "remaining": number(standing.remaining),
        "reserved": number(standing.reserved),
        "period": period_object(standing.period),
    }


def _level(notice: Notice) -> JsonObject:
    level = notice.level
    if level is None:
        return {}
    at = {"exhausted_at": moment_text(notice.exhausted_at)} if notice.percent is None else {"percent": notice.percent}
    return {"level": level.shown or level.name, "used": number(level.used), "limit": number(level.limit), **at}
