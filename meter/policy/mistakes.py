"""What is wrong in a policy file, where, and what would be right.

Every message is two halves, the problem with its value and the fix, so that nobody has to ask what to do next.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from heapq import nsmallest

from meter.policy.model import Place, Policy

_CANDIDATES_MAX = 1000
"""Names looked at for a did-you-mean, so that ten thousand mistakes still take seconds."""

_COMPARED_MAX = 20
"""Of those, how many are compared letter by letter."""

_SHOWN_MAX = 60

_LISTED_MAX = 20
"""Names listed where none is close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing to correct."""

    place: Place
    problem: str
    """What is wrong, with the value."""
    fix: str
    """What would be right."""
    about_price: bool = False
    """Whether it is a price that can be read but may not be charged, so that everything else holds as it stands."""

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}; {self.fix}"


class PolicyError(Exception):
    """The policy files hold mistakes: all of them, sorted by place, one a line.

    ``rest`` is what they say where every mistake is about a price: for whoever explains it, never for who serves.
    """

    def __init__(self, mistakes: Iterable[Mistake], *, rest: Policy | None = None) -> None:
        self.mistakes = tuple(sorted(set(mistakes), key=_order))
        self.rest = rest
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))

    def __reduce__(self) -> tuple[type["PolicyError"], tuple[tuple[Mistake, ...]]]:
        return PolicyError, (self.mistakes,)


def shown(written: object) -> str:
    """Show a value in a message: quoted, and cut where it is long."""
    text = str(written)
    return repr(text) if len(text) <= _SHOWN_MAX else repr(text[:_SHOWN_MAX] + "…")


def instead(written: str, known: Iterable[str]) -> str:
    """Say what could stand in place of a word that is unknown: the closest known one, else all."""
    names = list(known)
    close = get_close_matches(written[:_SHOWN_MAX], _near(written, names), n=1)
    if close:
        return f"did you mean {shown(close[0])}?"
    match names:
        case []:
            return "there is none yet: declare it first."
        case [only]:
            return f"write {only}."
    return f"write one of {', '.join(names[:_LISTED_MAX])}{'.' if len(names) <= _LISTED_MAX else ', …'}"


def _near(written: str, names: list[str]) -> list[str]:
    def distance(name: str) -> tuple[bool, bool, int]:
        return name[:1] != written[:1], name[-1:] != written[-1:], abs(len(name) - len(written))

    return nsmallest(_COMPARED_MAX, names[:_CANDIDATES_MAX], key=distance)


def _order(mistake: Mistake) -> tuple[str, int, int, str, str]:
    place = mistake.place
    return place.file, place.line, place.column, mistake.problem, mistake.fix
