"""The routes of one method, found by path: exact paths in a dictionary, templates in a tree of segments.

A look-up visits each node of the tree at most once, so its work is bounded by the policy, never by the request.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from meter.policy.model import Comparison, Operation, Route, UpstreamRule
from meter.pricing.templates import Template

EXACT = UpstreamRule(case=Comparison.EXACT, slash=Comparison.EXACT)
"""Paths that differ are different."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A route with what it leads to."""

    rank: int
    """Its place in the order of precedence; 0 comes first."""
    route: Route
    operation: Operation
    template: Template
    folded: Template
    """The template as the table compares it."""

    def is_twin_of(self, other: "Choice") -> bool:
        """Whether two templates differ, but not in their table."""
        return self.folded == other.folded and self.template != other.template


@dataclass(slots=True)
class Node:
    """What may follow one beginning of a path."""

    literals: dict[str, "Node"] = field(default_factory=dict)
    parameter: "Node | None" = None
    ends: list[Choice] = field(default_factory=list)
    rests: list[Choice] = field(default_factory=list)

    def after(self, segment: str | None) -> "Node":
        """The node that a template's segment leads to, made where it is missing."""
        if segment is not None:
            return self.literals.setdefault(segment, Node())
        self.parameter = self.parameter or Node()
        return self.parameter


class Table:
    """Choices by path."""

    def __init__(self, choices: Iterable[Choice], comparison: UpstreamRule) -> None:
        """Build the table.

        Args:
            choices: what can be chosen, in order of precedence.
            comparison: which paths are told apart; the paths that are looked up must be folded likewise.
        """
        self._case = comparison.case is Comparison.EXACT
        self._slash = comparison.slash is Comparison.EXACT
        self._exact: dict[str, list[Choice]] = {}
        self._root = Node()
        for choice in choices:
            self._add(replace(choice, folded=choice.template.folded(case=self._case, slash=self._slash)))

    def find(self, path: str) -> Iterator[list[Choice]]:
        """The choices whose path this is, then those whose template it matches; each list in order of precedence."""
        exact = self._exact.get(path)
        if exact:
            yield exact
        found = self._walk(path.split("/"))
        if len(found) > 1:
            found.sort(key=_rank)
        yield found

    def _add(self, choice: Choice) -> None:
        if choice.template.exact:
            self._exact.setdefault("".join(f"/{segment}" for segment in choice.folded.segments), []).append(choice)
            return
        node = self._root
        for segment in choice.folded.segments:
            node = node.after(segment)
        (node.rests if choice.template.rest else node.ends).append(choice)

    def _walk(self, segments: list[str]) -> list[Choice]:
        """Everything whose template matches; the first segment is what stands before the first slash."""
        found: list[Choice] = []
        waiting = [(self._root, 1)]
        while waiting:
            node, depth = waiting.pop()
            if depth == len(segments):
                # The rest is empty after a slash; where a slash makes no difference, also without it.
                found += node.ends if self._slash else node.ends + node.rests
                continue
            found += node.rests
            segment = segments[depth]
            if segment in node.literals:
                waiting.append((node.literals[segment], depth + 1))
            if segment and node.parameter:
                waiting.append((node.parameter, depth + 1))
        return found


def _rank(choice: Choice) -> int:
    return choice.rank
