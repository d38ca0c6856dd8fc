"""``meter grant``, ``meter revoke`` and ``meter balance``: credits in, back, and how they stand."""

from typing import Annotated

import typer

from meter.cli.ends import Refusal
from meter.cli.options import AccountId, Data, Expires, Json, Redis, second
from meter.cli.printing import show, show_json
from meter.cli.statements import show_statement
from meter.cli.store import ask, known, nobody
from meter.credits import parse, text
from meter.gateway.account_view import credits_object, number
from meter.ledger.names import check_grant_id
from meter.ledger.promise import Balance, Grant, GrantKind, Ledger, Undone, Word

Amount = Annotated[str, typer.Argument(metavar="CREDITS", help="How many, such as 1000 or 0.5.")]
GrantId = Annotated[str, typer.Option("--id", help="The grant's name: the same id never grants, or revokes, twice.")]
Kind = Annotated[GrantKind, typer.Option("--kind", help="What the credits were given for.")]
Priority = Annotated[int, typer.Option("--priority", min=0, max=100, help="The lowest is burnt first.")]
Note = Annotated[str, typer.Option("--note", help="Why, for the books.")]


def grant(
    account: AccountId,
    credits: Amount,  # noqa: A002 - the word of the command line
    *,
    id: GrantId,  # noqa: A002
    kind: Kind = GrantKind.PURCHASED,
    expires: Expires = None,
    priority: Priority = 50,
    note: Note = "",
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Add credits to an account. Repeating it with the same id changes nothing and is fine."""
    check_grant_id(id)
    amount = parse(credits)
    if not amount:
        raise typer.BadParameter(f"{credits} credits are nothing to grant; give more than 0.", param_hint="CREDITS")
    lot = Grant(id=id, kind=kind, amount=amount, priority=priority, expires_at=second(expires), note=note)
    word, balance = ask(lambda ledger: _granted(ledger, account, lot), redis=redis, data=data)
    if json:
        show_json(
            {
                "account": account,
                "id": lot.id,
                "kind": lot.kind,
                "credits": number(lot.amount),
                "granted": word is Word.DONE,
                "remaining": number(balance.remaining),
            }
        )
        return
    done = "was granted" if word is Word.DONE else "had been granted before; nothing was changed"
    show(f"{id}: {text(lot.amount)} credits, {done}. Account {account!r} has {text(balance.remaining)}.")


def revoke(account: AccountId, *, id: GrantId, redis: Redis = None, data: Data = None, json: Json = False) -> None:  # noqa: A002
    """Take back what is left of a grant. Repeating it changes nothing and is fine."""
    undone = ask(lambda ledger: _revoked(ledger, account, id), redis=redis, data=data)
    done = undone.word is Word.DONE
    if json:
        show_json({"account": account, "id": id, "credits": number(undone.amount), "revoked": done})
        return
    what = f"{text(undone.amount)} credits were taken back" if done else "it was revoked before; nothing was changed"
    show(f"{id}: {what}.")


def balance(account: AccountId, *, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """Show what an account has, in the words of GET /credits."""
    found = ask(lambda ledger: known(ledger, account), redis=redis, data=data)
    if json:
        show_json({"data": credits_object(found)})
        return
    show_statement(found, f"is {found.status}")


async def _revoked(ledger: Ledger, account: str, grant: str) -> Undone:
    undone = await ledger.revoke(account, grant, op=f"revoke:{grant}")
    if undone.word is Word.UNKNOWN:
        raise nobody(account)
    if undone.word is Word.GONE:
        raise Refusal(
            f"Account {account!r} never had a grant {grant[:80]!r}; `meter balance {account}` lists those it has."
        )
    return undone


async def _granted(ledger: Ledger, account: str, lot: Grant) -> tuple[Word, Balance]:
    word, balance = await ledger.grant(account, lot)
    if balance is not None:
        return word, balance
    match word:
        case Word.UNKNOWN:
            raise nobody(account)
        case Word.CONFLICT:
            raise Refusal(
                f"Grant {lot.id!r} of account {account!r} was made with other facts; give this one another --id."
            )
        case Word.LATE:
            raise Refusal(f"Grant {lot.id!r} would have expired already; give it a later --expires.")
        case _:
            raise Refusal(
                f"Account {account!r} cannot take {text(lot.amount)} credits more ({word}): "
                "it has 64 live grants, or would hold more than an amount can be."
            )
