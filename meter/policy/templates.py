"""Route templates, as in Starlette but whole segments alone: ``/v1/images/{id}``, ``/v1/{rest:path}``.

A parameter is a whole segment and matches one segment that is not empty; ``{name:path}`` stands last and matches the
rest, slashes and all, or nothing. The rest of a template is ASCII with one spelling, so it means the same in a raw
target and in a decoded path. No regular expressions come from a policy.
"""

import re

TEMPLATE_CHARACTERS_MAX = 512

_PARAMETER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)
_REST = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*:path\}", re.ASCII)
_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]*", re.ASCII)


def parameter(segment: str) -> str | None:
    """The name of a segment's parameter; None where it is written out."""
    if _PARAMETER.fullmatch(segment) or _REST.fullmatch(segment):
        return segment[1:-1].partition(":")[0]
    return None


def shape(template: str) -> str:
    """The template without the names of its parameters: what two routes share that match the same paths."""
    return "/".join(_nameless(segment) for segment in template.split("/"))


def fault(template: str) -> tuple[str, str] | None:
    """What is wrong with a template, and what would be right; None where nothing is."""
    if not template.startswith("/"):
        return "does not begin with a slash", "write a path such as /v1/images/{id}."
    if len(template) > TEMPLATE_CHARACTERS_MAX:
        return f"has {len(template)} characters", f"write at most {TEMPLATE_CHARACTERS_MAX}."
    *inner, last = template[1:].split("/")
    for segment in inner:
        if found := _inner_fault(segment):
            return found
    return _segment_fault(last) or _twice(template)


def _nameless(segment: str) -> str:
    if _REST.fullmatch(segment):
        return "{:path}"
    return "{}" if _PARAMETER.fullmatch(segment) else segment


def _inner_fault(segment: str) -> tuple[str, str] | None:
    if not segment:
        return "has an empty segment", "write single slashes."
    if _REST.fullmatch(segment):
        return f"goes on after {segment}", "a :path parameter takes the rest and stands last."
    return _segment_fault(segment)


def _segment_fault(segment: str) -> tuple[str, str] | None:
    if parameter(segment):
        return None
    if "{" in segment or "}" in segment:
        return f"has a segment {segment[:60]!r}", "a parameter is a whole segment: {name}, or {name:path} at the end."
    if segment in {".", ".."}:
        return f"has a dot segment {segment!r}", "write the path that is meant."
    if not _LITERAL.fullmatch(segment):
        return (
            f"has a segment {segment[:60]!r}",
            "write ASCII letters, digits and -._~!$&'()*+,=:@ alone; match anything else by a {parameter}.",
        )
    return None


def _twice(template: str) -> tuple[str, str] | None:
    names = [name for segment in template.split("/") if (name := parameter(segment))]
    for name in names:
        if names.count(name) > 1:
            return f"names {name!r} twice", "give each parameter its own name."
    return None
