"""``meter account``: open, look at, suspend and resume accounts."""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from meter.cli.ends import Refusal
from meter.cli.options import AccountId, Commitment, Data, Json, Policies, Redis, Zone, settings
from meter.cli.policy_commands import read
from meter.cli.printing import show, show_json, show_table
from meter.cli.question import plan_named
from meter.cli.statements import show_statement, terms_object, text_of
from meter.cli.store import ask, known, nobody
from meter.credits import ZERO, Credits, parse, text
from meter.gateway.operator.view import account_object
from meter.ledger.accounts import OP_CHARS_MAX
from meter.ledger.ids import operation_id
from meter.ledger.promise import Ledger, Statement, Status, Word
from meter.policy.model import PeriodUnit
from meter.pricing.plan_terms import with_own
from meter.pricing.terms import Terms
from meter.till import statement, terms_of

app = typer.Typer(no_args_is_help=True, help="Open, look at, suspend and resume accounts.")

PAGE_MAX = 1000

Plan = Annotated[str, typer.Option("--plan", metavar="PLAN", help="The plan whose facts the account copies.")]
Payer = Annotated[
    str | None, typer.Option("--payer", metavar="ACCOUNT", help="Who pays. Without: who pays for the account above.")
]
Count = Annotated[int, typer.Option("--count", min=1, max=PAGE_MAX, help="How many accounts to list at most.")]
Cursor = Annotated[str, typer.Option("--cursor", help="Where the page before this one ended.")]


@app.command()
def create(
    account: AccountId,
    *,
    plan: Plan,
    commitment: Commitment = None,
    zone: Zone = None,
    policies: Policies = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Open an account on a plan; the plan's included credits are there at once.

    Doing it again for the same plan changes nothing and is fine; another plan is refused.
    """
    chosen = plan_named(read(settings(policies=policies).policies), plan)
    own, home = None if commitment is None else parse(commitment), _zone(zone)
    created, opened = ask(
        lambda ledger: _open(ledger, account, terms_of(chosen, commitment=own, zone=home, now=ledger.now())),
        redis=redis,
        data=data,
    )
    if json:
        show_json({"created": created, **account_object(opened)})
        return
    show_statement(opened, "was opened" if created else "exists already, and nothing was changed")


@app.command()
def terms(
    account: AccountId,
    *,
    commitment: Commitment = None,
    zone: Zone = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show an account's terms, or set what of them is its own. The period that runs ends as it would have."""
    own, home = None if commitment is None else parse(commitment), None if zone is None else _zone(zone)
    found = ask(lambda ledger: _terms_set(ledger, account, own, home), redis=redis, data=data)
    shown = terms_object(found)
    if json:
        show_json({"account": account, **shown})
        return
    lines = [(name, text_of(said)) for name, said in shown.items() if said is not None]
    show_table(f"Terms of {account}", ("what", "says"), lines)


@app.command("show")
def show_account(account: AccountId, *, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """Show an account: its plan, its balance, its grants and what it used in this period."""
    found = ask(lambda ledger: known(ledger, account), redis=redis, data=data)
    if json:
        show_json(account_object(found))
        return
    payer = found.account.terms.payer
    show_statement(found, f"is {found.status}" + (f", and {payer} pays for its calls" if payer else ""))


@app.command()
def member(
    account: AccountId, *, payer: Payer = None, redis: Redis = None, data: Data = None, json: Json = False
) -> None:
    """Open an account that has no credits of its own: an account above it pays for its calls.

    Doing it again changes nothing and is fine.
    """
    paid_by = payer or account.rpartition("/")[0]
    created, paid_by = ask(lambda ledger: _open_member(ledger, account, paid_by), redis=redis, data=data)
    if json:
        show_json({"created": created, "account": account, "payer": paid_by})
        return
    show(f"Account {account!r} {'was opened' if created else 'exists already'}; {paid_by!r} pays for its calls.")


@app.command("list")
def list_accounts(
    *, count: Count = 100, cursor: Cursor = "", redis: Redis = None, data: Data = None, json: Json = False
) -> None:
    """List accounts, a page at a time."""
    following, found = ask(lambda ledger: _page(ledger, cursor, count), redis=redis, data=data)
    if json:
        show_json({"accounts": [account_object(one) for one in found], "next": following or None})
        return
    show_table("Accounts", ("account", "plan", "status", "granted", "consumed", "remaining"), map(_row, found))
    if following:
        show(f"There are more: meter account list --cursor {following}")


@app.command()
def suspend(account: AccountId, *, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """Let an account spend nothing, from the next call on."""
    _set_status(account, Status.SUSPENDED, redis, data, json=json)


@app.command()
def resume(account: AccountId, *, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """Let a suspended account spend again."""
    _set_status(account, Status.ACTIVE, redis, data, json=json)


def _zone(written: str | None) -> str:
    if written is None:
        return "UTC"
    try:
        return ZoneInfo(written).key
    except (KeyError, ValueError, OSError) as error:
        raise typer.BadParameter(
            f"{written!r} is not a time zone; write an IANA name such as Europe/Berlin.", param_hint="--zone"
        ) from error


async def _open(ledger: Ledger, account: str, terms: Terms) -> tuple[bool, Statement]:
    word, opened = await ledger.open_account(account, terms, op=f"open:{account}")
    there = opened.terms
    if (there.plan, there.commitment, there.zone) != (terms.plan, terms.commitment, terms.zone):
        raise Refusal(
            f"Account {account!r} exists already, on plan {there.plan!r} with a commitment of {text(there.commitment)};"
            " nothing was changed."
        )
    return word is Word.DONE, await known(ledger, account)


async def _terms_set(ledger: Ledger, account: str, commitment: Credits | None, zone: str | None) -> Terms:
    """The terms, with what is given set; an account that has it already is not changed."""
    there = (await known(ledger, account)).account.terms
    after = with_own(there, commitment=commitment, zone=zone)
    if after != there:
        await ledger.set_terms(account, after, op=operation_id(ledger.now()))
    return after


async def _open_member(ledger: Ledger, account: str, payer: str) -> tuple[bool, str]:
    above = await ledger.find_account(payer) if payer else None
    if above is None:
        raise nobody(payer) if payer else Refusal(f"{account!r} has no account above it that could pay for its calls.")
    terms = Terms(plan="", included=ZERO, period=PeriodUnit.NONE, payer=above.terms.payer or payer)
    word, opened = await ledger.open_account(account, terms, op=f"open:{account}"[:OP_CHARS_MAX])
    if opened.terms.payer != terms.payer:
        pays = opened.terms.payer or "it"
        raise Refusal(f"Account {account!r} exists already, and {pays} pays for its calls; nothing was changed.")
    return word is Word.DONE, opened.terms.payer or ""


async def _page(ledger: Ledger, cursor: str, count: int) -> tuple[str, list[Statement]]:
    following, names = await ledger.accounts(cursor, count=count)
    found = [await statement(ledger, name) for name in names]
    return following, [one for one in found if one is not None]


def _row(one: Statement) -> tuple[str, ...]:
    amounts = (text(amount) for amount in (one.granted, one.consumed, one.remaining))
    return one.account.id, one.account.terms.plan, one.status, *amounts


async def _change_status(ledger: Ledger, account: str, status: Status) -> None:
    if await ledger.set_status(account, status, op=operation_id(ledger.now())) is Word.UNKNOWN:
        raise nobody(account)


def _set_status(account: str, status: Status, redis: Redis, data: Data, *, json: bool) -> None:
    ask(lambda ledger: _change_status(ledger, account, status), redis=redis, data=data)
    if json:
        show_json({"account": account, "status": status})
        return
    show(f"Account {account!r} is {status}.")
