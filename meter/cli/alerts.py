"""``meter alerts``: what was told of accounts, and what of it waits to be delivered or could not be."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from meter.cli.ends import Refusal
from meter.cli.options import Data, Json, Redis
from meter.cli.printing import counted, show, show_json, show_table
from meter.cli.store import ask
from meter.gateway.account_view import JsonObject, moment_text
from meter.ledger.names import check_account_id
from meter.ledger.noticing import Letter
from meter.ledger.promise import Word

if TYPE_CHECKING:
    from meter.ledger.engine import RedisLedger

COUNT_MAX = 10_000

app = typer.Typer(invoke_without_command=True, help="List what was told of accounts, and deliver it again.")

Account = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="ACCOUNT",
        help="Of whom. Without: of everybody.",
        callback=lambda written: None if written is None else check_account_id(written) or written,
    ),
]
Count = Annotated[int, typer.Option("--count", min=1, max=COUNT_MAX, help="How many to list at most, of each kind.")]
LetterId = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="The id of a letter, as it is listed and as its receiver sees it.")
]
All = Annotated[bool, typer.Option("--all", help="All dead letters.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What all shards know."""

    told: Sequence[tuple[int, str, str]]
    """The newest first."""
    waiting: Sequence[Letter]
    """Those that are due first first."""
    dead: Sequence[Letter]
    """Those that were given up last first."""


@app.callback()
def alerts(
    context: typer.Context,
    *,
    account: Account = None,
    count: Count = 100,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List the last alerts, the webhooks that wait, and those that were given up."""
    if context.invoked_subcommand is not None:
        return
    found = ask(lambda ledger: _all(ledger, account), redis=redis, data=data)
    (_show_as_json if json else _show_to_people)(found, count)


@app.command()
def redeliver(
    letter: LetterId = None, *, all_: All = False, redis: Redis = None, data: Data = None, json: Json = False
) -> None:
    """Let a webhook be delivered again, as if it had never failed: by the workers, within some seconds."""
    if all_ is (letter is not None):
        raise typer.BadParameter("name one letter, or all dead ones by --all.", param_hint="ID")
    ids = ask(lambda ledger: _again(ledger, letter), redis=redis, data=data)
    if letter is not None and not ids:
        raise Refusal(f"There is no letter {letter!r} that waits or is dead; see: meter alerts")
    if json:
        show_json({"redelivered": ids})
        return
    show(f"{counted(len(ids), 'webhook')} will be delivered again.")


async def _all(ledger: "RedisLedger", account: str | None) -> _Found:
    shards = await ledger.shards_in_use() if account is None else (ledger.shard_of(account),)
    kept = await asyncio.gather(*map(ledger.notices, shards))
    told = [one for of_shard in kept for one in of_shard.told if account in (None, one[1])]
    waiting = [one for of_shard in kept for one in of_shard.waiting if account in (None, one.account)]
    dead = [one for of_shard in kept for one in of_shard.dead if account in (None, one.account)]
    return _Found(
        told=sorted(told, key=lambda one: one[0], reverse=True),
        waiting=sorted(waiting, key=attrgetter("due")),
        dead=sorted(dead, key=attrgetter("due"), reverse=True),
    )


async def _again(ledger: "RedisLedger", letter: str | None) -> list[str]:
    """Deliver a letter again, or all dead ones; the ids of those that are."""
    shards = await ledger.shards_in_use()
    if letter is not None:
        words = await asyncio.gather(*(ledger.deliver_again(shard, letter) for shard in shards))
        return [letter] if Word.DONE in words else []
    kept = zip(shards, await asyncio.gather(*map(ledger.notices, shards)), strict=True)
    dead = [(shard, one.id) for shard, of_shard in kept for one in of_shard.dead]
    words = await asyncio.gather(*(ledger.deliver_again(shard, one) for shard, one in dead))
    return [one for (_, one), word in zip(dead, words, strict=True) if word is Word.DONE]


def _show_as_json(found: _Found, count: int) -> None:
    told = [{"at": moment_text(at), "account": account, "notice": name} for at, account, name in found.told[:count]]
    waiting = [{**_object(letter), "due_at": moment_text(letter.due)} for letter in found.waiting[:count]]
    dead = [{**_object(letter), "given_up_at": moment_text(letter.due)} for letter in found.dead[:count]]
    show_json({"told": told, "waiting": waiting, "dead": dead})


def _object(letter: Letter) -> JsonObject:
    return {
        "id": letter.id,
        "account": letter.account,
        "what": letter.what,
        "at": moment_text(letter.at),
        "attempts": letter.attempts,
        "last": None if letter.last == "-" else letter.last,
        "data": msgspec.Raw(letter.data.encode()),
    }


def _show_to_people(found: _Found, count: int) -> None:
    told = [(moment_text(at), account, name) for at, account, name in found.told[:count]]
    show_table("Alerts", ("at", "account", "notice"), told)
    for title, letters, when in (
        ("Webhooks that wait", found.waiting, "next attempt"),
        ("Webhooks that were given up", found.dead, "given up"),
    ):
        if letters:
            columns = ("id", "account", "what", "attempts", "last", when)
            show_table(title, columns, [_row(letter) for letter in letters[:count]])
    wait, dead = len(found.waiting), len(found.dead)
    show(f"{counted(len(found.told), 'alert')}; {counted(wait, 'webhook')} to deliver, {dead} given up.")


def _row(letter: Letter) -> tuple[object, ...]:
    return letter.id, letter.account, letter.what, letter.attempts, letter.last, moment_text(letter.due)
