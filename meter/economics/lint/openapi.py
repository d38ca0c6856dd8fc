"""The endpoints of an OpenAPI document (3.x or Swagger 2.0), each with its place; nothing else of it is read."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from meter.economics.exact import EconomicsError
from meter.economics.lint.subject import Endpoint
from meter.policy.model import Place

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")

_BASE = re.compile(r"^\{[^{}]*\}")
"""A variable at the beginning of a server's URL: its scheme and host, and no part of its path."""

Written = tuple[str, str, Place]
"""A path as the document writes it, one of its methods, and where that stands."""


def endpoints(text: str, file: str) -> tuple[Endpoint, ...]:
    """Read the methods of all paths, with the prefix of the first server.

    Raises:
        EconomicsError: it is neither JSON nor YAML, or has no ``paths``; with file and line.
    """
    if text.lstrip().startswith("{"):
        prefix, written = _of_json(text, file)
    else:
        prefix, written = _of_yaml(text, file)
    return tuple(_endpoint(prefix, path, method, place) for path, method, place in written)


def _endpoint(prefix: str, path: str, method: str, place: Place) -> Endpoint:
    if not path.startswith("/"):
        raise EconomicsError(f"{place}: {path[:60]!r} is no path; begin it with a slash.")
    return Endpoint(method=method.upper(), path=prefix + path, place=place)


def _path(url: str) -> str:
    """The path of a server, behind a variable that it may begin with; nothing where its URL can't be one."""
    with suppress(ValueError):
        return urlsplit(_BASE.sub("", url)).path.rstrip("/")
    return ""


def _of_json(text: str, file: str) -> tuple[str, list[Written]]:
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        _unreadable(file, error.lineno, f"not JSON ({error.msg})", error)
    except RecursionError as error:
        _unreadable(file, 1, "nested too deeply", error)
    if not isinstance(said, dict) or not isinstance(said.get("paths"), dict):
        _no_paths(file)
    return _json_prefix(said), list(_json_methods(text, file, said["paths"]))


def _json_prefix(said: dict[str, object]) -> str:
    match said:
        case {"servers": [{"url": str(url)}, *_]}:
            return _path(url)
        case {"basePath": str(base)}:
            return base.rstrip("/")
        case _:
            return ""


def _json_methods(text: str, file: str, paths: dict[str, object]) -> Iterator[Written]:
    """The methods, each found again in the text behind its path; JSON keeps no places."""
    at = _key("paths", text, 0)
    for path, item in paths.items():
        if path.startswith("x-") or not isinstance(item, dict):
            continue
        begins = _key(path, text, at)
        for method in item:
            if method in METHODS:
                found = _key(method, text, begins)
                column = found - text.rfind("\n", 0, found)
                yield path, method, Place(file=file, line=text.count("\n", 0, found) + 1, column=column)


def _key(name: str, text: str, begins: int) -> int:
    """Where a key stands from a place on; that place, where it is written in another way."""
    found = re.compile(rf"{re.escape(json.dumps(name, ensure_ascii=False))}\s*:").search(text, begins)
    return begins if found is None else found.start()


def _of_yaml(text: str, file: str) -> tuple[str, list[Written]]:
    root = _composed(text, file)
    if not isinstance(root, MappingNode) or not isinstance(paths := _inside(root, "paths"), MappingNode):
        _no_paths(file)
    return _yaml_prefix(root), list(_yaml_methods(paths, file))


def _yaml_methods(paths: MappingNode, file: str) -> Iterator[Written]:
    for key, item in paths.value:
        if isinstance(item, MappingNode) and not str(key.value).startswith("x-"):
            for method, _ in item.value:
                if method.value in METHODS:
                    yield str(key.value), method.value, _place(method, file)


def _yaml_prefix(root: MappingNode) -> str:
    """What stands before every path: that of the first server, or the base path of Swagger."""
    match _inside(root, "servers"), _inside(root, "basePath"):
        case SequenceNode(value=[MappingNode() as first, *_]), _:
            url = _inside(first, "url")
            return _path(str(url.value) if isinstance(url, ScalarNode) else "")
        case _, ScalarNode(value=str(base)):
            return base.rstrip("/")
        case _:
            return ""


def _inside(node: MappingNode, name: str) -> Node | None:
    return next((value for key, value in node.value if key.value == name), None)


def _composed(text: str, file: str) -> Node | None:
    """The document's nodes; aliases are shared and never followed twice, so reading ends."""
    try:
        found: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        _unreadable(file, line, f"not YAML ({error.problem or error.context})", error)
    except (YAMLError, ValueError, RecursionError) as error:
        _unreadable(file, 1, f"not YAML ({str(error)[:80]})", error)
    return found


def _no_paths(file: str) -> NoReturn:
    raise EconomicsError(f"{file}:1: there are no `paths` in it; name an OpenAPI document.")


def _unreadable(file: str, line: int, what: str, error: Exception) -> NoReturn:
    raise EconomicsError(f"{file}:{line}: the OpenAPI document is {what}; correct the line.") from error


def _place(node: Node, file: str) -> Place:
    return Place(file=file, line=node.start_mark.line + 1, column=node.start_mark.column + 1)
