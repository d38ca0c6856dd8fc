"""What only a process of its own shows: exit codes, streams, and no traceback ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MISSING_STORE = "unix:///nonexistent/meter.sock"


def meter(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("METER_")}
    return subprocess.run(
        [sys.executable, "-m", "meter", *arguments], capture_output=True, text=True, timeout=60, env=clean | environ,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["--help"], 0, id="help"),
        pytest.param(["schema"], 0, id="fine"),
        pytest.param(["check", "--policies", "/nonexistent"], 1, id="findings"),
        pytest.param(["quote"], 2, id="usage"),
        pytest.param(["chek"], 2, id="no such command"),
        pytest.param(["quote", "GET", "/", "--load", "much"], 2, id="a setting that cannot be"),
        pytest.param(["serve", "--port", "99999"], 2, id="a port that cannot be"),
        pytest.param(["serve"], 2, id="no upstream"),
        pytest.param(["balance", "acme", "--redis", MISSING_STORE], 3, id="no store"),
        pytest.param(["doctor", "--redis", MISSING_STORE], 3, id="no store to examine"),
    ],
)
def test_an_exit_code_says_how_it_ended(arguments, code):
    ended = meter(*arguments)

    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert bool(ended.stdout) == (code == 0 or arguments[0] in ("check", "doctor"))


def test_a_store_that_is_gone_is_one_sentence():
    ended = meter("balance", "acme", "--redis", MISSING_STORE)

    assert len(ended.stderr.splitlines()) == 1


def test_an_installed_command_is_the_module():
    installed = Path(sys.executable).with_name("meter")
    told = subprocess.run([installed, "--help"], capture_output=True, text=True, timeout=60, check=True)

    assert told.stdout == meter("--help").stdout


def test_no_colour_leaves_no_escapes():
    ended = meter("quote", "--help", NO_COLOR="1", FORCE_COLOR="")

    assert "\x1b[3" not in ended.stdout


def test_a_stream_that_cannot_write_a_character_loses_no_sentence(tmp_path):
    (tmp_path / "api.yaml").write_text(
        'version: 1\noperations: {a: {title: "Ω", credits: 2}}\nroutes: [{match: GET /a, operation: a}]\n'
    )
    ended = meter("explain", "GET", "/a", "--policies", str(tmp_path), PYTHONIOENCODING="latin-1")

    assert ended.returncode == 0, ended.stderr
    assert "\\u03a9" in ended.stdout
