"""Logs wait for no reader, and say what they dropped."""

import io
import logging
import logging.config
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from meter import logs
from meter.logs import PatientHandler


class Gate(io.StringIO):
    """A stream that somebody reads only when the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.asked = threading.Event()

    def write(self, text: str) -> int:
        self.asked.set()
        self.open.wait(10)
        return super().write(text)


@pytest.fixture
def stream(monkeypatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stdout=gate))
    yield gate
    gate.open.set()


def record(text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("meter", logging.INFO, "", 0, text, args, None)


def test_a_line_is_written_by_a_thread_of_its_own(stream):
    stream.open.set()
    handler = PatientHandler("stdout")

    handler.handle(record("%s credits", 5))
    handler.flush()

    assert stream.getvalue() == "5 credits\n"


def test_nobody_waits_for_a_reader_and_what_is_dropped_is_counted(stream, monkeypatch):
    monkeypatch.setattr(logs, "LINES_MAX", 2)
    handler = PatientHandler("stdout")
    handler.handle(record("first"))
    stream.asked.wait(10)
    for number in range(5):
        handler.handle(record(f"line {number}"))
    stream.open.set()
    handler.flush()

    assert stream.getvalue().splitlines() == [
        "first",
        "line 0",
        "meter: 3 lines of this log were dropped, because nobody read it.",
        "line 1",
    ]


def test_a_flush_waits_no_longer_than_a_moment(stream, monkeypatch):
    monkeypatch.setattr(logs, "FLUSH_SECONDS_MAX", 0.01)
    handler = PatientHandler("stdout")
    handler.handle(record("first"))

    handler.flush()

    assert stream.getvalue() == "", "the gate is still shut"


def test_a_line_that_cannot_be_formatted_breaks_nothing(stream, capsys, monkeypatch):
    stream.open.set()
    handler = PatientHandler("stdout")

    handler.handle(record("%d credits", "five"))
    handler.handle(record("next"))
    handler.flush()

    assert stream.getvalue() == "next\n"
    assert "five" in capsys.readouterr().err


def test_a_stream_that_is_closed_does_not_end_the_log(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stdout=closed))
    handler = PatientHandler("stdout")
    handler.handle(record("lost"))
    handler.flush()

    assert any(thread.name == "meter stdout" and thread.is_alive() for thread in threading.enumerate())


PROGRAM = """
import logging, logging.config
from meter import logs
logging.config.dictConfig(logs.config())
logging.getLogger("meter").warning("a sentence")
logging.getLogger("meter.access").info('{"path": "/"}')
logging.getLogger("httpx").info("chatter")
"""


def test_sentences_go_to_standard_error_and_access_lines_to_standard_output():
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=os.environ)

    assert (ended.stdout, ended.stderr) == ('{"path": "/"}\n', "meter: a sentence\n")
