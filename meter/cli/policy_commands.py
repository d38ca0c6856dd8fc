"""What the policy files say, and whether they may: ``check`` and ``schema``."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import typer

from meter.cli.economics import lint_options as options
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


def check(
    *,
    policies: Policies = None,
    json: Json = False,
    economics: options.Economics = False,
    costs: options.Costs = None,
    price: options.Price = None,
    margin: options.Margin = None,
    floor: options.Floor = None,
    ladder: options.Ladder = None,
    blended_cost: options.Blended = None,
    openapi: options.OpenApi = None,
    ignore: options.Ignore = None,
    how: options.How = None,
) -> None:
    """Read the policy files and print every mistake, as file:line:column; with --economics, what loses money too."""
    if economics:
        from meter.cli.economics.linting import Asked, run  # noqa: PLC0415 - the rules are wanted here alone

        asked = Asked(
            costs=tuple(costs or ()),
            price=price,
            margin=margin,
            floor=floor,
            ladder=ladder,
            blended=blended_cost,
            openapi=openapi,
            ignore=tuple(ignore or ()),
            how=options.chosen(how, json=json),
        )
        run(settings(policies=policies), asked)
        return
    if costs or ignore or any(said is not None for said in (price, margin, floor, ladder, blended_cost, openapi, how)):
        raise typer.BadParameter("Costs, ladders and formats belong to --economics; add it.")
    _check(settings(policies=policies).policies, json=json)


def schema() -> None:
    """Print the JSON Schema of a policy file, for editors."""
    from meter.policy.document import json_schema  # noqa: PLC0415 - pydantic is slow to import

    show_json(json_schema())


def _check(path: Path, *, json: bool) -> None:
    try:
        policy = read(path)
    except PolicyError as error:
        _show_mistakes(error.mistakes, json=json)
        raise typer.Exit(Exit.FINDINGS) from error
    _show_counts(policy, json=json)


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
