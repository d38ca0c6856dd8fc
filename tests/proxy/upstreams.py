"""Real servers, each with a dear handler at ``/v1/videos`` and a cheap one everywhere else.

They answer ``dear`` or ``cheap``, and are as forgiving about paths as they come.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache" / "express"
EXPRESS = "express@5.1.0"
START_SECONDS_MAX = 20
INSTALL_SECONDS_MAX = 180

_NGINX = """
daemon off; {user} worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; {locations} }}
  server {{
    listen unix:{folder}/behind.sock;
    location = /dear {{ return 200 dear; }}
    location = /dear/ {{ return 200 dear; }}
    location / {{ return 200 cheap; }}
  }}
}}
"""
_ALIAS = "location /v1/videos {{ alias {folder}/dear.txt; }} location / {{ return 200 cheap; }}"
_PROXY_PASS = (
    "location /v1/videos {{ proxy_pass http://unix:{folder}/behind.sock:/dear; }}"
    " location / {{ proxy_pass http://unix:{folder}/behind.sock:/; }}"
)

_EXPRESS = """
const express = require('express');
const app = express();
app.use((request, _answer, next) => {
  const elsewhere = request.headers['x-original-url'] || request.headers['x-rewrite-url'];
  if (elsewhere) request.url = elsewhere;
  next();
});
app.all('/v1/videos', (_request, answer) => answer.send('dear'));
app.use((_request, answer) => answer.send('cheap'));
app.listen(Number(process.argv[2]), '127.0.0.1');
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def process(command: list[str], port: int, **options: object) -> Iterator[str]:
    """Run a server until it listens, and end it afterwards; its URL."""
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]
    try:
        _wait(running, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.communicate(timeout=START_SECONDS_MAX)


def _wait(running: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
                return
        except OSError:
            if running.poll() is not None or time.monotonic() > give_up:
                running.kill()
                raise RuntimeError(running.communicate()[1].decode()) from None
            time.sleep(0.05)


@contextmanager
def nginx_alias(folder: Path) -> Iterator[str]:
    """A file behind ``alias``."""
    (folder / "dear.txt").write_text("dear")
    with _nginx(folder, _ALIAS) as url:
        yield url


@contextmanager
def nginx_proxy_pass(folder: Path) -> Iterator[str]:
    """Another server behind ``proxy_pass`` with a URI, which makes nginx send the path as it understood it."""
    with _nginx(folder, _PROXY_PASS) as url:
        yield url


@contextmanager
def _nginx(folder: Path, locations: str) -> Iterator[str]:
    binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if binary is None:
        pytest.skip("nginx is not on this machine")
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = _NGINX.format(folder=folder, port=port, user=user, locations=locations.format(folder=folder))
    (folder / "nginx.conf").write_text(text)
    with process([binary, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")], port) as url:
        yield url


@contextmanager
def express(folder: Path) -> Iterator[str]:
    """Express, which knows no case and no trailing slash, and here believes headers about the URL."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not on this machine")
    _install_express()
    (folder / "server.js").write_text(_EXPRESS)
    port = free_port()
    environment = {**os.environ, "NODE_PATH": str(CACHE / "node_modules")}
    with process(["node", str(folder / "server.js"), str(port)], port, env=environment) as url:
        yield url


def _install_express() -> None:
    """Install it once, into a folder that git ignores."""
    if (CACHE / "installed").exists():
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE.parent / ".gitignore").write_text("*\n")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--prefix", str(CACHE)]
    done = subprocess.run(
        ["npm", "install", *options, EXPRESS], capture_output=True, timeout=INSTALL_SECONDS_MAX, check=False
    )
    if done.returncode:
        pytest.skip(f"{EXPRESS} could not be installed: {done.stderr.decode()[-300:]}")
    (CACHE / "installed").touch()


@contextmanager
def starlette(_folder: Path) -> Iterator[str]:
    """Starlette on plain uvicorn."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.proxy.upstreams:starlette_app", "--factory", "--port", str(port)]
    with process(command, port, cwd=ROOT) as url:
        yield url


def starlette_app() -> object:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    return Starlette(
        routes=[
            Route("/v1/videos", lambda _: PlainTextResponse("dear")),
            Route("/{rest:path}", lambda _: PlainTextResponse("cheap")),
        ]
    )


UPSTREAMS: dict[str, Callable[..., object]] = {
    "nginx alias": nginx_alias,
    "nginx proxy_pass": nginx_proxy_pass,
    "express": express,
    "starlette": starlette,
}
