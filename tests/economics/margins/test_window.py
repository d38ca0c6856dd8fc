"""The window: seven days up to the last call, or what is said."""

import pytest

from meter.credits import ZERO
from meter.economics.exact import EconomicsError
from meter.economics.margins.window import DAY_SECONDS, Window
from meter.economics.traffic import Call

LAST = 100 * DAY_SECONDS


def calls(*seconds):
    return [Call(at=at, account="acme", operation="chat", credits=ZERO) for at in seconds]


@pytest.mark.parametrize(
    ("since", "until", "days", "kept"),
    [
        pytest.param(None, None, None, (LAST + 1 - 7 * DAY_SECONDS, LAST + 1), id="nothing said"),
        pytest.param(None, None, 1, (LAST + 1 - DAY_SECONDS, LAST + 1), id="days"),
        pytest.param(50, None, None, (50, LAST + 1), id="a beginning"),
        pytest.param(50, None, 2, (50, 50 + 2 * DAY_SECONDS), id="a beginning, and days"),
        pytest.param(None, LAST, 2, (LAST - 2 * DAY_SECONDS, LAST), id="an end, and days"),
        pytest.param(50, 60, None, (50, 60), id="both"),
    ],
)
def test_a_window_is_what_is_said_of_it(since, until, days, kept):
    found = Window.of(since, until, days).kept(calls(50, LAST - DAY_SECONDS, LAST))

    assert (found.since, found.until) == kept


def test_the_beginning_is_inside_and_the_end_is_not():
    found = Window.of(50, 60, None).kept(calls(49, 50, 59, 60))

    assert [call.at for call in found.calls] == [50, 59]


def test_many_calls_in_any_order_lose_none_of_the_window():
    seconds = [at * 600 % 1_000_003 for at in range(20_000)]
    last = max(seconds)

    found = Window.of(None, None, 1).kept(calls(*seconds))

    assert sorted(call.at for call in found.calls) == sorted(at for at in seconds if at > last - DAY_SECONDS)


def test_an_empty_window_is_refused_with_what_the_files_have():
    with pytest.raises(EconomicsError) as refused:
        Window.of(None, 86_400, None).kept(calls(LAST, LAST + 60))

    assert str(refused.value) == (
        "There is no call from 1969-12-26T00:00:00Z to 1970-01-02T00:00:00Z; the files have calls from "
        "1970-04-11T00:00:00Z to 1970-04-11T00:01:00Z: say --from and --until within."
    )


def test_no_call_at_all_is_refused():
    with pytest.raises(EconomicsError, match="There is no call in the files"):
        Window().kept([])


def test_a_window_that_ends_before_it_begins_is_refused():
    with pytest.raises(EconomicsError, match="1970-01-01T00:00:50Z is not after 1970-01-01T00:01:00Z"):
        Window.of(60, 50, None)
