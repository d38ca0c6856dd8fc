"""Whether the books add up: the ledger's words against themselves, and against the customers' answers."""

from dataclasses import dataclass
from typing import Any

from meter.credits import Credits, parse, text
from meter.demo.traffic import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What ``meter balance`` says of one account."""

    account: str
    granted: Credits
    consumed: Credits
    reserved: Credits
    remaining: Credits


def books(balance: dict[str, Any]) -> Books:
    """Read the object that ``meter balance --json`` prints, its numbers still text."""
    said = balance["data"]
    amounts = {name: parse(said[name]) for name in ("granted", "consumed", "reserved", "remaining")}
    return Books(account=said["account"], **amounts)


def faults(found: Books, tally: Tally) -> list[str]:
    """Say what does not add up, a sentence each; nothing when all does."""
    said = []
    if found.granted != found.consumed + found.reserved + found.remaining:
        said.append(
            f"{found.account}: {text(found.granted)} granted is not {text(found.consumed)} consumed "
            f"+ {text(found.reserved)} reserved + {text(found.remaining)} remaining."
        )
    if found.consumed != tally.consumed:
        said.append(
            f"{found.account}: the books say that {text(found.consumed)} credits were consumed; "
            f"its answers add up to {text(tally.consumed)}."
        )
    return said
