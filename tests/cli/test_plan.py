"""Plans on the command line: listed, changed for one account, and taken up by all."""

import pytest

pytestmark = pytest.mark.usefixtures("policies", "store")


@pytest.fixture
def store(store_url, monkeypatch):
    """The store that commands find by themselves."""
    monkeypatch.setenv("METER_REDIS", store_url)


@pytest.fixture
def acme(meter):
    """An account on the plan ``free``."""
    meter("account", "create", "acme", "--plan", "free", "--zone", "Europe/Berlin", "--json")
    return "acme"


def test_the_plans_of_the_policy_are_listed(meter):
    listed = meter("plan", "list", "--json").json()["plans"]

    assert [(one["plan"], one["included"], one["period"]) for one in listed][:2] == [
        ("free", 1000, "month"),
        ("pro", 250000, "month"),
    ]


def test_a_change_waits_for_the_end_of_the_period(meter, acme):
    before = meter("account", "show", acme, "--json").json()
    ended = meter("plan", "change", acme, "pro", "--json")
    again = meter("plan", "change", acme, "pro", "--json")
    after = meter("account", "show", acme, "--json").json()

    assert (ended.json()["changes"], again.json()["changes"]) == (True, False)
    assert ended.json()["at"] == before["period"]["end"]
    assert (after["plan"], after["remaining"]) == ("free", 1000)


def test_a_change_at_once_gives_the_share_of_the_rest(meter, acme):
    dry = meter("plan", "change", acme, "pro", "--now", "--dry-run", "--json").json()
    untouched = meter("account", "show", acme, "--json").json()
    done = meter("plan", "change", acme, "pro", "--now", "--json").json()
    after = meter("account", "show", acme, "--json").json()

    assert (dry["changes"], untouched["plan"]) == (True, "free")
    assert after["plan"] == "pro"
    assert after["remaining"] == 1000 + done["given"] - done["taken_back"]
    assert not meter("plan", "change", acme, "pro", "--now", "--json").json()["changes"]


def test_a_changed_plan_is_taken_up_by_all_its_accounts_at_once(meter, acme, policies):
    meter("account", "create", "other", "--plan", "pro")
    policy = policies / "api.yaml"
    policy.write_text(policy.read_text().replace("included: 1000, period: month}", "included: 2000, period: month}", 1))
    dry = meter("plan", "apply", "free", "--now", "--dry-run", "--json").json()
    done = meter("plan", "apply", "free", "--now", "--json").json()
    again = meter("plan", "apply", "free", "--now", "--json").json()
    after = meter("account", "show", acme, "--json").json()

    assert [one["account"] for one in dry["changed"]] == [one["account"] for one in done["changed"]] == [acme]
    assert (done["accounts"], again["changed"]) == (1, [])
    assert after["included"] == 2000
    assert 1000 < after["remaining"] <= 2000


def test_applying_a_plan_wants_to_be_told_that_it_is_meant(meter, acme):
    ended = meter("plan", "apply", "free")

    assert ended.code == 2
    assert "--now" in ended.talk


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd"])
def test_a_zone_that_does_not_exist_opens_nothing(meter, zone):
    assert meter("account", "create", "acme", "--plan", "free", "--zone", zone).code == 2
    assert meter("account", "show", "acme").code == 1


def test_what_is_an_accounts_own_stays_when_its_plan_changes(meter, acme):
    before = meter("account", "terms", acme, "--json").json()
    own = meter("account", "terms", acme, "--commitment", "7", "--zone", "Asia/Tokyo", "--json").json()
    meter("plan", "change", acme, "big", "--now")
    after = meter("account", "terms", acme, "--json").json()

    assert (before["plan"], before["zone"], before["commitment"]) == ("free", "Europe/Berlin", 0)
    assert (own["plan"], own["zone"], own["commitment"]) == ("free", "Asia/Tokyo", 7)
    assert (after["plan"], after["zone"], after["commitment"]) == ("big", "Asia/Tokyo", 7)
    assert "Asia/Tokyo" in meter("account", "terms", acme).data
