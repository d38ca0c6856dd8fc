"""The demo shows what it says, checks what it claims, and leaves nothing behind."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from meter.credits import parse
from meter.demo import pictures, proof, screen
from meter.demo.customers import CUSTOMERS
from meter.demo.traffic import Shown, Tally

RUN_SECONDS_MAX = 120


@dataclass(frozen=True, kw_only=True)
class Run:
    """A bounded run that has ended: its summary, its talk, and where its temporary folder was."""

    summary: dict[str, Any]
    talk: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A run that stays up: what it printed until then, and where its temporary folder is."""

    process: subprocess.Popen[str]
    printed: str
    folder: Path


def demo(*options: str, folder: Path) -> subprocess.Popen[str]:
    """Start ``meter demo``, its temporary folder inside ours."""
    return subprocess.Popen(
        [sys.executable, "-m", "meter", "demo", *options],
        env={**_environment(), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("METER_")}


def processes_in(folder: Path) -> list[str]:
    """The command lines of the processes that have this folder in their environment or command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            facts = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(folder).encode() in facts and state != "Z":
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("d")
    process = demo("--once", "--json", folder=folder)
    said, talk = process.communicate(timeout=RUN_SECONDS_MAX)
    assert process.returncode == 0, talk
    return Run(summary=json.loads(said), talk=talk, folder=folder)


def test_a_bounded_run_makes_its_calls_and_ends_well(once: Run) -> None:
    assert once.summary["calls"] == sum(customer.calls_once for customer in CUSTOMERS)


def test_the_books_of_every_customer_add_up(once: Run) -> None:
    for customer in once.summary["customers"]:
        assert customer["granted"] == customer["consumed"] + customer["reserved"] + customer["remaining"]


def test_the_free_customer_runs_dry_and_is_refused(once: Run) -> None:
    free = once.summary["customers"][0]

    assert (once.summary["refused"] > 0, free["granted"], free["remaining"] < 250) == (True, 1000, True)


def test_the_answer_that_is_shown_was_metered(once: Run) -> None:
    meta = once.summary["answer"]["meta"]

    assert set(meta) >= {"credits_consumed", "credits_remaining", "credits_reset_at", "model"}


def test_a_run_leaves_no_process_and_no_file(once: Run) -> None:
    assert (processes_in(once.folder), list(once.folder.iterdir())) == ([], [])


def test_no_key_is_shown_where_no_answer_is(once: Run) -> None:
    assert "mk_" not in once.talk


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("k")
    process = demo("--keep", folder=folder)
    assert process.stdout
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("curl "):
            break
    yield Kept(process=process, printed="".join(printed), folder=folder)
    process.terminate()
    process.communicate(timeout=RUN_SECONDS_MAX)


def test_the_printed_curl_line_works_while_it_is_kept(kept: Kept) -> None:
    line = kept.printed.splitlines()[-1]

    answered = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False, timeout=30)

    assert '"credits_consumed"' in answered.stdout


def test_the_key_is_shown_in_that_line_alone(kept: Kept) -> None:
    assert len(re.findall("mk_", kept.printed)) == 1


def test_a_kept_run_ends_when_it_is_told_to_and_cleans_up(kept: Kept) -> None:
    kept.process.send_signal(signal.SIGTERM)
    kept.process.communicate(timeout=RUN_SECONDS_MAX)

    assert (kept.process.returncode, processes_in(kept.folder), list(kept.folder.iterdir())) == (0, [], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_while_it_starts_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    process = demo(folder=tmp_path)
    give_up = time.monotonic() + RUN_SECONDS_MAX
    while not list(tmp_path.glob("*/gateway.log")) and time.monotonic() < give_up:
        time.sleep(0.01)

    process.send_signal(number)
    process.communicate(timeout=RUN_SECONDS_MAX)

    assert (processes_in(tmp_path), list(tmp_path.iterdir())) == ([], [])


def tally(consumed: str) -> Tally:
    return Tally(customer=CUSTOMERS[0], key="mk_1", consumed=parse(consumed))


def balance(**amounts: str) -> dict[str, Any]:
    return {"data": {"account": "hobbyist", "granted": "1000", "consumed": "400", "reserved": "0"} | amounts}


@pytest.mark.parametrize(
    ("amounts", "answers", "count"),
    [
        pytest.param({"remaining": "600"}, "400", 0, id="all-adds-up"),
        pytest.param({"remaining": "599.999999"}, "400", 1, id="a-millionth-is-missing"),
        pytest.param({"remaining": "600"}, "401", 1, id="an-answer-said-more"),
        pytest.param({"remaining": "500", "reserved": "100"}, "400", 0, id="held-credits-count"),
        pytest.param({"remaining": "700"}, "300", 2, id="both"),
    ],
)
def test_what_does_not_add_up_gets_a_sentence(amounts: dict[str, str], answers: str, count: int) -> None:
    found = proof.faults(proof.books(balance(**amounts)), tally(answers))

    assert (len(found), all(fault.endswith(".") for fault in found)) == (count, True)


def test_pictures_differ_and_films_move() -> None:
    film = Image.open(io.BytesIO(pictures.film(1)))

    assert (pictures.photo(1) != pictures.photo(2), getattr(film, "n_frames", 1)) == (True, pictures.FRAMES)


def test_the_curl_line_carries_the_key_and_the_whole_address() -> None:
    shown = Shown(path="/v1/images/7/analysis", key="mk_1", status=200, headers=(), body="{}")

    assert screen.curl("http://h:1", shown) == "curl -i -X POST -H 'X-API-Key: mk_1' http://h:1/v1/images/7/analysis"
