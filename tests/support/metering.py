"""A metered app on a real store: the middleware as its users make it, and a look into the books."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from meter.app import MeterMiddleware
from meter.gateway.asgi import ASGIApp, Scope
from meter.ledger.api_keys import ApiKey, new_key
from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.promise import Statement
from meter.pricing.terms import Terms
from meter.settings import Settings
from meter.store import open_books
from tests.conftest import STEP_SECONDS
from tests.support.asgi import running

TOKEN = "an operator's token of 32 letters and more".replace(" ", "-")

POLICY = """
version: 1
operations:
  item: {title: Item, credits: 5}
  analysis: {title: Analysis, credits: 100}
  health: {free: true}
routes:
  - {match: "/v1/item", operation: item}
  - {match: "POST /v1/analysis", operation: analysis}
  - {match: GET /health, operation: health}
plans:
  small: {included: 1000, period: month}
"""

OBSERVED = POLICY.replace("version: 1", "version: 1\nobserve: true")


def named(scope: Scope) -> str | None:
    """The account that a header names: an application that trusts its callers."""
    return next((value.decode() for name, value in scope["headers"] if name == b"x-account"), "acme")


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The ledger behind the middleware, seen from outside."""

    ledger: RedisLedger

    async def of(self, account: str = "acme") -> Statement:
        found = await self.ledger.statement(account)
        assert found is not None, f"{account} is not open"
        return found

    async def consumed(self, account: str = "acme") -> int:
        """Whole credits that an account has consumed; 0 where it was never opened."""
        found = await self.ledger.statement(account)
        return found.consumed // 1_000_000 if found else 0

    async def entries(self, account: str = "acme") -> list[dict[str, Any]]:
        """What calls and people did to an account; alerts come beside them, whenever somebody looks."""
        page = await self.ledger.entries(self.ledger.shard_of(account), "0-0", 1000)
        found = [json.loads(text) for _, text in page]
        return [entry for entry in found if entry["account"] == account and entry["kind"] != "alert"]

    async def kinds(self, account: str = "acme") -> list[str]:
        return [entry["kind"] for entry in await self.entries(account)]

    async def open(self, account: str, terms: Terms) -> None:
        await self.ledger.open_account(account, terms, op=f"open:{account}")

    async def key(self, account: str, *, expires_at: int | None = None) -> tuple[str, ApiKey]:
        """Make an API key: as its owner writes it, and as everybody else knows it."""
        written = new_key(self.ledger.shard_of(account))
        key = ApiKey.parse(written)
        assert key is not None
        await self.ledger.create_key(account, key_hash=key.hash, hint=key.hint, expires_at=expires_at, op="key")
        return written, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A running metered app."""

    app: MeterMiddleware
    books: Books
    policy_file: Path


def settings_of(folder: Path, url: str | None, policy: str = POLICY, **facts: Any) -> Settings:
    """Settings of a folder that holds the policy and all that must survive."""
    file = folder / "policy.yaml"
    file.write_text(policy)
    return replace(Settings(redis=url, data=folder / "data", policies=file, open_accounts="small"), **facts)


@asynccontextmanager
async def books(url: str) -> AsyncIterator[Books]:
    """Look into the books of a store."""
    async with open_line(url) as line:
        yield Books(ledger=await RedisLedger.open(line, step_seconds=STEP_SECONDS))


def patient() -> Any:
    """Give the store more time than users do: a test that is not about time may run on a busy machine."""
    return mock.patch.dict(open_books.__wrapped__.__kwdefaults__, step_seconds=STEP_SECONDS)


@asynccontextmanager
async def metered(
    app: ASGIApp,
    folder: Path,
    url: str,
    policy: str = POLICY,
    *,
    identify: Any = named,
    load: Any = None,
    payment: Any = None,
    **facts: Any,
) -> AsyncIterator[Metered]:
    """Run an app with the middleware around it."""
    settings = settings_of(folder, url, policy, **facts)
    with patient():
        outer = MeterMiddleware(app, settings=settings, identify=identify, load=load, payment=payment)
        async with running(outer), books(url) as looking:
            yield Metered(app=outer, books=looking, policy_file=folder / "policy.yaml")
