"""``meter serve``: the processes of the gateway, from the first check to the last drained call."""

import asyncio
import contextlib
import functools
import gc
import logging
import math
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_network
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from meter import logs
from meter.app import MeterMiddleware
from meter.desks import answers_of
from meter.gateway.access_log import AccessLog
from meter.gateway.asgi import ASGIApp
from meter.gateway.forwarding import Forwarding
from meter.gateway.httpx_upstream import HttpxUpstream, UpstreamLimits
from meter.gateway.proxy import Proxy
from meter.gateway.serving import ClientLimits, ServerConfig
from meter.gateway.websockets_upstream import WebsocketsUpstream
from meter.policy.load import load
from meter.policy.model import PathMode
from meter.settings import Settings
from meter.store import open_store
from meter.worker import require_fit

log = logging.getLogger("meter")

READY_SECONDS_MAX = 60
READY_PAUSE_SECONDS = 0.05
BACKLOG = 2048
LEDGER_KEEP_BYTES = 268_435_456
"""What the ledger's entries may take in the store where the settings don't say."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, and drain.

    Raises:
        PolicyError: a policy file is wrong, or can't be served.
        SettingsError: the policies don't know the plan on which accounts are opened.
        LedgerUnavailable: the store can't be reached, or would lose money.
        OSError: the address can't be listened on.
    """
    require_fit(load(settings.policies), settings)
    with _listening(settings) as listener, _shared_metrics(settings):
        server_config = _config(settings)
        asyncio.run(_check_store(settings))
        threading.Thread(target=_announce, args=(settings, listener.getsockname()[1]), daemon=True).start()
        signal.signal(signal.SIGTERM, _drained)
        if settings.workers == 1:
            uvicorn.Server(server_config).run(sockets=[listener])
        else:
            Multiprocess(server_config, sockets=[listener]).run()


def _drained(_number: int, _frame: FrameType | None) -> None:
    """Make a drained end a good one: the server raises the signal again when its calls have ended."""


def worker(settings: Settings) -> ASGIApp:
    """Make the gateway of a process that ends with the one which started it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    return gateway(settings)


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    """Drain and end this process when its parent was killed: it would keep the port from the next one."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def gateway(settings: Settings) -> ASGIApp:
    """Make one worker's gateway: the log around the metering around the proxy."""
    assert settings.upstream is not None
    limits = UpstreamLimits(
        connect_seconds=settings.upstream_connect_seconds,
        answer_seconds=settings.upstream_answer_seconds,
    )
    proxy = Proxy(
        HttpxUpstream(settings.upstream, limits),
        WebsocketsUpstream(settings.upstream, limits, message_bytes_max=settings.message_bytes_max),
        refusals=answers_of(settings),
        forwarding=Forwarding(
            trusted=tuple(ip_network(each) for each in settings.trusted_proxies),
            prefix=settings.header_prefix.lower().encode(),
        ),
        body_bytes_max=settings.body_bytes_max,
    )
    # A worker that comes while the store is away must not end the others, which is what a failed start does.
    metered = MeterMiddleware(proxy, settings=_keeping(settings), paths=PathMode.STRICT, patient=True)
    gc.collect()
    gc.freeze()  # what was made for the start lives on, and no collection of a call looks at it again
    return AccessLog(metered, lines=settings.access_log)


def _keeping(settings: Settings) -> Settings:
    """The settings of a worker that exports the ledger."""
    return replace(settings, ledger_keep_bytes=settings.ledger_keep_bytes or LEDGER_KEEP_BYTES)


def _config(settings: Settings) -> ServerConfig:
    limits = ClientLimits(
        head_seconds=settings.head_seconds,
        body_idle_seconds=settings.body_idle_seconds,
        keep_alive_seconds=settings.keep_alive_seconds,
        reader_idle_seconds=settings.keep_alive_seconds,
        head_bytes_max=settings.head_bytes_max,
        message_bytes_max=settings.message_bytes_max,
    )
    return ServerConfig(
        functools.partial(worker, settings),
        limits=limits,
        factory=True,
        lifespan="on",
        workers=settings.workers,
        log_config=logs.config(),
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds),
    )


async def _check_store(settings: Settings) -> None:
    """Fail here, with a sentence, rather than in every worker."""
    async with open_store(settings):
        log.info("The store is fit to keep the books.")


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
        yield listener


@contextlib.contextmanager
def _shared_metrics(settings: Settings) -> Iterator[None]:
    """Give several workers a folder to count in together."""
    if settings.workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="meter-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _announce(settings: Settings, port: int) -> None:
    """Say where the gateway listens, once it is ready to charge."""
    give_up = time.monotonic() + READY_SECONDS_MAX
    while not _is_ready(settings, port):
        if time.monotonic() > give_up:
            log.warning(
                "The gateway is not ready after %d s; see %s/health.", READY_SECONDS_MAX, settings.operator_path
            )
            return
        time.sleep(READY_PAUSE_SECONDS)
    where = f"listening on http://{_shown(settings.host)}:{port}"
    sys.stdout.write(f"{where}\n")
    sys.stdout.flush()
    log.info(where)


def _is_ready(settings: Settings, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - asked, not bound
    url = f"http://{_shown(host)}:{port}{settings.operator_path}/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
