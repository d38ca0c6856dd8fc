"""``meter key``: make, list and revoke API keys. A key is printed once; the store knows it by its hash alone."""

from typing import Annotated

import typer

from meter.cli.ends import Refusal
from meter.cli.options import AccountId, Data, Expires, Json, Redis, second
from meter.cli.printing import say, show, show_json, show_table
from meter.cli.store import ask, nobody
from meter.gateway.account_view import JsonObject, moment_text
from meter.ledger.api_keys import ApiKey, new_key
from meter.ledger.ids import operation_id
from meter.ledger.promise import KeyRecord, Ledger, Word

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")

KeyOrHint = Annotated[str, typer.Argument(metavar="KEY|HINT", help="The key, or its hint from `meter key list`.")]
Owner = Annotated[
    str | None, typer.Option("--account", metavar="ACCOUNT", help="Whose key it is; a hint needs it, a key does not.")
]


@app.command()
def create(
    account: AccountId, *, expires: Expires = None, redis: Redis = None, data: Data = None, json: Json = False
) -> None:
    """Make an API key for an account, and print it: now, and never again."""
    expires_at = second(expires)
    written = ask(lambda ledger: _create(ledger, account, expires_at), redis=redis, data=data)
    if json:
        show_json({"account": account, "key": written})
        return
    show(written)
    say(f"This is a key of account {account!r}. Keep it: it cannot be shown again.")


@app.command("list")
def list_keys(account: AccountId, *, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """List an account's API keys by their hints."""
    keys = ask(lambda ledger: _keys(ledger, account), redis=redis, data=data)
    if json:
        show_json({"account": account, "keys": [_object(key) for key in keys]})
        return
    rows = [
        (one.hint, _state(one), moment_text(one.created_at), moment_text(one.expires_at) or "never") for one in keys
    ]
    show_table(f"API keys of {account}", ("hint", "state", "created", "expires"), rows)


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


async def _create(ledger: Ledger, account: str, expires_at: int | None) -> str:
    written = new_key(ledger.shard_of(account))
    key = ApiKey.parse(written)
    assert key is not None
    op = operation_id(ledger.now())
    word = await ledger.create_key(account, key_hash=key.hash, hint=key.hint, expires_at=expires_at, op=op)
    if word is Word.UNKNOWN:
        raise nobody(account)
    return written


async def _keys(ledger: Ledger, account: str) -> tuple[KeyRecord, ...]:
    if await ledger.find_account(account) is None:
        raise nobody(account)
    return await ledger.keys_of(account)


async def _revoke(ledger: Ledger, written: str, account: str | None) -> tuple[str, Word]:
    key = ApiKey.parse(written)
    if key is not None:
        shard, key_hash, hint = key.shard, key.hash, key.hint
    elif account is not None:
        found = await of_hint(ledger, written, account)
        shard, key_hash, hint = ledger.shard_of(account), found.key_hash, found.hint
    else:
        raise Refusal(f"{written[:10]!r} is no whole key; give a hint together with --account ACCOUNT.")
    word = await ledger.revoke_key(shard, key_hash, op=operation_id(ledger.now()))
    if word is Word.UNKNOWN:
        raise Refusal(f"No account has the key {hint}…; `meter key list ACCOUNT` lists those that exist.")
    return hint, word


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
    }


def _state(key: KeyRecord) -> str:
    return "revoked" if key.revoked else "active"
