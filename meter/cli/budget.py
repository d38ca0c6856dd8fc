"""``meter budget``: what may be drawn at an account, at a member, or by an API key: in a period, a minute, a day."""

from collections.abc import Sequence
from typing import Annotated

import typer

from meter.cli.ends import Refusal
from meter.cli.key import of_hint
from meter.cli.options import AccountId, Data, Json, Redis
from meter.cli.printing import show, show_json, show_table
from meter.cli.store import ask, nobody
from meter.credits import Credits, parse, text
from meter.gateway.account_view import JsonObject, moment_text, number
from meter.ledger.ids import operation_id
from meter.ledger.limits import KEY_LEVEL, Level, Limits, Window
from meter.ledger.promise import Ledger, Word

app = typer.Typer(no_args_is_help=True, help="Limit what an account, a member or an API key may spend.")

Period = Annotated[str | None, typer.Option("--period", metavar="CREDITS", help="In a period of whoever pays.")]
Minute = Annotated[str | None, typer.Option("--minute", metavar="CREDITS", help="In a minute.")]
Day = Annotated[str | None, typer.Option("--day", metavar="CREDITS", help="In a day (UTC).")]
Key = Annotated[str | None, typer.Option("--key", metavar="HINT", help="Of this API key of the account.")]

COLUMNS = ("level", "period", "spent", "minute", "spent", "day", "spent")


@app.command("set")
def set_budget(
    account: AccountId,
    *,
    period: Period = None,
    minute: Minute = None,
    day: Day = None,
    key: Key = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Set the limits of an account or of a key, from the next call on; a limit that is not given is none."""
    limits = Limits(budget=_amount(period), minute=_amount(minute), day=_amount(day))
    if limits == Limits():
        raise Refusal("No limit is given; give --period, --minute or --day, or use `meter budget remove`.")
    _set(account, limits, key, redis, data, json=json)


@app.command()
def remove(account: AccountId, *, key: Key = None, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """Take away all limits of an account or of a key, from the next call on."""
    _set(account, Limits(), key, redis, data, json=json)


@app.command("show")
def show_budgets(account: AccountId, *, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """Show all limits of an account's root and of all below it, and what was spent of each."""
    levels = ask(lambda ledger: _levels(ledger, account), redis=redis, data=data)
    if json:
        show_json({"levels": [_object(name, level) for name, level in levels]})
        return
    show_table(f"Limits of {account.partition('/')[0]}", COLUMNS, [_row(name, level) for name, level in levels])


def _amount(written: str | None) -> Credits | None:
    return None if written is None else parse(written)


def _set(account: str, limits: Limits, key: str | None, redis: Redis, data: Data, *, json: bool) -> None:
    name = ask(lambda ledger: _changed(ledger, account, limits, key), redis=redis, data=data)
    if json:
        show_json({"level": name, **_limits_object(limits)})
        return
    show(f"{name}: {_said(limits)}.")


async def _changed(ledger: Ledger, account: str, limits: Limits, hint: str | None) -> str:
    found = None if hint is None else await of_hint(ledger, hint, account)
    key_hash = None if found is None else found.key_hash
    if await ledger.set_limits(account, limits, op=operation_id(ledger.now()), key_hash=key_hash) is Word.UNKNOWN:
        raise nobody(account)
    return account if found is None else f"key {found.hint}…"


async def _levels(ledger: Ledger, account: str) -> Sequence[tuple[str, Level]]:
    return [(await _name(ledger, account, level), level) for level in await ledger.levels(account)]


async def _name(ledger: Ledger, account: str, level: Level) -> str:
    """A level as people know it: a key by its hint."""
    kind, _, key_hash = level.name.partition(":")
    if kind != KEY_LEVEL or not key_hash:
        return level.name
    found = await ledger.find_key(ledger.shard_of(account), key_hash)
    return f"key {found.hint}… of {found.account}" if found else "a key that is not there"


def _said(limits: Limits) -> str:
    caps = {"a period": limits.budget, "a minute": limits.minute, "a day": limits.day}
    said = [f"{text(cap)} credits {per}" for per, cap in caps.items() if cap is not None]
    return "at most " + ", ".join(said) if said else "no limit"


def _limits_object(limits: Limits) -> JsonObject:
    caps = {"period": limits.budget, "minute": limits.minute, "day": limits.day}
    return {name: None if cap is None else number(cap) for name, cap in caps.items()}


def _object(name: str, level: Level) -> JsonObject:
    windows = {"period": level.budget, "minute": level.minute, "day": level.day}
    return {"level": name, **_limits_object(level.limits), "spent": {per: _window(one) for per, one in windows.items()}}


def _window(window: Window) -> JsonObject:
    return {"since": moment_text(window.start) if window.start else None, "credits": number(window.spent)}


def _row(name: str, level: Level) -> tuple[str, ...]:
    limits = level.limits
    pairs = ((limits.budget, level.budget), (limits.minute, level.minute), (limits.day, level.day))
    cells = [cell for cap, window in pairs for cell in _cells(cap, window)]
    return (name, *cells)


def _cells(cap: Credits | None, window: Window) -> tuple[str, str]:
    return ("", "") if cap is None else (text(cap), text(window.spent))
