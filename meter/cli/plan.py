"""``meter plan``: what plans there are, the plan of an account, and a changed plan for all its accounts."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Annotated

import typer

from meter.cli.bulk.bar import Bar
from meter.cli.ends import Refusal
from meter.cli.options import AccountId, Data, Json, Policies, Redis, settings
from meter.cli.policy_commands import read
from meter.cli.printing import counted, show, show_json, show_table
from meter.cli.question import plan_named
from meter.cli.store import ask, nobody
from meter.credits import text
from meter.gateway.account_view import JsonObject, moment_text, number
from meter.gateway.operator.view import change_object
from meter.ledger.changing import Change, When, change_plan
from meter.ledger.promise import Ledger
from meter.policy.model import Plan

app = typer.Typer(no_args_is_help=True, help="The plans of the policy, and who is on them.")

PAGE = 256
SHOWN_MAX = 20
STEP_SECONDS = 10.0

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="The plan, as the policy names it.")]
Now = Annotated[bool, typer.Option("--now", help="At once. Without: when the account's period ends.")]
AtOnce = Annotated[
    bool, typer.Option("--now", help="At once; without, each account takes it up in its next period by itself.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")]


@dataclass(slots=True)
class Applied:
    """What became of the accounts of a plan."""

    seen: int = 0
    changes: list[Change] = field(default_factory=list)


@app.command("list")
def list_plans(*, policies: Policies = None, json: Json = False) -> None:
    """List the plans of the policy."""
    plans = read(settings(policies=policies).policies).plans
    if json:
        show_json({"plans": [_plan_object(plan) for plan in plans.values()]})
        return
    rows = [(plan.name, text(plan.included), _period(plan), plan.anchor or "calendar") for plan in plans.values()]
    show_table("Plans", ("plan", "included", "period", "anchor"), rows)


@app.command()
def change(
    account: AccountId,
    plan: PlanName,
    *,
    now: Now = False,
    dry_run: DryRun = False,
    policies: Policies = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Put an account on another plan. Doing it again changes nothing.

    With --now it gets the share of the new plan's credits that the rest of its period is, and gives the same share of
    the old plan's back; what of that is spent, it does not get. Bought credits stay.
    """
    chosen = plan_named(read(settings(policies=policies).policies), plan)
    when = When.NOW if now else When.PERIOD_END
    made = ask(lambda ledger: _changed(ledger, account, chosen, when, dry_run=dry_run), redis=redis, data=data)
    if json:
        show_json({"dry_run": dry_run, **change_object(made)})
        return
    show(_sentence(made, dry_run=dry_run))


@app.command()
def apply(
    plan: PlanName,
    *,
    now: AtOnce = False,
    dry_run: DryRun = False,
    policies: Policies = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Let all accounts of a plan take up what the policy says of it by now. Doing it again changes nothing."""
    if not now:
        raise typer.BadParameter(
            f"Accounts take up {plan} in their next period by themselves; say --now to change them at once.",
            param_hint="--now",
        )
    chosen = plan_named(read(settings(policies=policies).policies), plan)
    with Bar(f"Plan {plan}", total=None) as bar:
        made = ask(
            lambda ledger: _applied(ledger, chosen, bar.at, dry_run=dry_run),
            redis=redis,
            data=data,
            step_seconds=STEP_SECONDS,
        )
    if json:
        found = [change_object(one) for one in made.changes]
        show_json({"plan": plan, "dry_run": dry_run, "accounts": made.seen, "changed": found})
        return
    verb = "would change" if dry_run else "changed"
    show(f"{counted(made.seen, 'account')} of plan {plan!r}; {len(made.changes)} {verb}.")
    for one in made.changes[:SHOWN_MAX]:
        show(f"  {one.account}: +{text(one.give)}, -{text(one.take)}")


async def _changed(ledger: Ledger, account: str, plan: Plan, when: When, *, dry_run: bool) -> Change:
    made = await change_plan(ledger, account, plan, when=when, dry_run=dry_run)
    if made is not None:
        return made
    found = await ledger.find_account(account)
    if found is None:
        raise nobody(account)
    raise Refusal(f"{found.terms.payer!r} pays for the calls of {account!r}; change the plan there.")


async def _applied(ledger: Ledger, plan: Plan, told: Callable[[int], object], *, dry_run: bool) -> Applied:
    """Go through all accounts; one that goes away meanwhile is passed over."""
    end, looked_at = Applied(), 0
    async for name in _all(ledger):
        looked_at += 1
        told(looked_at)
        found = await ledger.find_account(name)
        if found is None or found.terms.plan != plan.name or found.terms.payer is not None:
            continue
        end.seen += 1
        made = await change_plan(ledger, name, plan, when=When.NOW, dry_run=dry_run)
        if made is not None and made.changes:
            end.changes.append(made)
    return end


async def _all(ledger: Ledger) -> AsyncIterator[str]:
    cursor = ""
    while True:
        cursor, names = await ledger.accounts(cursor, count=PAGE)
        for name in names:
            yield name
        if not cursor:
            return


def _sentence(made: Change, *, dry_run: bool) -> str:
    if not made.changes:
        return f"Account {made.account!r} is on plan {made.plan!r}; there is nothing to change."
    verb = "would be" if dry_run else "is"
    if made.at is not None:
        return f"Account {made.account!r} {verb} on plan {made.plan!r} from {moment_text(made.at)} on."
    moved = f"{text(made.give)} credits are given for the rest of the period, and {text(made.take)} taken back"
    return f"Account {made.account!r} {verb} on plan {made.plan!r}; {moved}."


def _plan_object(plan: Plan) -> JsonObject:
    return {
        "plan": plan.name,
        "included": number(plan.included),
        "period": _period(plan),
        "anchor": plan.anchor or "calendar",
    }


def _period(plan: Plan) -> str:
    if plan.every is not None:
        return f"P{plan.every.months}M{plan.every.days}D"
    return f"{plan.period}, by {plan.drip}" if plan.drip else str(plan.period)
