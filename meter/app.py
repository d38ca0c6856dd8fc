"""``MeterMiddleware``: what an application puts around itself to charge its calls."""

import asyncio
import logging
import os
from ipaddress import ip_network
from pathlib import Path

from meter.desks import answers_of, operator_api_of
from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.callers import AppIdentify, Identify, by_app
from meter.gateway.challenge import PaymentHook
from meter.gateway.desks import Desks
from meter.gateway.identification import Identification
from meter.gateway.lifespan import Lifespan
from meter.gateway.load_watch import Signal
from meter.gateway.operator_api import Health
from meter.gateway.tariff import TariffBoard
from meter.ledger.promise import LedgerError, LedgerUnavailable
from meter.policy.load import load as load_policy
from meter.policy.mistakes import PolicyError
from meter.policy.model import PathMode
from meter.settings import Settings, SettingsError
from meter.worker import Blueprint, Worker, require_fit

log = logging.getLogger("meter")


class MeterMiddleware:
    """Charge the calls of an ASGI app as its policies say.

    ``MeterMiddleware(app, policies="policies/")``, or ``app.add_middleware(MeterMiddleware, policies="policies/")``.
    What is not said here is read from the environment: see ``Settings``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        policies: str | Path | None = None,
        redis: str | None = None,
        identify: AppIdentify | None = None,
        open_accounts: str | None = None,
        load: Signal | None = None,
        payment: PaymentHook | None = None,
        settings: Settings | None = None,
        paths: PathMode = PathMode.APP,
        patient: bool = False,
    ) -> None:
        """Load and check the policies; the store is opened when the app starts.

        Args:
            app: what is metered.
            policies: the policy file, or the folder of policy files.
            redis: the store's URL. None: ``METER_REDIS``, else a server of our own.
            identify: names the account that a request's scope is charged to; plain or async; None for nobody. Without
                it, the policy's ``identity`` says how: by API keys, where it says nothing.
            open_accounts: the plan on which an unknown account is opened. Without it, unknown accounts are refused.
            load: how loaded the service is, where it knows that itself; 1 is at its capacity.
            payment: says how the caller of a scope can pay for what it lacks, in a 402: see docs/alerts.md.
            settings: all of the settings at once, in place of the environment.
            paths: what routes are matched against, where the policies don't say.
            patient: start even while the store is away. Calls are refused, and try again to open it.

        Raises:
            PolicyError: a policy file is wrong; the message names every mistake. Where an event loop runs already,
                this fails the start of the app instead.
            SettingsError: a setting is wrong; the same.
        """
        self._app = app
        self._patient = patient
        self._settings = settings or Settings()
        self._flaw: PolicyError | SettingsError | None = None
        self._workers: dict[asyncio.AbstractEventLoop, Worker] = {}
        self._starts: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}
        try:
            self._settings = settings or Settings.from_environment(
                os.environ, policies=policies, redis=redis, open_accounts=open_accounts
            )
            self._blueprint = Blueprint(
                app=app,
                settings=self._settings,
                board=TariffBoard(require_fit(load_policy(self._settings.policies), self._settings), paths),
                identify=_identify(identify, self._settings),
                signal=load,
                payment=payment,
            )
        except (PolicyError, SettingsError) as error:
            # Starlette makes its middlewares in its first call. What they raise there, servers take for an app without
            # a lifespan, and start.
            if not _in_event_loop():
                raise
            self._flaw = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Meter HTTP and WebSockets; start and stop with the app's lifespan."""
        if scope["type"] == "lifespan":
            start = self._start_if_possible if self._patient else self._start
            await Lifespan(self._app, start, self._stop)(scope, receive, send)
            return
        worker = self._workers.get(asyncio.get_running_loop())
        if worker is None:
            await self._serve_late(scope, receive, send)
            return
        await worker.meter(scope, receive, send)

    async def _serve_late(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call that came before any lifespan: start, or serve what takes nothing where that fails."""
        try:
            await self._start()
        except (LedgerError, PolicyError, SettingsError) as error:
            log.error("Calls that cost something are refused: %s", error)
            await self._without_books(scope, str(error))(scope, receive, send)
            return
        await self._workers[asyncio.get_running_loop()].meter(scope, receive, send)

    async def _start_if_possible(self) -> None:
        try:
            await self._start()
        except LedgerUnavailable as error:
            log.error("Calls that cost something are refused until the store is back: %s", error)

    async def _start(self) -> None:
        """Start once, however many calls wait for it."""
        if self._flaw is not None:
            raise self._flaw
        loop = asyncio.get_running_loop()
        if loop in self._workers:
            return
        start = self._starts.get(loop)
        if start is None:
            start = self._starts[loop] = asyncio.create_task(self._start_worker(loop))
            start.add_done_callback(lambda _: self._starts.pop(loop))
        await asyncio.shield(start)

    async def _start_worker(self, loop: asyncio.AbstractEventLoop) -> None:
        worker = Worker(self._blueprint)
        await worker.start(on_end=lambda: self._workers.pop(loop, None))
        self._workers[loop] = worker

    async def _stop(self) -> None:
        worker = self._workers.get(asyncio.get_running_loop())
        if worker is not None:
            await worker.stop()

    def _without_books(self, scope: Scope, trouble: str) -> ASGIApp:
        """What serves a call while there is no store."""
        settings, answers = self._settings, answers_of(self._settings)
        refusal = answers.ledger_unavailable()
        if self._flaw is not None:
            return refusal
        tariff = self._blueprint.board.tariff

        async def health() -> Health:
            return Health(ready=False, policy=tariff.policy.version, undo_pending=0, troubles={"store": trouble})

        operator_api = operator_api_of(settings, health, ledger=None, board=self._blueprint.board)
        desks = Desks(
            {settings.account_path: refusal, settings.operator_path: operator_api}, elsewhere=answers.not_found
        )
        desk = desks.at(scope)
        if desk is not None:
            return desk if scope["type"] == "http" else refusal
        return self._app if tariff.takes_nothing(tariff.verdict(scope), scope) else refusal


def _identify(identify: AppIdentify | None, settings: Settings) -> Identify:
    folder = settings.policies if settings.policies.is_dir() else settings.policies.parent
    proxies = tuple(ip_network(each) for each in settings.trusted_proxies)
    return by_app(identify, proxies) if identify else Identification(proxies=proxies, folder=folder)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
