"""``meter pin`` and ``meter unpin``, on a real store."""

import asyncio

import pytest

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from tests.conftest import STEP_SECONDS

pytestmark = pytest.mark.usefixtures("versions", "store")

UNTIL = ("--until", "2027-07-01T00:00:00Z")
HELD = {"version": "2027-01", "until": "2027-07-01T00:00:00Z"}
PRICES = """
prices:
  - {version: "2027-01", effective_at: 2027-01-01T00:00:00Z, operations: {image.analyse: 120}}
  - {version: "2028-01", effective_at: 2028-01-01T00:00:00Z, operations: {image.analyse: 150}}
"""


@pytest.fixture
def store(store_url, monkeypatch):
    """The store that commands find by themselves."""
    monkeypatch.setenv("METER_REDIS", store_url)


@pytest.fixture
def versions(policies):
    """The policy, with versions of its prices."""
    file = policies / "api.yaml"
    file.write_text(file.read_text() + PRICES)


@pytest.fixture
def accounts(meter, store):
    """Three accounts, two of them on one plan."""
    for name, plan in (("acme", "free"), ("beta", "pro"), ("gamma", "pro")):
        assert meter("account", "create", name, "--plan", plan).code == 0


def pins(meter):
    listed = meter("account", "list", "--json").json()["accounts"]
    return {one["account"]: one["pin"] for one in listed if one["pin"]}


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        pytest.param(["--all"], ["acme", "beta", "gamma"], id="all"),
        pytest.param(["--plan", "pro"], ["beta", "gamma"], id="of a plan"),
        pytest.param(["--account", "acme"], ["acme"], id="one"),
        pytest.param(["--account", "acme", "--account", "beta", "--plan", "pro"], ["beta"], id="all that is said"),
        pytest.param(["--created-before", "2020-01-01T00:00:00Z"], [], id="older than any"),
        pytest.param(["--plan", "pro", "--created-before", "2100-01-01T00:00:00Z"], ["beta", "gamma"], id="old enough"),
        pytest.param(["--pinned-to", "2028-01"], [], id="pinned to another one"),
    ],
)
def test_the_accounts_that_are_meant_are_pinned_and_no_others(meter, selector, meant):
    planned = meter("pin", "2027-01", *UNTIL, *selector, "--dry-run", "--json").json()
    untouched = pins(meter)
    done = meter("pin", "2027-01", *UNTIL, *selector, "--json")
    again = meter("pin", "2027-01", *UNTIL, *selector, "--json").json()

    assert untouched == {}
    assert (done.code, done.json()) == (0, {**planned, "dry_run": False})
    assert (sorted(planned["pinned"]), planned["already"]) == (meant, 0)
    assert (again["pinned"], again["already"]) == ([], len(meant))
    assert pins(meter) == dict.fromkeys(meant, HELD)
    assert meter("audit").code == 0


@pytest.mark.usefixtures("accounts")
def test_a_pin_is_taken_away_and_changed_by_what_it_is(meter):
    meter("pin", "2027-01", *UNTIL, "--plan", "pro")
    meter("pin", "original", *UNTIL, "--account", "beta")
    ended = meter("unpin", "--pinned-to", "2027-01", "--json").json()

    assert (ended["unpinned"], ended["seen"], ended["version"]) == (["gamma"], 3, None)
    assert pins(meter) == {"beta": {"version": "original", "until": "2027-07-01T00:00:00Z"}}


@pytest.mark.usefixtures("accounts")
def test_people_are_told_in_a_sentence(meter):
    planned = meter("pin", "2027-01", *UNTIL, "--plan", "pro", "--dry-run").data
    done = meter("pin", "2027-01", *UNTIL, "--plan", "pro").data
    again = meter("unpin", "--account", "acme").data

    assert sorted(planned.splitlines()[:2]) == ["beta", "gamma"]
    assert planned.endswith(
        "2 accounts of 3 would be pinned to prices 2027-01 until 2027-07-01T00:00:00Z; 0 so already.\n"
    )
    assert done == "2 accounts of 3 pinned to prices 2027-01 until 2027-07-01T00:00:00Z; 0 so already.\n"
    assert again == "0 accounts of 1 unpinned; 1 without a pin already.\n"


@pytest.mark.usefixtures("accounts")
def test_an_account_that_is_named_and_that_nobody_knows_is_said_and_the_rest_is_pinned(meter):
    ended = meter("pin", "2027-01", *UNTIL, "--account", "nobody", "--account", "acme")

    assert (ended.code, ended.talk) == (1, "There is no account 'nobody'.\n")
    assert pins(meter) == {"acme": HELD}


def test_hundreds_of_accounts_are_pinned_in_one_go(meter, store_url, monkeypatch):
    async def opened():
        from meter.credits import ZERO
        from meter.policy.model import PeriodUnit
        from meter.pricing.terms import Terms

        async with open_line(store_url) as line:
            ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
            terms = Terms(plan="pro", included=ZERO, period=PeriodUnit.NONE)
            await asyncio.gather(*(ledger.open_account(f"a{number}", terms, op="open") for number in range(600)))

    asyncio.run(opened())
    ended = meter("pin", "2027-01", *UNTIL, "--plan", "pro", "--json").json()

    assert (ended["seen"], sorted(ended["pinned"])) == (600, sorted(f"a{number}" for number in range(600)))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["pin", "2027-1", *UNTIL, "--all"], 1, "did you mean '2027-01'?", id="an unknown version"),
        pytest.param(["pin", "2027-01", *UNTIL, "--plan", "prro"], 1, "did you mean 'pro'?", id="an unknown plan"),
        pytest.param(["pin", "2027-01", *UNTIL], 2, "say which accounts are meant", id="no selector"),
        pytest.param(["pin", "2027-01", *UNTIL, "--all", "--plan", "pro"], 2, "--all alone", id="all and some"),
        pytest.param(["pin", "2027-01", "--until", "2027-07-01", "--all"], 2, "is no moment", id="no moment"),
        pytest.param(
            ["pin", "2027-01", "--until", "2027-07-01T00:00:30Z", "--all"], 2, "is no whole minute", id="half a minute"
        ),
        pytest.param(["unpin"], 2, "say which accounts are meant", id="nobody to unpin"),
    ],
)
def test_what_can_not_be_meant_is_said(meter, arguments, code, said):
    ended = meter(*arguments)

    assert ended.code == code
    assert said in " ".join(ended.talk.replace("│", " ").split())
