"""What the demo plays on: an image API, a gateway in front of it, and books in a folder of their own."""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meter import share
from meter.demo.interruption import Interruption
from meter.demo.processes import DemoError, Server, running, until

COMMAND_SECONDS_MAX = 60.0
STORE_GONE_SECONDS_MAX = 30.0

_LISTEN = ("--host", "127.0.0.1", "--port", "0")
"""On a free port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A gateway in front of an image API, with its books in a folder of its own."""

    gateway: str
    """The gateway's URL."""
    operator_token: str
    environment: Mapping[str, str]

    def meter(self, *arguments: str) -> dict[str, Any]:
        """Run the command ``meter`` with ``--json``; numbers of its answer stay text, exactly as they were written.

        Raises:
            DemoError: the command failed.
        """
        command = [sys.executable, "-m", "meter", *arguments, "--json"]
        ran = subprocess.run(  # noqa: S603 - our own command
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
            start_new_session=True,
        )
        if ran.returncode:
            raise DemoError(f"`meter {' '.join(arguments)}` ended with {ran.returncode}: {ran.stderr.strip()}")
        answer: dict[str, Any] = json.loads(ran.stdout, parse_int=str, parse_float=str)
        return answer


@contextmanager
def set_up(interruption: Interruption) -> Iterator[Stage]:
    """Start everything on free ports, in a new folder; end and remove it all afterwards.

    Raises:
        DemoError: a process did not start.
        KeyboardInterrupt: stopping was wished meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="meter-demo-") as name:
        folder = Path(name)
        token = secrets.token_urlsafe(32)
        environment = _environment(folder / "data", token)
        with (
            _store_ended(folder / "data"),
            running(_image_api(), folder, environment, interruption) as upstream,
            running(_gateway(upstream), folder, environment, interruption) as gateway,
        ):
            yield Stage(gateway=gateway, operator_token=token, environment=environment)


def _environment(data: Path, token: str) -> dict[str, str]:
    """The environment without the settings of another gateway, and with ours."""
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("METER_")}
    ours = {"METER_DATA": str(data), "METER_POLICIES": str(share.folder("policies")), "METER_OPERATOR_TOKEN": token}
    return {**foreign, **ours}


def _image_api() -> Server:
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(share.root()), *_LISTEN, "examples.image_api:app"]
    return Server(name="image-api", command=command, ready=re.compile(r"Uvicorn running on (http://\S+)"))


def _gateway(upstream: str) -> Server:
    command = [sys.executable, "-m", "meter", "serve", "--upstream", upstream, *_LISTEN]
    return Server(name="gateway", command=command, ready=re.compile(r"listening on (http://\S+)"))


@contextmanager
def _store_ended(data: Path) -> Iterator[None]:
    """Wait afterwards until the embedded store, which outlives its last user for a moment, is gone."""
    try:
        yield
    finally:
        for _ in until(STORE_GONE_SECONDS_MAX):
            if not (data / "store" / "socket").exists():
                break
