"""Path templates, taken apart: text, parameters of one segment, and at the end the rest of the path."""

from dataclasses import dataclass

PARAMETER = None
"""Stands for a segment that matches any one that is not empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """``/v1/images/{id}`` is ``("v1", "images", PARAMETER)``; ``/v1/{all:path}`` is ``("v1",)`` with a rest."""

    segments: tuple[str | None, ...]
    rest: bool

    @property
    def exact(self) -> bool:
        """Whether it stands for one path alone."""
        return not self.rest and PARAMETER not in self.segments

    @property
    def looseness(self) -> tuple[int, ...]:
        """Smaller is more specific: no rest, more literal segments, more literal characters, more segments."""
        literals = [segment for segment in self.segments if segment is not PARAMETER]
        return (self.rest, -len(literals), -sum(len(segment) for segment in literals), -len(self.segments))

    def folded(self, *, case: bool, slash: bool) -> "Template":
        """The template without the differences of case, and of a slash at the end, where these are not told apart."""
        segments = self.segments if case else tuple(segment and segment.lower() for segment in self.segments)
        bare = not slash and not self.rest and len(segments) > 1 and segments[-1] == ""
        return Template(segments=segments[:-1] if bare else segments, rest=self.rest)


def parsed(template: str) -> Template:
    """Take a template apart; the policy has checked that it is one."""
    segments = template.split("/")[1:]
    rest = segments[-1].endswith(":path}")
    literal = [PARAMETER if segment.startswith("{") else segment for segment in segments]
    return Template(segments=tuple(literal[:-1] if rest else literal), rest=rest)
