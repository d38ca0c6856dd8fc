"""``meter key``: make, list, rotate and revoke API keys. A key is printed once; the store has its hash alone."""

import re
from typing import Annotated

import typer

from meter.cli.ends import Refusal
from meter.cli.options import AccountId, Data, Expires, Json, Redis, second
from meter.cli.printing import say, show, show_json, show_table
from meter.cli.store import ask, nobody
from meter.credits import parse
from meter.gateway.account_view import JsonObject, moment_text
from meter.ledger.api_keys import ApiKey, new_key
from meter.ledger.ids import operation_id
from meter.ledger.limits import Limits
from meter.ledger.promise import KeyRecord, Ledger, Word

app = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke API keys.")

KeyOrHint = Annotated[str, typer.Argument(metavar="KEY|HINT", help="The key, or its hint from `meter key list`.")]
Operations = Annotated[
    str | None,
    typer.Option("--operations", metavar="NAMES", help="What it is for, such as chat,image.*. Without: for all."),
]
Budget = Annotated[
    str | None, typer.Option("--budget", metavar="CREDITS", help="What it may spend in a period of whoever pays.")
]
Overlap = Annotated[str, typer.Option("--overlap", metavar="SPAN", help="How long the old key works on.")]
Owner = Annotated[
    str | None, typer.Option("--account", metavar="ACCOUNT", help="Whose key it is; a hint needs it, a key does not.")
]

_SPAN = re.compile(r"([0-9]{1,4})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@app.command()
def create(
    account: AccountId,
    *,
    expires: Expires = None,
    operations: Operations = None,
    budget: Budget = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make an API key for an account, and print it: now, and never again."""
    expires_at, limits = second(expires), Limits(budget=None if budget is None else parse(budget))
    names = tuple(operations.split(",")) if operations else ()
    written = ask(lambda ledger: _create(ledger, account, expires_at, names, limits), redis=redis, data=data)
    _show_new(account, written, json=json)


@app.command()
def rotate(
    key: KeyOrHint,
    *,
    account: Owner = None,
    overlap: Overlap = "1h",
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a new key in the place of one, and print it; the old one works on for a while. Limits are one for both."""
    seconds = _overlap(overlap)
    owner, written = ask(lambda ledger: _rotate(ledger, key, account, seconds), redis=redis, data=data)
    _show_new(owner, written, json=json)


@app.command("list")
def list_keys(account: AccountId, *, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """List an account's API keys by their hints."""
    keys = ask(lambda ledger: _keys(ledger, account), redis=redis, data=data)
    if json:
        show_json({"account": account, "keys": [_object(key) for key in keys]})
        return
    rows = [
        (
            *(one.hint, _state(one), moment_text(one.created_at), moment_text(one.expires_at) or "never"),
            ", ".join(one.operations) or "everything",
        )
        for one in keys
    ]
    show_table(f"API keys of {account}", ("hint", "state", "created", "expires", "for"), rows)


@app.command()
def revoke(
    key: KeyOrHint, *, account: Owner = None, redis: Redis = None, data: Data = None, json: Json = False
) -> None:
    """Make a key unknown, from the next call on."""
    hint, word = ask(lambda ledger: _revoke(ledger, key, account), redis=redis, data=data)
    if json:
        show_json({"hint": hint, "revoked": word is Word.DONE})
        return
    show(f"Key {hint}… " + ("is revoked." if word is Word.DONE else "was revoked before; nothing was changed."))


def _show_new(account: str, written: str, *, json: bool) -> None:
    if json:
        show_json({"account": account, "key": written})
        return
    show(written)
    say(f"This is a key of account {account!r}. Keep it: it cannot be shown again.")


def _overlap(written: str) -> int:
    found = _SPAN.fullmatch(written)
    if found is None:
        raise typer.BadParameter(f"{written!r} is no span of time; write 0s, 30m, 12h or 7d.", param_hint="--overlap")
    return int(found[1]) * _SECONDS[found[2]]


async def _create(
    ledger: Ledger, account: str, expires_at: int | None, operations: tuple[str, ...], limits: Limits
) -> str:
    """Make a key, and limit it before anybody has it."""
    written, key = _new(ledger, account)
    op = operation_id(ledger.now())
    word = await ledger.create_key(
        account, key_hash=key.hash, hint=key.hint, expires_at=expires_at, op=op, operations=operations
    )
    if word is Word.UNKNOWN:
        raise nobody(account)
    if limits != Limits():
        await ledger.set_limits(account, limits, op=operation_id(ledger.now()), key_hash=key.hash)
    return written


async def _rotate(ledger: Ledger, written: str, account: str | None, overlap_seconds: int) -> tuple[str, str]:
    old = await _named(ledger, written, account)
    made, key = _new(ledger, old.account)
    op = operation_id(ledger.now())
    word = await ledger.rotate_key(
        old.account, old.key_hash, new_hash=key.hash, hint=key.hint, overlap_seconds=overlap_seconds, op=op
    )
    if word is Word.UNKNOWN:
        raise Refusal(f"Key {old.hint}… is revoked or has expired; make a new one with `meter key create`.")
    return old.account, made


def _new(ledger: Ledger, account: str) -> tuple[str, ApiKey]:
    written = new_key(ledger.shard_of(account))
    key = ApiKey.parse(written)
    assert key is not None
    return written, key


async def _named(ledger: Ledger, written: str, account: str | None) -> KeyRecord:
    """The record of a key that is written whole, or as a hint together with its account."""
    key = ApiKey.parse(written)
    if key is not None:
        found = await ledger.find_key(key.shard, key.hash)
        if found is None:
            raise Refusal(f"No account has the key {key.hint}…; `meter key list ACCOUNT` lists those that exist.")
        return found
    if account is None:
        raise Refusal(f"{written[:10]!r} is no whole key; give a hint together with --account ACCOUNT.")
    return await of_hint(ledger, written, account)


async def _keys(ledger: Ledger, account: str) -> tuple[KeyRecord, ...]:
    if await ledger.find_account(account) is None:
        raise nobody(account)
    return await ledger.keys_of(account)


async def _revoke(ledger: Ledger, written: str, account: str | None) -> tuple[str, Word]:
    found = await _named(ledger, written, account)
    shard = ledger.shard_of(found.account)
    return found.hint, await ledger.revoke_key(shard, found.key_hash, op=operation_id(ledger.now()))


async def of_hint(ledger: Ledger, hint: str, account: str) -> KeyRecord:
    """The key of an account that begins so.

    Raises:
        Refusal: there is none, or more than one.
    """
    found = [one for one in await _keys(ledger, account) if one.hint == hint.rstrip("…")]
    if len(found) == 1:
        return found[0]
    many = "no key" if not found else f"{len(found)} keys"
    raise Refusal(f"Account {account!r} has {many} with the hint {hint[:10]!r}; give the whole key, or see `key list`.")


def _object(key: KeyRecord) -> JsonObject:
    return {
        "hint": key.hint,
        "revoked": key.revoked,
        "created_at": moment_text(key.created_at),
        "expires_at": moment_text(key.expires_at),
        "operations": list(key.operations) or None,
    }


def _state(key: KeyRecord) -> str:
    return "revoked" if key.revoked else "active"
