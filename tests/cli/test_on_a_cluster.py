"""The commands keep their books in a cluster as in any store."""

import pytest

from meter.archive.files import read

NAMES = [f"org-{number}" for number in range(12)]


@pytest.fixture(autouse=True)
def store(cluster_url, policies, monkeypatch, tmp_path):
    monkeypatch.setenv("METER_REDIS", cluster_url)
    monkeypatch.setenv("METER_DATA", str(tmp_path / "data"))


def test_accounts_of_all_nodes_are_listed_and_exported(meter, tmp_path):
    for name in NAMES:
        meter("account", "create", name, "--plan", "free")
        meter("grant", name, "5", "--id", "gift")
    listed = meter("account", "list", "--json").json()["accounts"]
    exported = meter("ledger", "export", "--to", str(tmp_path / "out"), "--json").json()

    assert sorted(one["account"] for one in listed) == sorted(NAMES)
    assert exported["entries"] == len(list(read(tmp_path / "out"))) >= 2 * len(NAMES)


def test_the_doctor_sees_the_whole_cluster(meter):
    found = meter("doctor", "--json").json()["findings"]

    assert {one["check"]: one["verdict"] for one in found}["cluster"] == "ok"
    assert "bad" not in {one["verdict"] for one in found}


def test_the_audit_reads_the_entries_of_all_nodes(meter):
    for name in NAMES:
        meter("account", "create", name, "--plan", "free")
    said = meter("audit", "--json").json()

    assert (said["accounts"], said["entries"], said["findings"]) == (len(NAMES), len(NAMES), [])
