"""Starlette's own test-suite, with every app metered: the same tests pass as without.

Its sources come from the package index, once, and stay in ``.cache``. Tests that want trio are left out: the store is
spoken to by asyncio.
"""

import importlib.metadata
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VERSION = importlib.metadata.version("starlette")
CACHE = ROOT / ".cache" / f"starlette-{VERSION}"
DOWNLOAD_SECONDS_MAX = 120
SUITE_SECONDS_MAX = 240
PASSED_MIN = 700

TOLD = {
    "tests/middleware/test_cors.py::test_cors_allow_all[asyncio]": "our headers are exposed beside the app's own",
    "tests/middleware/test_cors.py::test_cors_allow_all_except_credentials[asyncio]": "the same",
    "tests/test_routing.py::test_websocket_route_middleware[asyncio]": "a handshake's answer tells of credits too",
    "tests/test_websockets.py::test_additional_headers[asyncio]": "the same",
    "tests/test_websockets.py::test_no_additional_headers[asyncio]": "the same",
    "tests/test_testclient.py::test_exception_in_middleware[asyncio]": (
        "an app that raises in its lifespan has none, and is served on (ASGI lifespan 2.0, scope)"
    ),
}
"""What passes without metering alone, each with the reason why that is right."""


@pytest.fixture(scope="module")
def suite() -> Path:
    """The folder of Starlette's sources, with its tests."""
    if not CACHE.exists():
        _download()
    return CACHE


def _download() -> None:
    CACHE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
        wanted = ["--no-deps", "--no-binary", ":all:", "--dest", folder, f"starlette=={VERSION}"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", *wanted]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS_MAX)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"Starlette's sources could not be downloaded: {error}")
        (archive,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as sources:
            sources.extractall(folder, filter="data")
        (Path(folder) / CACHE.name).rename(CACHE)


def _begin(suite: Path, *wanted: str, **places: str) -> subprocess.Popen[str]:
    plugins = ("no:asyncio", "no:hypothesispytest", "no:cacheprovider", "no:cov")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-k", "not trio", "--continue-on-collection-errors"]
    command += [word for plugin in plugins for word in ("-p", plugin)] + list(wanted)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "support"))), **places}
    return subprocess.Popen(
        command, cwd=suite, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _ended(running: subprocess.Popen[str]) -> tuple[set[str], set[str]]:
    """The tests that passed, and those that did not."""
    try:
        said, _ = running.communicate(timeout=SUITE_SECONDS_MAX)
    finally:
        running.kill()
    words = [line.split(" ", 1) for line in said.splitlines() if line.startswith(("PASSED ", "FAILED ", "ERROR "))]
    passed = {name for word, name in words if word == "PASSED"}
    return passed, {name.partition(" - ")[0] for word, name in words if word != "PASSED"}


@pytest.mark.slow
def test_the_same_tests_pass_with_every_app_metered(suite, store_url, tmp_path):
    """What fails with every app metered is run once more without: what passes then is told, each with its reason."""
    metered = _begin(suite, "-p", "metered_suite", "tests", METERED_SUITE=str(tmp_path), METER_REDIS=store_url)
    passed, failed = _ended(metered)
    passed_plain, _ = _ended(_begin(suite, *sorted(failed)))

    assert passed_plain == set(TOLD)
    assert len(passed) >= PASSED_MIN
