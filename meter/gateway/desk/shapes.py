"""The words in which an OpenAPI document says what an answer looks like (JSON Schema 2020-12)."""

from collections.abc import Mapping

Shape = Mapping[str, object]

TEXT: Shape = {"type": "string"}
WHOLE: Shape = {"type": "integer"}
FLAG: Shape = {"type": "boolean"}
NUMBER: Shape = {"type": ["number", "string"], "description": "Exact; a number without an end is a text such as 1/3."}
AMOUNT: Shape = {"type": "number", "minimum": 0, "description": "Credits, exact to a millionth."}
CHANGE: Shape = {"type": "number", "description": "Credits, exact to a millionth; below zero they went."}
MOMENT: Shape = {"type": "string", "format": "date-time"}
DAY: Shape = {"type": "string", "format": "date"}


def maybe(shape: Shape) -> Shape:
    """Say that it may be null."""
    return {"anyOf": [shape, {"type": "null"}]}


def many(shape: Shape) -> Shape:
    """Say that there is a list of it."""
    return {"type": "array", "items": shape}


def record(*optional: str, **members: Shape) -> Shape:
    """An object of these members and no other; all of them are there but for those that are named as optional."""
    required = [name for name in members if name not in optional]
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False}


def by_name(shape: Shape) -> Shape:
    """An object whose members have names of their own."""
    return {"type": "object", "additionalProperties": shape}


def one_of(*words: str) -> Shape:
    """One of some words."""
    return {"type": "string", "enum": list(words)}


PERIOD = record(start=MOMENT, end=maybe(MOMENT))

PROBLEM: Shape = {
    "type": "object",
    "description": "RFC 9457.",
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": WHOLE,
        "detail": TEXT,
        "code": TEXT,
        "retryable": FLAG,
    },
    "required": ["type", "title", "status", "detail", "code", "retryable"],
}
