"""What policy files are made of: mappings, and the types of single values: a check, and what an editor is told."""

from datetime import date, datetime, time
from fractions import Fraction
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, PlainValidator, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue

from meter.credits import Credits
from meter.policy import addresses, moments, values


class Part(BaseModel):
    """What all mappings of a policy file share: a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _number(description: str, *examples: int | str, decimals: int, above: bool = False) -> JsonSchemaValue:
    return {
        "type": ["number", "string"],
        ("exclusiveMinimum" if above else "minimum"): 0,
        "pattern": rf"^[0-9]+(\.[0-9]{{1,{decimals}}})?$",
        "description": description,
        "examples": list(examples),
    }


def _text(description: str, *examples: str, **facts: object) -> JsonSchemaValue:
    return {"type": "string", "description": description, "examples": list(examples), **facts}


Amount = Annotated[
    Credits,
    PlainValidator(values.amount),
    WithJsonSchema(_number("Credits, with at most six decimals.", 1, 100, "0.5", decimals=6)),
]
Positive = Annotated[
    Credits,
    PlainValidator(values.positive),
    WithJsonSchema(_number("Credits above 0, with at most six decimals.", 1, "0.5", decimals=6, above=True)),
]
Multiplier = Annotated[
    Fraction,
    PlainValidator(values.multiplier),
    WithJsonSchema(_number("An exact factor above 0: 0.7 takes 30 % off.", "0.7", "1.5", decimals=9, above=True)),
]
Rise = Annotated[
    Fraction,
    PlainValidator(values.rise),
    WithJsonSchema(_number("A share of a price: 0.1 is a tenth.", "0.1", "0.05", decimals=9, above=True)),
]
Rate = Annotated[
    Fraction,
    PlainValidator(values.rate),
    WithJsonSchema(_number("Credits for each unit.", "0.01", "0.002", decimals=12, above=True)),
]
Share = Annotated[
    Fraction,
    PlainValidator(values.share),
    WithJsonSchema(
        {
            "anyOf": [{"enum": list(values.SHARES)}, {"type": "number", "minimum": 0, "maximum": 1}],
            "description": "full, none, or a share of the price from 0 to 1.",
            "examples": ["full", "none", 0.1],
        }
    ),
]
Threshold = Annotated[
    Fraction,
    PlainValidator(values.threshold),
    WithJsonSchema(_number("A load; 1 is full.", "0.9", "0.8", decimals=9, above=True)),
]
Money = Annotated[
    Fraction, PlainValidator(values.money), WithJsonSchema(_number("A sum of money.", "29", "99", decimals=6))
]
Currency = Annotated[
    str,
    PlainValidator(values.currency),
    WithJsonSchema(_text("A currency (ISO 4217).", "USD", "EUR", pattern="^[A-Z]{3}$")),
]
Name = Annotated[str, PlainValidator(values.name), WithJsonSchema(_text("A name.", "pro", "off-peak"))]
OperationName = Annotated[
    str, PlainValidator(values.operation_name), WithJsonSchema(_text("An operation's name.", "image.analyse"))
]
Title = Annotated[str, PlainValidator(values.title), WithJsonSchema(_text("A line for people.", "AI analysis"))]
MeterKey = Annotated[str, PlainValidator(values.meter_key), WithJsonSchema(_text("A meter's name.", "tokens"))]
HeaderName = Annotated[str, PlainValidator(values.header), WithJsonSchema(_text("A header's name.", "X-API-Key"))]
QueryName = Annotated[str, PlainValidator(values.query), WithJsonSchema(_text("A query parameter.", "limit"))]
Wanted = Annotated[
    str,
    PlainValidator(values.wanted),
    WithJsonSchema(
        {
            "type": ["string", "number", "boolean"],
            "description": 'The value that the request must have; "*" is any value.',
            "examples": ["*", "large"],
        }
    ),
]
Pointer = Annotated[
    str,
    PlainValidator(values.pointer),
    WithJsonSchema(_text("A JSON pointer into the response (RFC 6901).", "/usage/total_tokens", pattern="^/")),
]
Match = Annotated[
    addresses.Match,
    PlainValidator(addresses.match),
    WithJsonSchema(
        _text(
            "Method and path. {id} is one segment, {rest:path} the rest; without a method, every method.",
            "POST /v1/images/{id}/analysis",
            "GET /v1/{rest:path}",
            pattern=r"^\s*([A-Z]+\s+)?/\S*\s*$",
        )
    ),
]
Host = Annotated[str, PlainValidator(addresses.host), WithJsonSchema(_text("A host name.", "api.example.com"))]
Url = Annotated[
    str, PlainValidator(values.url), WithJsonSchema(_text("A URL that answers a number.", "http://127.0.0.1:9100/load"))
]
Zone = Annotated[
    ZoneInfo, PlainValidator(moments.zone), WithJsonSchema(_text("An IANA time zone.", "UTC", "Europe/Berlin"))
]
Clock = Annotated[
    time,
    PlainValidator(moments.clock),
    WithJsonSchema(_text("A time of day.", "02:00", "24:00", pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")),
]
Day = Annotated[date, PlainValidator(moments.day), WithJsonSchema(_text("A date.", "2026-12-24", format="date"))]
Moment = Annotated[
    datetime,
    PlainValidator(moments.instant),
    WithJsonSchema(_text("A moment, on a whole minute, with its offset.", "2027-01-01T00:00:00Z", format="date-time")),
]
Span = Annotated[
    int,
    PlainValidator(moments.span),
    WithJsonSchema(_text("A span of time, up to a day.", "30s", "5m", pattern="^[0-9]{1,6}[smh]$")),
]
Capacity = Annotated[
    int,
    PlainValidator(values.capacity),
    WithJsonSchema({"type": "integer", "minimum": 1, "description": "Calls in progress.", "examples": [100]}),
]
Tier = Annotated[
    str, PlainValidator(values.tier), WithJsonSchema(_text("Credits committed to a month.", "100000", "1000000"))
]
