"""All parts of one worker, made, started and stopped together.

They live in one task of the worker's event loop, so that whoever ends the loop ends them in order, and an app without
a lifespan is served as well.
"""

import asyncio
import contextlib
import importlib.util
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from meter.alerts import tell_on
from meter.archive.files import Archive
from meter.desks import account_api_of, answers_of, operator_api_of
from meter.gateway import metrics
from meter.gateway.asgi import ASGIApp
from meter.gateway.attempts import Attempts
from meter.gateway.callers import Identify
from meter.gateway.calls import CallsInProgress
from meter.gateway.challenge import PaymentHook
from meter.gateway.clock import PricingClock
from meter.gateway.endings import Endings
from meter.gateway.load_watch import FixedLoad, LoadWatch, Signal
from meter.gateway.meter import Meter
from meter.gateway.operator_api import Health
from meter.gateway.tariff import TariffBoard
from meter.gateway.writer import WriterParts
from meter.ledger.engine import RedisLedger
from meter.ledger.export import keep_below
from meter.ledger.load_board import LoadBoard
from meter.ledger.open_claims import OpenClaims
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.sweeping import sweep_on
from meter.ledger.undo import UndoList
from meter.outages import Outages, why_off
from meter.policy.load import changes
from meter.policy.mistakes import PolicyError
from meter.policy.model import LoadAdjustment, Plan, Policy
from meter.settings import Settings, SettingsError
from meter.store import open_books
from meter.till import Till

log = logging.getLogger("meter")

HEALTH_SECONDS_MAX = 1.0
GAUGE_SECONDS = 1.0
DRAIN_SECONDS_MAX = 5.0
"""How long a worker that stops waits for calls that the server has ended, so that each is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What a worker is built from."""

    app: ASGIApp
    settings: Settings
    board: TariffBoard
    identify: Identify
    signal: Signal | None
    payment: PaymentHook | None = None


class Worker:
    """The running parts of one event loop."""

    meter: Meter

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._settings = blueprint.settings
        self._calls = CallsInProgress()
        self._owner: asyncio.Task[None] | None = None
        self._flaw: str | None = None

    async def start(self, *, on_end: Callable[[], object]) -> None:
        """Start all parts.

        Args:
            on_end: is called when they have ended, however that came.

        Raises:
            LedgerUnavailable: the store can't be reached, or would lose money.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._run(ready), name="meter")
        self._owner.add_done_callback(lambda _: on_end())
        try:
            await asyncio.wait([self._owner, ready], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._owner.cancel()
            raise
        if self._owner.done():
            await self._owner

    async def stop(self) -> None:
        """Let the calls that have been ended close, then stop all parts, and wait until they have."""
        assert self._owner is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS_MAX):
                await self._calls.ended()
        self._owner.cancel()
        await asyncio.wait([self._owner])

    async def _run(self, ready: asyncio.Future[None]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            ledger, line = await stack.enter_async_context(open_books(self._settings))
            data = self._settings.data
            undo = _undo_list(data / "undo")
            stack.push_async_callback(undo.close)
            load = self._load(LoadBoard(line))
            outages = Outages(ledger, data / "reserve", off=why_off(self._settings.redis or "", data))
            outages.told(self._blueprint.board.tariff.policy)
            stack.push_async_callback(outages.close)
            till = Till(ledger, undo, opening=self._opening, reserve=outages.reserve, plans=self._plan)
            claims = OpenClaims(ledger)
            self.meter = self._meter(ledger, till, load, claims, lambda: self._health(ledger, undo, outages))
            for name, work in (
                ("undo", undo.run(ledger)),
                ("holds", till.run()),
                ("claims", claims.run()),
                *outages.work(),
                ("sweep", sweep_on(ledger, metrics.EXPIRED.inc)),
                ("load", load.run()),
                ("policies", self._follow(outages)),
                ("gauges", self._gauge(undo, till, outages)),
                ("export", self._export(ledger)),
                ("notices", tell_on(self._settings, ledger, lambda: self._blueprint.board.tariff.policy)),
            ):
                await stack.enter_async_context(_owned(name, work))
            ready.set_result(None)
            await asyncio.Event().wait()

    async def _export(self, ledger: RedisLedger) -> None:
        """Take entries out of the store before it fills, where this is asked for."""
        if self._settings.ledger_keep_bytes is not None:
            await keep_below(ledger, Archive(self._settings.archive), self._settings.ledger_keep_bytes)

    def _load(self, board: LoadBoard) -> LoadWatch | FixedLoad:
        if self._settings.load is not None:
            return FixedLoad(self._settings.load, self._load_rules)
        return LoadWatch(board, self._load_rules, calls=self._calls, signal=self._blueprint.signal)

    def _meter(
        self,
        ledger: RedisLedger,
        till: Till,
        load: LoadWatch | FixedLoad,
        claims: OpenClaims,
        health: Callable[[], Awaitable[Health]],
    ) -> Meter:
        settings, blueprint = self._settings, self._blueprint
        answers = replace(answers_of(settings), payment=blueprint.payment)
        account_api = account_api_of(
            settings, till=till, ledger=ledger, identify=blueprint.identify, board=blueprint.board, load=load
        )
        operator_api = operator_api_of(settings, health, ledger=ledger, board=blueprint.board)
        return Meter(
            blueprint.app,
            board=blueprint.board,
            till=till,
            attempts=Attempts(claims, till=till, answers=answers),
            identify=blueprint.identify,
            answers=answers,
            clock=PricingClock(settings.at),
            load=load,
            calls=self._calls,
            writer_parts=WriterParts(headers=answers.headers, endings=Endings(problems_url=settings.problems_url)),
            desks={settings.account_path: account_api, settings.operator_path: operator_api},
        )

    def _opening(self, plan: str | None) -> Plan | None:
        """The plan of that name as it is in force, or the one on which all unknown accounts are opened."""
        name = plan or self._settings.open_accounts
        return None if name is None else opening_plan(self._blueprint.board.tariff.policy, name)

    def _plan(self, name: str) -> Plan | None:
        """The plan of that name as it is in force: an account takes it up in its next period."""
        return self._blueprint.board.tariff.policy.plans.get(name)

    def _load_rules(self) -> Mapping[str, LoadAdjustment]:
        return self._blueprint.board.tariff.load_rules

    async def _follow(self, outages: Outages) -> None:
        """Put each changed policy in force; keep the last good one where a change is bad, and say so."""
        board = self._blueprint.board
        async for state in changes(self._settings.policies, asyncio.Event(), known=board.tariff.policy):
            try:
                if isinstance(state, PolicyError):
                    raise state
                board.hang(outages.told(require_fit(state, self._settings)))
            except (PolicyError, SettingsError) as error:
                self._flaw = str(error)
                log.error("The changed policies are wrong, so those of before stay in force:\n%s", error)
            else:
                self._flaw = None
                log.info("Policies %s are in force.", state.version)

    async def _gauge(self, undo: UndoList, till: Till, outages: Outages) -> None:
        """Show what is in progress, and which policy is in force, each second."""
        while True:
            metrics.INFLIGHT.set(self._calls.count)
            metrics.UNDO_PENDING.set(undo.pending)
            metrics.HOLDS.set(till.holding)
            outages.gauge()
            metrics.show_policy(self._blueprint.board.tariff.policy.version)
            await asyncio.sleep(GAUGE_SECONDS)

    async def _health(self, ledger: RedisLedger, undo: UndoList, outages: Outages) -> Health:
        """Tell whoever decides whether to send calls here."""
        store = await _store_trouble(ledger)
        troubles = {"store": store, **outages.troubles, "undo": undo.trouble, "policies": self._flaw}
        return Health(
            ready=(store is None or outages.serves) and troubles["undo"] is None,
            policy=self._blueprint.board.tariff.policy.version,
            undo_pending=undo.pending,
            troubles={part: trouble for part, trouble in troubles.items() if trouble},
        )


def require_fit(policy: Policy, settings: Settings) -> Policy:
    """Give the policy back, if it can be served under these settings.

    Raises:
        SettingsError: the settings name a plan that it does not have, or something that it needs is not installed.
    """
    if settings.open_accounts is not None:
        opening_plan(policy, settings.open_accounts)
    if policy.identity.jwt is not None and not _reads_tokens():
        raise SettingsError(
            "The policies identify callers by JWT, which needs an extra: pip install 'asgi-meter[jwt]'."
        )
    return policy


def _reads_tokens() -> bool:
    return all(importlib.util.find_spec(needed) is not None for needed in ("jwt", "cryptography"))


def opening_plan(policy: Policy, name: str) -> Plan:
    """The plan on which unknown accounts are opened.

    Raises:
        SettingsError: the policy has none of that name.
    """
    plan = policy.plans.get(name)
    if plan is None:
        known = ", ".join(policy.plans) or "no plan"
        raise SettingsError(f"Accounts cannot be opened on the plan {name!r}; the policies know {known}.")
    return plan


def _undo_list(folder: Path) -> UndoList:
    try:
        return UndoList(folder)
    except OSError as error:
        raise LedgerUnavailable(
            f"Undos can't be kept in {folder}: {error.strerror}; name another folder by METER_DATA.", fate_unknown=False
        ) from error


async def _store_trouble(ledger: RedisLedger) -> str | None:
    try:
        async with asyncio.timeout(HEALTH_SECONDS_MAX):
            await ledger.ping()
    except LedgerUnavailable as error:
        return " ".join(filter(None, (ledger.silence, str(error))))
    except TimeoutError:
        return f"The store did not answer within {HEALTH_SECONDS_MAX:g} s."
    return None


@contextlib.asynccontextmanager
async def _owned(name: str, work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run background work for as long as the block runs; tell if it fails, which ends nothing else."""
    task = asyncio.create_task(work, name=f"meter {name}")
    task.add_done_callback(_tell_failure)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error(
            "The task %r failed; what it does stands still until a restart.", task.get_name(), exc_info=task.exception()
        )
