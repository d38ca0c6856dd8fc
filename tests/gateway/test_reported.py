"""What the access log says that the upstream reported."""

import pytest

from meter.gateway.reported import BYTES_MAX, METRICS_MAX, REPORTED, leave, timings


def head(*headers):
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param(b"cpu;dur=12.5", {"cpu": 12.5}, id="one"),
        pytest.param(b"db;dur=53, app ; dur = 47", {"db": 53, "app": 47}, id="two_with_blanks"),
        pytest.param(b'cache;desc="a, b; dur=9";dur=3', {"cache": 3}, id="a_description_is_no_metric"),
        pytest.param(b'a;dur="4"', {"a": 4}, id="quoted"),
        pytest.param(b"a;DUR=4", {"a": 4}, id="any_case"),
        pytest.param(b"a;dur=4;dur=5", {"a": 4}, id="the_first_counts"),
        pytest.param(b"a;dur=4, a;dur=0.5", {"a": 4.5}, id="metrics_of_one_name_add_up"),
        pytest.param(b"miss, total;desc=x", {}, id="without_a_duration"),
        pytest.param(b"a;dur=-1, b;dur=x, c;dur=, d;dur=1e99", {}, id="no_numbers"),
        pytest.param(b"a b;dur=1, ;dur=2, \xff;dur=3", {}, id="no_names"),
        pytest.param(b";, a;dur=1,;", {"a": 1}, id="nothing_but_a_semicolon"),
        pytest.param(
            b'a;dur=1, b;desc="open, c;dur=2', {"a": 1, "c": 2}, id="a_quote_that_is_never_closed_is_passed_over"
        ),
    ],
)
def test_durations_are_read_by_the_names_of_their_metrics(written, found):
    assert timings([(b"server-timing", written)]) == found


def test_headers_of_one_name_are_one_list():
    assert timings([(b"server-timing", b"a;dur=1"), (b"x", b"y"), (b"server-timing", b"b;dur=2")]) == {"a": 1, "b": 2}


def test_timings_are_bounded():
    many = b",".join(b"m%d;dur=1" % number for number in range(METRICS_MAX + 1))

    assert len(timings([(b"server-timing", many)])) == METRICS_MAX
    assert timings([(b"server-timing", b"a;dur=1," + b" " * BYTES_MAX)]) == {}


def test_usage_is_left_where_a_call_is_logged_and_nowhere_else():
    logged, silent = {REPORTED: {}}, {}
    for scope in (logged, silent):
        leave(scope, head((b"Credits-Usage", b"cpu_ms=12.5, tokens=812, bad"), (b"Server-Timing", b"db;dur=3")))

    assert logged == {REPORTED: {"usage": {"cpu_ms": 12.5, "tokens": 812}, "server_timing": {"db": 3}}}
    assert silent == {}


def test_without_a_report_nothing_changes():
    scope = {REPORTED: {}}
    leave(scope, head((b"content-length", b"0")))

    assert scope == {REPORTED: {}}
