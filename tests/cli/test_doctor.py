"""``doctor`` says what was checked, what was found and what to do, and ends with 1 where something is bad."""

import pytest
import redis


@pytest.fixture
def store(store_url, monkeypatch):
    monkeypatch.setenv("METER_REDIS", store_url)
    with redis.Redis.from_url(store_url) as client:
        yield client


def test_a_healthy_place_passes_every_check(meter, policies, store):
    ended = meter("doctor", "--json")
    found = {one["check"]: one["verdict"] for one in ended.json()["findings"]}

    assert ended.code == 0
    assert found.keys() == {
        "store", "version", "role", "replicas", "persistence", "fsync", "eviction", "memory", "clock", "policies",
        "workers",
    }  # fmt: skip
    assert "bad" not in found.values()


def test_a_store_that_evicts_is_bad_and_comes_with_its_fix(meter, policies, store):
    before = store.config_get("maxmemory-policy")["maxmemory-policy"]
    store.config_set("maxmemory-policy", "allkeys-lru")
    try:
        ended = meter("doctor")
        refused = meter("balance", "acme")
    finally:
        store.config_set("maxmemory-policy", before)

    assert ended.code == 1
    assert "noeviction" in ended.data
    assert refused.code == 3
    assert "noeviction" in refused.talk


def test_bad_policies_are_bad(meter, policies, store):
    (policies / "bad.yaml").write_text("version: 2\n")
    ended = meter("doctor", "--json")
    found = next(one for one in ended.json()["findings"] if one["check"] == "policies")

    assert ended.code == 1
    assert (found["verdict"], found["fix"]) == ("bad", "Run `meter check`, and correct them.")


def test_more_workers_than_processors_are_a_warning(meter, policies, store, monkeypatch):
    monkeypatch.setenv("METER_WORKERS", "256")
    ended = meter("doctor", "--json")
    found = next(one for one in ended.json()["findings"] if one["check"] == "workers")

    assert (ended.code, found["verdict"]) == (0, "warn")
    assert found["result"].startswith("256 workers on ")


def test_a_store_that_is_gone_is_one_finding(meter, policies, monkeypatch):
    monkeypatch.setenv("METER_REDIS", "unix:///nonexistent/meter.sock")
    ended = meter("doctor", "--json")
    found = ended.json()["findings"]

    assert ended.code == 3
    assert [one["check"] for one in found] == ["store", "policies", "workers"]


def test_findings_for_people_fit_eighty_columns(meter, policies, store):
    told = meter("doctor").data

    assert max(map(len, told.splitlines())) <= 80


def test_nothing_that_a_user_wrote_is_markup(meter, policies, store):
    odd = policies.rename(policies.with_name("[red]"))

    assert "[red]" in meter("doctor", "--policies", str(odd)).data
