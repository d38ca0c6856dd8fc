"""``meter pin`` and ``meter unpin``: accounts that go on paying by a version of the prices, or no longer do."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from meter.cli.bulk.bar import Bar
from meter.cli.ends import Exit, Refusal
from meter.cli.options import Data, Json, Policies, Redis, settings
from meter.cli.policy_commands import read
from meter.cli.printing import counted, say, show, show_json
from meter.cli.question import plan_named
from meter.cli.store import ask
from meter.ledger.names import check_account_id
from meter.policy.mistakes import instead, shown
from meter.policy.model import Policy
from meter.policy.versions import Pin
from meter.pricing.versions import version_names
from meter.pricing.words import moment_text
from meter.settings import moment

if TYPE_CHECKING:
    from meter.cli.bulk.pins import Pinned, Selector

STEP_SECONDS = 10.0
"""Hundreds of steps wait for the store at once, and nobody waits for one of them."""

SHOWN_MAX = 20
"""So many accounts are named for people."""

Version = Annotated[str, typer.Argument(metavar="VERSION", help="The version of the prices, as the policy names it.")]
Until = Annotated[
    str,
    typer.Option("--until", metavar="RFC3339", help="The first minute at which the pin is over.", show_default=False),
]
Accounts = Annotated[
    list[str] | None,
    typer.Option(
        "--account",
        metavar="ACCOUNT",
        help="This account; may be repeated.",
        callback=lambda written: [check_account_id(one) or one for one in written or ()],
    ),
]
PlanName = Annotated[str | None, typer.Option("--plan", metavar="PLAN", help="Accounts of this plan.")]
CreatedBefore = Annotated[
    str | None, typer.Option("--created-before", metavar="RFC3339", help="Accounts that were opened before.")
]
PinnedTo = Annotated[str | None, typer.Option("--pinned-to", metavar="VERSION", help="Accounts that are pinned to it.")]
Everybody = Annotated[bool, typer.Option("--all", help="Every account.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say which accounts are meant; change nothing.")]


def pin(
    version: Version,
    *,
    until: Until,
    account: Accounts = None,
    plan: PlanName = None,
    created_before: CreatedBefore = None,
    pinned_to: PinnedTo = None,
    everybody: Everybody = False,
    dry_run: DryRun = False,
    policies: Policies = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Let accounts go on paying by a version of the prices, whatever is in force, until a moment.

    Chosen are the accounts of which all that is said is true. Doing it again changes nothing.
    """
    policy = read(settings(policies=policies).policies)
    wanted = Pin(version=_known(policy, version), until=_minute(until))
    if plan is not None:
        plan_named(policy, plan)
    selector = _selector(account, plan, created_before, pinned_to, everybody=everybody)
    _work(selector, wanted, redis, data, dry_run=dry_run, json=json)


def unpin(
    *,
    account: Accounts = None,
    plan: PlanName = None,
    created_before: CreatedBefore = None,
    pinned_to: PinnedTo = None,
    everybody: Everybody = False,
    dry_run: DryRun = False,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Let accounts pay what is in force, at once: without a pin, and without the rebate that follows one."""
    selector = _selector(account, plan, created_before, pinned_to, everybody=everybody)
    _work(selector, None, redis, data, dry_run=dry_run, json=json)


def _work(selector: "Selector", wanted: Pin | None, redis: Redis, data: Data, *, dry_run: bool, json: bool) -> None:
    from meter.cli.bulk.pins import pinned  # noqa: PLC0415 - the engine takes long to import

    with Bar("Pinning" if wanted else "Unpinning", total=len(selector.accounts) or None) as bar:
        end = ask(
            lambda ledger: pinned(ledger, selector, wanted, dry_run=dry_run, told=bar.at),
            redis=redis,
            data=data,
            step_seconds=STEP_SECONDS,
        )
    if json:
        show_json(
            {
                "version": wanted and wanted.version,
                "until": wanted and moment_text(wanted.until),
                "dry_run": dry_run,
                "seen": end.seen,
                "pinned" if wanted else "unpinned": end.accounts,
                "already": end.already,
                "missing": end.missing,
            }
        )
    else:
        _show(end, wanted, dry_run=dry_run)
    if end.missing:
        raise typer.Exit(Exit.FINDINGS)


def _show(end: "Pinned", wanted: Pin | None, *, dry_run: bool) -> None:
    for name in end.missing:
        say(f"There is no account {name!r}.")
    if dry_run:
        for name in end.accounts[:SHOWN_MAX]:
            show(name)
        if len(end.accounts) > SHOWN_MAX:
            show(f"… and {len(end.accounts) - SHOWN_MAX} more: --json has all of them.")
    would = "would be " if dry_run else ""
    what = f"pinned to prices {wanted.version} until {moment_text(wanted.until)}" if wanted else "unpinned"
    already = "so already" if wanted else "without a pin already"
    show(f"{counted(len(end.accounts), 'account')} of {end.seen} {would}{what}; {end.already} {already}.")


def _known(policy: Policy, version: str) -> str:
    names = version_names(policy)
    if version not in names:
        raise Refusal(f"The policy has no version {shown(version)} of its prices; {instead(version, names)}")
    return version


def _minute(until: str) -> datetime:
    found = _moment(until, "--until")
    if found.second or found.microsecond:
        raise typer.BadParameter(f"{until!r} is no whole minute; write it with 00 seconds.", param_hint="--until")
    return found


def _moment(written: str, option: str) -> datetime:
    try:
        return moment(written).astimezone(UTC)
    except ValueError as error:
        raise typer.BadParameter(
            f"{written!r} is no moment; write it with its offset, as 2027-01-01T00:00:00Z.", param_hint=option
        ) from error


def _selector(
    accounts: Sequence[str] | None,
    plan: str | None,
    created_before: str | None,
    pinned_to: str | None,
    *,
    everybody: bool,
) -> "Selector":
    from meter.cli.bulk.pins import Selector  # noqa: PLC0415 - the engine takes long to import

    if everybody is any((accounts, plan, created_before, pinned_to)):
        raise typer.BadParameter(
            "say which accounts are meant: --account, --plan, --created-before, --pinned-to, or --all alone.",
            param_hint="--all",
        )
    before = None if created_before is None else int(_moment(created_before, "--created-before").timestamp())
    return Selector(accounts=tuple(accounts or ()), plan=plan, opened_before=before, version=pinned_to)
