"""``meter forecast``: from files and from the books, for people and for scripts."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from meter.cli.economics.fan import bar, picture
from meter.cli.economics.forecast_view import show_projection
from meter.cli.economics.look_back import use_in_books
from meter.credits import Credits
from meter.economics.forecast.projection import project
from meter.till import statement
from tests.cli.conftest import Meter
from tests.ledger.books import DAY, charged, drilled, opened, stands

EXAMPLE = str(Path(__file__).resolve().parents[3] / "examples" / "economics" / "november.csv")


@pytest.fixture
def write(tmp_path):
    """Write a table of days."""

    def written(*uses, first=date(2026, 11, 1)):
        path = tmp_path / "daily.csv"
        rows = [f"{first + timedelta(days=at)},{amount}\n" for at, amount in enumerate(uses)]
        path.write_text("date,credits\n" + "".join(rows))
        return str(path)

    return written


def test_the_articles_dashboard_with_percents_that_add_up(meter: Meter):
    ended = meter("forecast", "--use", EXAMPLE, "--day", "20", "--limit", "50000")

    assert (ended.code, ended.talk) == (0, "")
    assert "Used: 32,450 / 50,000 credits (64.9 %)" in ended.data
    assert all(f"({percent} %)" in ended.data for percent in (38, 46, 16))
    assert "Run rate, every day like the average one: 48,675 credits" in ended.data
    assert "Projected end of period: 47,500 credits" in ended.data
    assert "in 8 of 10 months; an estimate" in ended.data


def test_scripts_get_exact_numbers_and_estimates_named_as_such(meter: Meter):
    said = meter("forecast", "--use", EXAMPLE, "--day", "20", "--limit", "46000", "--json").json()
    estimate = said["estimate"]

    assert (said["used"], said["remaining"], said["run_rate"]) == (32450, 13550, 48675)
    assert sum(one["percent"] for one in said["operations"]) == 100
    assert estimate["p5"] < estimate["p10"] < estimate["p50"] < estimate["p90"] < estimate["p95"]
    assert estimate["chance_to_run_out"] > 0.5
    assert "2026-11-21" < estimate["runs_out_by"]["p10"] <= estimate["runs_out_by"]["p50"]
    assert (len(said["past"]), len(said["ahead"])) == (20, 10)


def test_people_get_exact_numbers_that_no_float_holds(meter: Meter, write):
    ended = meter("forecast", "--use", write("900000000000000001", "0.5", 0))

    assert "Used: 900,000,000,000,000,001.50 credits" in ended.data
    assert "Run rate, every day like the average one: 9,000,000,000,000,000,015 credits" in ended.data


def test_later_days_of_a_file_are_not_looked_at_and_that_is_said(meter: Meter, write):
    ended = meter("forecast", "--use", write(*[100] * 25), "--day", "20", "--json")

    assert ended.json()["used"] == 2000
    assert "5 later days" in ended.talk


def test_days_before_the_period_are_history(meter: Meter, write):
    path = write(*[100] * 40, first=date(2026, 10, 1))
    said = meter("forecast", "--use", path, "--period", "2026-11-01..2026-12-01", "--json").json()

    assert (said["used"], said["days_over"], said["known_since"]) == (900, 9, "2026-10-01")


@pytest.mark.parametrize(
    ("days", "arguments", "said"),
    [
        pytest.param([0, 0, 0], (), "nothing to project from", id="nothing was used"),
        pytest.param([100] * 30, ("--limit", "4000"), "The period is over: 3,000", id="the last day is over"),
        pytest.param([100] * 30, ("--limit", "4000"), "The credits were enough.", id="they were enough"),
        pytest.param([100] * 20, ("--limit", "1450"), "have run out on 2026-11-15", id="they ran out"),
        pytest.param([100], ("--limit", "none"), "Used: 100 credits", id="one day, no limit"),
        pytest.param([100] * 20, ("--limit", "10000"), "under 1 %", id="far from the limit"),
        pytest.param([0.25, 0.5], (), "Used: 0.75 credits", id="parts of credits"),
    ],
)
def test_the_edges_of_a_period_are_said_in_words(meter: Meter, write, days, arguments, said):
    ended = meter("forecast", "--use", write(*days), *arguments)

    assert ended.code == 0
    assert said in ended.data


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("--limit", "0"), 1, "a limit of 0", id="a limit of nothing"),
        pytest.param(("--limit", "many"), 2, "'many' is not an amount", id="a limit that is no number"),
        pytest.param(("--day", "31"), 1, "Day 31 is not in the 30 days", id="a day after the period"),
        pytest.param(("--day", "0"), 1, "Day 0 is over", id="nothing is over"),
        pytest.param(("--period", "november"), 2, "'november' is no period", id="a period that is none"),
        pytest.param(("--period", "2026-11-05..2026-11-05"), 1, "there is no day", id="an empty period"),
        pytest.param(
            ("--period", "2026-12-01..2027-01-01"), 1, "day of the files, 2026-11-03, is not in", id="too early"
        ),
        pytest.param(("--period", "2026-10-01..2026-11-01"), 1, "name the day with --day", id="too late"),
    ],
)
def test_what_can_be_no_forecast_is_refused_with_the_value(meter: Meter, write, arguments, code, said):
    ended = meter("forecast", "--use", write(100, 100, 100), *arguments)

    assert (ended.code, ended.data) == (code, "")
    assert said in " ".join(ended.talk.replace("│", " ").split())


def test_a_file_that_can_not_be_read_is_named_with_its_line(meter: Meter, tmp_path):
    path = tmp_path / "daily.csv"
    path.write_text("date,credits\n2026-11-01,1\n2026-11-02,-3\n")
    ended = meter("forecast", "--use", str(path))

    assert (ended.code, ended.talk) == (1, f"{path}:3: credits: -3 is less than 0; correct it.\n")


@pytest.mark.parametrize("arguments", [(), ("acme", "--day", "3"), ("acme", "--limit", "5")])
def test_without_files_it_takes_an_account_and_nothing_else(meter: Meter, arguments):
    assert meter("forecast", *arguments).code == 2


async def test_the_books_give_the_days_of_this_period_and_of_the_one_before(store_url):
    async with drilled(store_url) as drill:
        account = await opened(drill.ledger, included=10**9)
        for _ in range(20):
            account = (await stands(drill.ledger)).account
            back = await charged(drill.ledger, account, 5_000_000)
            await charged(drill.ledger, account, 2_000_000, "other")
            await drill.ledger.refund("acme", back.op, reason="failed", keep=Credits(3_000_000))
            await drill.wait(DAY)
            await statement(drill.ledger, "acme")
        use = await use_in_books(drill.ledger, "acme")
    day = use.today - use.start

    assert (use.since, set(use.days.values())) == (use.today - timedelta(days=20), {5})
    assert (use.used, use.operations) == (5 * day.days, {"chat": 3 * day.days, "other": 2 * day.days})
    assert (use.limit, use.length, len(use.shares)) == (1000, 31, 31 - day.days)
    assert 0 < use.shares[0] < 1 == use.shares[-1]
    assert day.days < use.elapsed < day.days + 1


@pytest.fixture
def acme(meter: Meter, policies, store_url, monkeypatch):
    """An account, new on its plan."""
    monkeypatch.setenv("METER_REDIS", store_url)
    meter("account", "create", "acme", "--plan", "free")
    return "acme"


def test_a_new_account_has_nothing_to_project_from(meter: Meter, acme):
    said = meter("forecast", acme, "--json").json()

    assert (said["account"], said["used"], said["limit"], said["estimate"]) == ("acme", 0, 1000, None)
    assert "Nothing was used yet" in meter("forecast", acme).data


async def test_what_was_used_today_alone_is_no_day_to_project_from(store_url, capsys):
    async with drilled(store_url) as drill:
        await charged(drill.ledger, await opened(drill.ledger, included=10**9), 5_000_000)
        found = project(await use_in_books(drill.ledger, "acme"))
    show_projection(found, "acme")

    assert (found.known, found.use.used) == (False, 5)
    assert "No whole day is known yet" in capsys.readouterr().out


def test_who_has_no_books_is_refused(meter: Meter, acme):
    meter("account", "member", "acme/web")
    unknown, member = meter("forecast", "nobody"), meter("forecast", "acme/web")

    assert (unknown.code, member.code) == (1, 1)
    assert "no account 'nobody'" in unknown.talk
    assert "'acme' pays for the calls" in member.talk


def test_a_bar_is_never_fuller_than_full():
    assert (bar(2.0, 4), bar(0.5, 4), bar(0.0, 4)) == ("████", "██░░", "░░░░")


def test_a_picture_has_a_column_a_day():
    *rows, letters = picture([10, 5], [(2, 12), (0, 0)], start=date(2026, 11, 1))

    assert letters.split() == ["S", "M", "T", "W"]
    assert rows[0].split()[0] == "12"
    assert rows[-1].endswith("0 █ █ ▒")
    assert picture([0, 0], [], start=date(2026, 11, 1)) == []
