"""What is known of a step that failed: unknown exactly where something was written, and no reply came to it."""

from itertools import chain, repeat

import pytest

from meter.ledger.asking import Store
from meter.ledger.line import open_line
from meter.ledger.promise import LedgerUnavailable, Word
from meter.ledger.scripts import script
from tests.ledger.scripted import HOST, Answer, scripted

ECHO = script("echo", "#!lua\nreturn ARGV[1]")


async def failed(answer: Answer) -> LedgerUnavailable:
    """What a step ends with on a store that answers so."""
    async with scripted(answer) as store, open_line(f"redis://{HOST}:{store.port}") as line:
        with pytest.raises(LedgerUnavailable) as caught:
            await Store(line, step_seconds=1.0).ask(ECHO, ("k",), ("op", "acme"))
    return caught.value


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        pytest.param("CLUSTERDOWN The cluster is down", "bring its nodes back", id="the cluster is down"),
        pytest.param("MASTERDOWN Link with MASTER is down", "without its primary", id="its primary is gone"),
        pytest.param("LOADING Redis is loading", "still loading", id="it is starting"),
        pytest.param("NOAUTH Authentication required.", "another password", id="it wants a password"),
        pytest.param("MOVED 3999 10.0.0.1:6381", "say ?cluster=true in its URL", id="the keys are elsewhere"),
        pytest.param("ASK 3999 10.0.0.1:6381", "say ?cluster=true in its URL", id="the keys are on their way"),
        pytest.param("TRYAGAIN Multiple keys request", "say ?cluster=true in its URL", id="the keys are apart"),
    ],
)
async def test_what_the_store_refuses_unread_was_not_done(error: str, meaning: str) -> None:
    refused = await failed(lambda _: f"-{error}\r\n".encode())

    assert (refused.fate_unknown, meaning in str(refused)) == (False, True)


async def test_what_was_refused_after_a_lost_reply_may_have_been_done() -> None:
    answers = chain([None], repeat(b"-LOADING Redis is loading\r\n"))
    refused = await failed(lambda _: next(answers))

    assert (refused.fate_unknown, "still loading" in str(refused)) == (True, True)


async def test_what_was_refused_after_a_lost_reply_is_asked_again() -> None:
    answers = iter([None, b"-LOADING Redis is loading\r\n", b"$16\r\nop acme done 7 0\r\n"])
    async with scripted(lambda _: next(answers)) as store, open_line(f"redis://{HOST}:{store.port}") as line:
        answer = await Store(line, step_seconds=1.0).ask(ECHO, ("k",), ("op", "acme"))

    assert answer.word is Word.DONE
