"""``serve`` reads its settings, warns of drills, and hands over to the gateway."""

import socket

from meter.cli.serve import drills
from meter.settings import Settings


def test_a_drill_is_warned_of():
    settings = Settings.from_environment({}, load="0.95", at="2026-11-01T03:00:00Z")

    assert drills(settings) == [
        "drill: every call is priced as if it came at 2026-11-01T03:00:00+00:00 (--at, METER_AT).",
        "drill: every call is priced as if the load were 0.95 (--load, METER_LOAD).",
    ]


def test_no_drill_no_warning():
    assert drills(Settings()) == []


def test_without_an_upstream_the_fix_is_named(meter):
    ended = meter("serve")

    assert ended.code == 2
    assert ended.talk.startswith("There is no upstream; say --upstream URL or METER_UPSTREAM")


def test_bad_policies_stop_the_start(meter, policies):
    (policies / "bad.yaml").write_text("version: 2\n")
    ended = meter("serve", "--upstream", "http://127.0.0.1:9")

    assert (ended.code, ended.data) == (1, "")
    assert "bad.yaml:1:10" in ended.talk


def test_a_port_in_use_is_one_sentence(meter, policies, store_url):
    (policies / "api.yaml").write_text("version: 1\noperations: {a: {credits: 1}}\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = meter("serve", "--upstream", "http://127.0.0.1:9", "--port", str(port), "--redis", store_url)

    assert ended.code == 1
    assert f"The gateway can't listen on 127.0.0.1:{port}: Address already in use" in ended.talk
