"""Settings come from flags, then the environment, then defaults; what cannot be is refused with a sentence."""

import re
from dataclasses import fields
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from meter.settings import Settings, SettingsError, flag, variable

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"
TOKEN = "t" * 32
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_bare_environment_gives_the_documented_defaults():
    settings = Settings.from_environment({})

    assert settings == Settings()
    assert (settings.redis, settings.data, settings.policies) == (None, Path(".meter"), Path("policies"))


def test_every_field_is_read_from_its_own_variable():
    written = {
        "redis": "unix:///run/s", "data": "d", "policies": "p", "upstream": "http://u:1", "host": "::1", "port": "1",
        "workers": "2", "load": "0.95", "at": "2026-11-01T03:00:00Z", "open_accounts": "free",
        "operator_token": TOKEN, "account_path": "/me/credits", "operator_path": "/ops", "header_prefix": "X-Cost-",
        "ratelimit_headers": "off", "exhausted_status": "429", "problems_url": "https://e.example/p",
        "billing_url": "/billing", "trusted_proxies": "10.0.0.0/8, ::1", "access_log": "off", "head_seconds": "1.5",
        "body_idle_seconds": "2", "keep_alive_seconds": "3", "drain_seconds": "4", "upstream_connect_seconds": "5.5",
        "upstream_answer_seconds": "6", "head_bytes_max": "2048", "body_bytes_max": "4096",
        "message_bytes_max": "2048", "webhook_url": "https://h.example/meter?a=1", "webhook_secret": SECRET,
        "ledger_keep_bytes": "8192", "store_bytes_max": "16384",
    }  # fmt: skip
    settings = Settings.from_environment({variable(name): value for name, value in written.items()})
    unchanged = [one.name for one in fields(Settings) if getattr(settings, one.name) == getattr(Settings(), one.name)]

    assert written.keys() == {one.name for one in fields(Settings)}
    assert unchanged == []


def test_values_become_what_they_mean():
    settings = Settings.from_environment({}, load="0.95", at="2026-11-01T04:00:00+01:00", trusted_proxies="10.1.2.3/8")

    assert settings.load == Fraction(19, 20)
    assert settings.at == datetime(2026, 11, 1, 3, tzinfo=UTC)
    assert settings.trusted_proxies == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://:secret@",
        "rediss://u:p%2Cw@a:7000,b:7001,[::1]:7002?replicas=2",
        "redis://a?cluster=true",
        "unix:///run/store.sock?replicas=1",
        "unix://user:secret@/run/store.sock",
        "memory://",
    ],
)
def test_a_store_is_named_in_many_ways(url):
    assert Settings.from_environment({"METER_REDIS": url}).redis == url


def test_a_flag_wins_over_the_environment():
    settings = Settings.from_environment({"METER_PORT": "1"}, port="2")

    assert settings.port == 2


def test_an_empty_variable_is_as_good_as_none():
    assert Settings.from_environment({"METER_REDIS": ""}).redis is None


def test_several_secrets_sign_while_one_is_replaced():
    other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    settings = Settings.from_environment({}, webhook_url="https://h.example", webhook_secret=f"{SECRET}, {other}")

    assert settings.webhook_secret == (SECRET, other)


@pytest.mark.parametrize("alone", [{"webhook_url": "https://h.example"}, {"webhook_secret": SECRET}], ids=str)
def test_a_webhook_that_nothing_signs_is_refused(alone):
    with pytest.raises(SettingsError, match="METER_WEBHOOK_URL and METER_WEBHOOK_SECRET belong together"):
        Settings.from_environment({}, **alone)


WRONG = [
    pytest.param("webhook_url", "h.example/hook", id="a webhook without a scheme"),
    pytest.param("webhook_url", "https://u:p@h.example", id="a webhook with a password"),
    pytest.param("webhook_url", "https:///hook", id="a webhook without a host"),
    pytest.param("webhook_url", "https://h.example:99999", id="a webhook with a port that cannot be"),
    pytest.param("webhook_url", "https://h.example/a b", id="a webhook with a space"),
    pytest.param("webhook_secret", SECRET.removeprefix("whsec_"), id="a secret without its prefix"),
    pytest.param("webhook_secret", "whsec_c2hvcnQ=", id="a secret that could be guessed"),
    pytest.param("webhook_secret", "whsec_not base64 but as long as that", id="a secret that is no base64"),
    pytest.param("webhook_secret", f"{SECRET},", id="an empty second secret"),
    pytest.param("redis", "localhost:6379", id="a store's URL without a scheme"),
    pytest.param("redis", "redis:", id="a store's URL without a host"),
    pytest.param("redis", "redis://h:99999", id="a store with a port that cannot be"),
    pytest.param("redis", "redis://a:7000,b:x", id="a node with a port that is none"),
    pytest.param("redis", "redis://a:7000,:7000", id="a node without a host"),
    pytest.param("upstream", "127.0.0.1:9000", id="an upstream without a scheme"),
    pytest.param("upstream", "ftp://h", id="an upstream that is not HTTP"),
    pytest.param("upstream", "http://u:p@h", id="an upstream with a password"),
    pytest.param("upstream", "http://h/?q", id="an upstream with a query"),
    pytest.param("upstream", "http://h/api", id="an upstream with a path"),
    pytest.param("upstream", "http://h:99999", id="an upstream with a port that cannot be"),
    pytest.param("upstream", "http://[", id="an upstream that is no URL"),
    pytest.param("host", "a b", id="a host with a space"),
    pytest.param("port", "65536", id="a port too high"),
    pytest.param("port", "-1", id="a port below zero"),
    pytest.param("port", "８０", id="digits that are not ASCII"),
    pytest.param("workers", "0", id="no workers"),
    pytest.param("load", "nan", id="a load that is no number"),
    pytest.param("load", "1e3", id="a load with an exponent"),
    pytest.param("at", "2026-11-01T03:00:00", id="a moment without an offset"),
    pytest.param("at", "2026-11-01", id="a day"),
    pytest.param("at", "2026-13-01T03:00:00Z", id="a month that does not exist"),
    pytest.param("operator_token", "short", id="a token that could be guessed"),
    pytest.param("account_path", "credits", id="a path that is not absolute"),
    pytest.param("account_path", "/a//b", id="a path with an empty segment"),
    pytest.param("header_prefix", "X-Credits", id="a prefix without its hyphen"),
    pytest.param("header_prefix", "X Credits-", id="a prefix that no header can have"),
    pytest.param("ratelimit_headers", "perhaps", id="a switch that is neither on nor off"),
    pytest.param("exhausted_status", "200", id="a refusal that would look like success"),
    pytest.param("billing_url", "a\r\nb", id="a link that would split a header"),
    pytest.param("billing_url", "https://e.example/>", id="a link that would end its brackets"),
    pytest.param("trusted_proxies", "10.0.0.0/99", id="a network that cannot be"),
    pytest.param("head_seconds", "0", id="no time at all"),
    pytest.param("head_seconds", "10s", id="seconds with a unit"),
    pytest.param("body_bytes_max", "64MiB", id="bytes with a unit"),
]


@pytest.mark.parametrize(("name", "written"), WRONG)
def test_what_cannot_be_is_refused_by_name(name, written):
    with pytest.raises(SettingsError, match=rf"^{variable(name)} is .*; it takes .*[.]$"):
        Settings.from_environment({variable(name): written})
    with pytest.raises(SettingsError, match=rf"^{flag(name)} is "):
        Settings.from_environment({}, **{name: written})


def test_a_message_repeats_the_value():
    with pytest.raises(SettingsError, match=r"^--port is '65536'; it takes a whole number from 0 to 65535[.]$"):
        Settings.from_environment({}, port="65536")


@pytest.mark.parametrize("name", ["redis", "operator_token", "webhook_url", "webhook_secret"])
def test_no_message_repeats_a_secret(name):
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({variable(name): "s3cr3t word"})

    assert "s3cr3t" not in str(raised.value)


def test_settings_print_without_their_secrets():
    settings = Settings.from_environment(
        {},
        redis="redis://:s3cr3t@h:1",
        operator_token=f"s3cr3t{TOKEN}",
        webhook_url="https://h.example/s3cr3t",
        webhook_secret=SECRET,
    )

    assert "s3cr3t" not in repr(settings)
    assert SECRET not in repr(settings)


def test_a_setting_that_does_not_exist_cannot_be_given():
    with pytest.raises(KeyError):
        Settings.from_environment({}, prot="1")


def test_every_setting_is_documented_with_its_default():
    rows = dict(re.findall(r"^\| `(METER_\w+)` \| (?:`(.*?)`)? *\|", DOCUMENT.read_text(), re.MULTILINE))

    assert {name: Settings.from_environment({name: written}) for name, written in rows.items()} == {
        variable(one.name): Settings() for one in fields(Settings)
    }
