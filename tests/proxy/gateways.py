"""The gateway as its users start it: ``python -m meter serve``, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.proxy.upstreams import START_SECONDS_MAX

POLICY = """
version: 1
unmatched: refuse
operations:
  video: {title: Video, credits: 2500}
  other: {title: Everything else, credits: 1}
routes:
  - {match: /v1/videos, operation: video}
  - {match: "/v1/{rest:path}", operation: other}
  - {match: "/{rest:path}", operation: other}
plans:
  big: {included: 100000000, period: month}
"""
READY = "listening on http://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway, and a key that pays."""

    host: str
    port: int
    key: str

    @property
    def authority(self) -> bytes:
        return f"{self.host}:{self.port}".encode()


@contextmanager
def gateway(upstream_url: str, folder: Path, policy: str = POLICY) -> Iterator[Gateway]:
    """Serve an upstream with an account on the plan ``big``; ended by SIGTERM afterwards."""
    (folder / "policy.yaml").write_text(policy)
    places = {"METER_POLICIES": str(folder / "policy.yaml"), "METER_DATA": str(folder / "data")}
    environment = {**os.environ, **places}
    _meter(environment, "account", "create", "acme", "--plan", "big")
    key = _meter(environment, "key", "create", "acme")["key"]
    command = [sys.executable, "-m", "meter", "serve", "--upstream", upstream_url, "--port", "0"]
    with (folder / "serve.log").open("wb") as log:
        running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log)
        try:
            host, _, port = _announced(running, folder).partition(":")
            yield Gateway(host=host, port=int(port), key=key)
        finally:
            running.terminate()
            running.communicate(timeout=START_SECONDS_MAX)


def _announced(running: subprocess.Popen[bytes], folder: Path) -> str:
    """Where it says that it listens; access log lines may stand before."""
    assert running.stdout is not None
    for line in running.stdout:
        if READY in line.decode():
            return line.decode().strip().partition(READY)[2]
    raise RuntimeError((folder / "serve.log").read_text())


def _meter(environment: dict[str, str], *arguments: str) -> dict[str, str]:
    command = [sys.executable, "-m", "meter", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=START_SECONDS_MAX, check=False)
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, str] = json.loads(done.stdout)
    return answer
