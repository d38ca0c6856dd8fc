"""What the policy files say, and whether they may: ``check`` and ``schema``."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import typer

from meter.cli.ends import Exit
from meter.cli.options import Json, Policies, settings
from meter.cli.printing import counted, show, show_json
from meter.gateway.account_view import JsonObject
from meter.policy.mistakes import Mistake, PolicyError
from meter.policy.model import Place, Policy


def read(path: Path) -> Policy:
    """Load the policy files.

    Raises:
        PolicyError: they hold mistakes: all of them.
    """
    from meter.policy.load import load  # noqa: PLC0415 - reading YAML takes longer to import than the rest to run

    return load(path)


def check(*, policies: Policies = None, json: Json = False) -> None:
    """Read the policy files and print every mistake, as file:line:column."""
    path = settings(policies=policies).policies
    try:
        policy = read(path)
    except PolicyError as error:
        _show_mistakes(error.mistakes, json=json)
        raise typer.Exit(Exit.FINDINGS) from error
    _show_counts(policy, json=json)


def schema() -> None:
    """Print the JSON Schema of a policy file, for editors."""
    from meter.policy.document import json_schema  # noqa: PLC0415 - pydantic is slow to import

    show_json(json_schema())


def _show_mistakes(mistakes: Iterable[Mistake], *, json: bool) -> None:
    if json:
        show_json({"mistakes": [_mistake_object(mistake) for mistake in mistakes]})
        return
    for mistake in mistakes:
        show(str(mistake))


def _mistake_object(mistake: Mistake) -> JsonObject:
    place = mistake.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "problem": mistake.problem,
        "fix": mistake.fix,
    }


def _show_counts(policy: Policy, *, json: bool) -> None:
    files = _counts(policy)
    if json:
        listed = [{"file": file, **counts} for file, counts in files.items()]
        show_json({"version": policy.version, "mistakes": [], "files": listed})
        return
    for file, counts in files.items():
        declared = ", ".join(counted(number, noun.removesuffix("s")) for noun, number in counts.items())
        show(f"{file}: {declared}")


def _counts(policy: Policy) -> dict[str, dict[str, int]]:
    """How much each file declares, in the order of their names."""
    tallies = {
        "operations": _tally(operation.place for operation in policy.operations.values()),
        "routes": _tally(route.place for route in policy.routes),
        "adjustments": {one.place.file: len(one.adjustments) for one in policy.operations.values()},
        "plans": _tally(plan.place for plan in policy.plans.values()),
    }
    files = sorted({file for tally in tallies.values() for file in tally})
    return {file: {noun: tally.get(file, 0) for noun, tally in tallies.items()} for file in files}


def _tally(places: Iterable[Place]) -> Counter[str]:
    return Counter(place.file for place in places)
