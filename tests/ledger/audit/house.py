"""An account with a history, on a real server, and somebody who tampers with it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import redis

from meter.credits import Credits
from meter.ledger import names
from meter.ledger.audit.finding import Finding
from meter.ledger.audit.reading import Files, NoFiles
from meter.ledger.audit.report import Report
from meter.ledger.audit.run import audit
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.ids import operation_id
from meter.ledger.promise import Account, Done, Order
from tests.ledger.books import lot, opened

ACME = "acme"
RELEASED = HoldTerms(on_expiry=OnExpiry.RELEASE)

Entry = dict[str, Any]


def written(entry: Entry) -> str:
    """An entry as a script writes it."""
    return json.dumps(entry, separators=(",", ":"))


def record(amount: int) -> str:
    """What pricing writes down of a call that costs so much, whatever the hour."""
    numbers = {"base": str(amount), "rounding": ["half_up", "1", "0"], "exact": str(amount), "credits": str(amount)}
    return json.dumps({"operation": "chat", "policy": "0123456789abcdef", "moment": "2026-11-22T10:00:00Z"} | numbers)


@dataclass
class House:
    """The books of one account, who keeps them, and who tampers."""

    ledger: RedisLedger
    client: redis.Redis
    ops: dict[str, str] = field(default_factory=dict)
    """Operations by the name that the test has for them."""

    @property
    def shard(self) -> int:
        return self.ledger.shard_of(ACME)

    @property
    def account_key(self) -> str:
        return names.account_key(self.shard, ACME)

    @property
    def used_key(self) -> str:
        return names.used_key(self.shard, ACME)

    @property
    def stream(self) -> str:
        return names.ledger_key(self.shard)

    @property
    def holds_key(self) -> str:
        return names.holds_key(self.shard)

    def op_key(self, name: str) -> str:
        return names.op_key(self.shard, self.ops[name])

    def member(self, name: str) -> str:
        return f"{ACME}|{self.ops[name]}"

    async def opened(self, included: int = 1000, *, overage: int = 0) -> Account:
        return await opened(self.ledger, included=included, overage=overage)

    async def charge(self, account: Account, amount: int, name: str = "", operation: str = "chat") -> Order:
        placed = self.order(account, amount, name, operation)
        assert isinstance(await self.ledger.charge(placed), Done)
        return placed

    async def hold(
        self, account: Account, amount: int, name: str = "", terms: HoldTerms = RELEASED, operation: str = "chat"
    ) -> Order:
        placed = self.order(account, amount, name, operation)
        assert isinstance(await self.ledger.hold(placed, terms), Done)
        return placed

    async def settle(self, name: str, price: int, *, overrun: bool = False) -> None:
        await self.ledger.settle(ACME, self.ops[name], price=Credits(price), quote=record(price), overrun=overrun)

    def order(self, account: Account, amount: int, name: str, operation: str = "chat") -> Order:
        op = operation_id(self.ledger.now())
        self.ops[name or op] = op
        return Order(op=op, account=account, amount=Credits(amount), operation=operation, quote=record(amount))

    async def history(self) -> Account:
        """A bit of everything, that adds up."""
        account = await self.opened()
        await self.charge(account, 10, "first")
        await self.ledger.grant(ACME, lot("gift", 100))
        await self.hold(account, 100, "settled")
        await self.settle("settled", 60)
        await self.hold(account, 20, "released")
        await self.ledger.release(ACME, self.ops["released"], reason="502")
        await self.charge(account, 50, "refunded")
        await self.ledger.refund(ACME, self.ops["refunded"], reason="503")
        await self.hold(account, 30, "open")
        await self.charge(account, 7, "last", "image")
        return account

    async def report(self, files: Files | None = None, account: str | None = None) -> Report:
        return await audit(self.ledger, files or NoFiles(), account=account)

    async def found(self, files: Files | None = None) -> list[Finding]:
        return (await self.report(files)).findings

    async def said(self, files: Files | None = None) -> list[tuple[str, str | None]]:
        """What was found: the invariant, and the kind of the entry that shows it."""
        kinds = {stream_id: entry.get("kind") for stream_id, entry in self.entries()}
        return [(one.invariant.value, kinds.get(one.entry or "")) for one in await self.found(files)]

    def entries(self) -> list[tuple[str, Entry]]:
        return [(stream_id.decode(), json.loads(said[b"e"])) for stream_id, said in self.client.xrange(self.stream)]

    def entry(self, kind: str, name: str = "") -> tuple[str, Entry]:
        """The first entry of a kind; that of an operation, where one is named."""
        wanted = self.ops.get(name)
        return next(
            (stream_id, entry)
            for stream_id, entry in self.entries()
            if entry["kind"] == kind and wanted in (None, entry["op"], entry.get("of"))
        )

    def rewrite(self, change: Callable[[Entry], Entry | None]) -> None:
        """Write every entry again, changed, under its own id."""
        there = self.entries()
        self.client.delete(self.stream)
        for stream_id, entry in there:
            changed = change(dict(entry))
            if changed is not None:
                self.client.xadd(self.stream, {"e": written(changed)}, id=stream_id)

    def forge(self, entry: Entry) -> None:
        """Add an entry as a script would."""
        self.client.xadd(self.stream, {"e": written(entry)})

    def again(self, kind: str, name: str = "", **changed: object) -> None:
        """Add an entry once more, as if it had been done after all others, with its mark on the account's grants."""
        _, entry = self.entry(kind, name)
        after = int(self.entries()[-1][1]["after"]) + int(entry["delta"])
        self.forge(entry | {"after": str(after)} | changed)


__all__ = ["ACME", "RELEASED", "Entry", "House", "record", "replace"]
