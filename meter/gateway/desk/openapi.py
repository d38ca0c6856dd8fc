"""The OpenAPI 3.1 document of a desk, made of its table of endpoints."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from meter.gateway.desk.shapes import PROBLEM, TEXT, Shape

_REF = "#/components/schemas/{name}"
_PLACE = re.compile(r"\{(\w+)\}")

WHY: Mapping[int, str] = {
    400: "What is asked can't be meant; the detail says why.",
    401: "No credential, or none that is known.",
    404: "There is nothing of that name.",
    409: "It contradicts what is in the books.",
    413: "The body is too large.",
    429: "The account asks too often; Retry-After says when to ask again.",
    503: "The books can't be reached; ask again.",
}

NAMES: Mapping[str, tuple[str, Shape]] = {
    "account": (
        "The account's id; one that has parts is escaped, as in acme%2Fweb.",
        {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}(/[A-Za-z0-9._-]{1,64}){0,3}$"},
    ),
    "grant": ("The grant's id.", {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"}),
    "key": ("The key's id: its SHA-256 in hex.", {"type": "string", "pattern": "^[0-9a-f]{64}$"}),
}


class Documented(Protocol):
    """What the document says of an endpoint; each member is described there."""

    @property
    def method(self) -> str:
        """``GET``."""
        ...

    @property
    def path(self) -> str:
        """With its placeholders."""
        ...

    @property
    def name(self) -> str:
        """Unique."""
        ...

    @property
    def summary(self) -> str:
        """A sentence."""
        ...

    @property
    def answers(self) -> Mapping[int, tuple[str, Shape | str]]:
        """By status."""
        ...

    @property
    def query(self) -> type[msgspec.Struct]:
        """What its parameters are read into."""
        ...

    @property
    def body(self) -> type[msgspec.Struct] | None:
        """What its body is read into."""
        ...

    @property
    def refusals(self) -> Sequence[int]:
        """Its own ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What a desk's document says besides its endpoints."""

    title: str
    schemes: Mapping[str, object]
    """How one says who asks, by name; each of them is enough."""
    refusals: Sequence[int]
    """The statuses that every endpoint may refuse with."""
    open: bool
    """Whether anybody may read the document."""
    nameless: bool = False
    """Whether one may ask without saying who one is."""


def document(api: Api, endpoints: Sequence[Documented], *, path: str, mount: str) -> Mapping[str, object]:
    """Write the document.

    Args:
        api: what it is of.
        endpoints: what is answered.
        path: the desk's own.
        mount: the path that the app is mounted at; empty where that is the root.
    """
    kinds = [one.body for one in endpoints if one.body is not None]
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    paths: dict[str, dict[str, object]] = {}
    for one in endpoints:
        paths.setdefault(path + one.path, {})[one.method.lower()] = _operation(one, api)
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "version": "1"},
        "servers": [{"url": mount or "/"}],
        "paths": {here: _with_names(here, methods) for here, methods in paths.items()},
        "components": {"schemas": {**components, "Problem": PROBLEM}, "securitySchemes": api.schemes},
    }


def _operation(one: Documented, api: Api) -> Mapping[str, object]:
    statuses = sorted({*one.refusals, *api.refusals})
    operation: dict[str, object] = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": _parameters(one.query),
        "security": [*({name: []} for name in api.schemes), *([{}] if api.nameless else [])],
        "responses": {
            **{str(status): _response(*said) for status, said in one.answers.items()},
            **{str(status): _response(WHY[status], PROBLEM_REF, "application/problem+json") for status in statuses},
        },
    }
    if one.body is not None:
        schema = {"$ref": _REF.format(name=one.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


PROBLEM_REF: Shape = {"$ref": "#/components/schemas/Problem"}


def _response(why: str, shape: Shape | str, content: str = "application/json") -> Mapping[str, object]:
    kind, schema = (shape, TEXT) if isinstance(shape, str) else (content, shape)
    return {"description": why, "content": {kind: {"schema": schema}}}


def _parameters(kind: type[msgspec.Struct]) -> list[Mapping[str, object]]:
    """The parameters of a query, from the value that it is read into."""
    schema: dict[str, Any] = msgspec.json.schema(kind)["$defs"][kind.__name__]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _plain(one)}
        for name, one in schema["properties"].items()
    ]


def _plain(schema: Mapping[str, Any]) -> Mapping[str, object]:
    """What a parameter looks like when it is there: null can't be written in a query."""
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    here = {name: one for name, one in schema.items() if name not in ("anyOf", "default") or one is not None}
    return {**kinds[0], **{name: one for name, one in here.items() if name != "anyOf"}} if kinds else here


def _with_names(path: str, methods: Mapping[str, object]) -> Mapping[str, object]:
    names = _PLACE.findall(path)
    if not names:
        return methods
    said = ((name, *NAMES[name]) for name in names)
    places = [{"name": name, "in": "path", "required": True, "description": d, "schema": s} for name, d, s in said]
    return {"parameters": places, **methods}
