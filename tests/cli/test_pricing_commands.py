"""``quote`` and ``explain`` say what the gateway would charge, and why."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("policies")

IMAGE_API = Path(__file__).parents[2] / "policies" / "image-api.yaml"
ANALYSIS = ("POST", "/v1/images/4/analysis")
NOON = ("--at", "2026-11-01T12:00:00Z")


@pytest.mark.parametrize(
    ("options", "cost"),
    [
        pytest.param(["--at", "2026-11-01T12:00:00Z"], 100, id="by day"),
        pytest.param(["--at", "2026-11-01T03:00:00Z"], 70, id="at night"),
        pytest.param(["--at", "2026-11-01T13:00:00+10:00"], 70, id="at night, told in another zone"),
        pytest.param([*NOON, "--load", "0.95"], 150, id="under load"),
        pytest.param([*NOON, "--load", "0.5"], 100, id="under little load"),
        pytest.param([*NOON, "--commitment", "1000000"], 60, id="for a commitment"),
        pytest.param([*NOON, "--plan", "big"], 60, id="for the plan's commitment"),
        pytest.param([*NOON, "--plan", "big", "--commitment", "0"], 100, id="for a commitment of its own"),
        pytest.param(["--at", "2026-11-01T03:00:00Z", "--load", "0.95", "--commitment", "1000000"], 63, id="all three"),
    ],
)
def test_a_quote_is_priced_by_moment_load_and_commitment(meter, options, cost):
    ended = meter("quote", *ANALYSIS, *options, "--json")

    assert (ended.code, ended.talk) == (0, "")
    assert ended.json()["credits"] == cost


def test_a_quote_for_scripts_holds_all_that_decided(meter):
    quote = meter("quote", *ANALYSIS, "--at", "2026-11-01T03:00:59Z", "--plan", "pro", "--json").json()

    assert quote == {
        "method": "POST",
        "path": "/v1/images/4/analysis",
        "operation": "image.analyse",
        "title": "AI analysis",
        "credits": 70,
        "ceiling": False,
        "observed": False,
        "at": "2026-11-01T03:00:00Z",
        "plan": "pro",
        "commitment": 0,
        "policy": quote["policy"],
        "prices": None,
        "next": None,
        "route": {
            "match": "POST /v1/images/{id}/analysis",
            "file": quote["route"]["file"],
            "line": 12,
        },
        "factors": [{"name": "off-peak", "multiply": Decimal("0.7"), "reason": "02:00 to 07:00 UTC"}],
        "trace": quote["trace"],
        "outcomes": {
            "1xx": 70, "2xx": 70, "3xx": 70, "304": 70, "4xx": 0, "5xx": 0, "connect_error": 0, "timeout": 0,
            "timeout_midway": 0, "raised": 0, "raised_midway": 0, "hangup": 70, "hangup_midway": 70, "shutdown": 0,
            "killed": 70,
        },
    }  # fmt: skip
    assert any("off-peak" in step for step in quote["trace"])


def test_a_quote_is_no_drill(meter):
    quote = meter("quote", *ANALYSIS, "--load", "0.95", "--at", "2026-11-01T03:00:00Z", "--json").json()

    assert [step for step in quote["trace"] if "drill" in step] == []


def test_a_query_counts_wherever_it_is_written(meter):
    in_path = meter("quote", "GET", "/v1/users?limit=500", *NOON, "--json").json()
    as_option = meter("quote", "GET", "/v1/users", "--query", "limit=500", *NOON, "--json").json()

    assert in_path["credits"] == 6
    assert as_option == in_path


def test_a_header_can_lead_to_another_operation(meter):
    bare = meter("quote", "GET", "/v1/beta", *NOON, "--json").json()
    with_header = meter("quote", "GET", "/v1/beta", "--header", "X-Beta: 1", *NOON, "--json").json()

    assert (bare["operation"], with_header["operation"]) == ("other", "image.analyse")


def test_a_price_that_the_answer_decides_is_called_a_ceiling(meter):
    quote = meter("quote", "POST", "/v1/chat", *NOON, "--json").json()

    assert (quote["credits"], quote["ceiling"]) == (50, True)
    assert meter("quote", "POST", "/v1/chat", *NOON).data.startswith("at most 50 credits for chat\n")


def test_a_quote_for_people_tells_every_step(meter):
    ended = meter("quote", *ANALYSIS, "--at", "2026-11-01T03:00:00Z")

    assert ended.data.splitlines() == [
        "70 credits for image.analyse",
        "  image.analyse costs 100 credits.",
        "  off-peak (02:00 to 07:00 UTC) multiplies by 0.7: 70 credits.",
        "  The price is 70 credits.",
    ]


def test_an_explanation_names_the_route_its_place_and_its_rivals(meter):
    told = meter("explain", *ANALYSIS, *NOON).data

    assert "POST /v1/images/4/analysis costs 100 credits." in told
    assert "api.yaml:12:" in told
    assert "It goes before any method /v1/{rest:path}" in told


def test_an_explanation_prices_every_end_of_the_call(meter):
    told = meter("explain", *ANALYSIS, *NOON).data
    rows = {line.split("  ")[0].strip(): line.split()[-2:] for line in told.splitlines()}

    assert rows["answered 2xx"] == ["full", "100"]
    assert rows["answered 5xx"] == ["none", "0"]
    assert rows["the caller left while the app worked"] == ["full", "100"]
    assert rows["refused before the app was called"] == ["none", "0"]


def test_tables_fit_eighty_columns_without_a_terminal(meter):
    told = meter("explain", *ANALYSIS, "--at", "2026-11-01T03:00:00Z", "--load", "0.95", "--commitment", "1000000").data
    table = told[told.index("Steps") :]

    assert max(map(len, table.splitlines())) <= 80
    assert "\x1b" not in told


@pytest.mark.parametrize(
    ("path", "cost"),
    [
        pytest.param("/v1/images", 1, id="store"),
        pytest.param("/v1/images/4/resize", 5, id="resize"),
        pytest.param("/v1/images/4/analysis", 100, id="analysis"),
        pytest.param("/v1/images/4/cutout", 250, id="cutout"),
        pytest.param("/v1/videos", 2500, id="video"),
    ],
)
def test_the_ready_image_policy_prices_its_routes(meter, path, cost):
    quote = meter("quote", "POST", path, *NOON, "--policies", str(IMAGE_API), "--json").json()

    assert quote["credits"] == cost


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            ["GET", "/nope"],
            "GET /nope matches no route and would be answered 404 no_price; add a route for it.",
            id="no route",
        ),
        pytest.param(
            ["GET", "/v1//x"],
            "GET /v1//x would be answered 400 ambiguous_path: The path has no single form: '//' is an empty segment.",
            id="a path with two meanings",
        ),
        pytest.param(
            [*ANALYSIS, "--plan", "prp"], "The policy has no plan 'prp'; did you mean 'pro'?", id="an unknown plan"
        ),
    ],
)
def test_what_has_no_price_ends_with_1_and_a_sentence(meter, arguments, sentence):
    ended = meter("quote", *arguments, "--json")

    assert (ended.code, ended.data, ended.talk) == (1, "", f"{sentence}\n")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("--at", "yesterday", id="no moment"),
        pytest.param("--load", "nan", id="no load"),
        pytest.param("--commitment", "-5", id="a negative commitment"),
        pytest.param("--commitment", "1e9", id="a commitment with an exponent"),
        pytest.param("--header", "x-beta", id="a header without a value"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_names_the_value(meter, option, value):
    ended = meter("quote", *ANALYSIS, option, value)

    assert (ended.code, ended.data) == (2, "")
    assert value in ended.talk


VERSIONS = """
prices:
  - {version: "2027-01", effective_at: 2027-01-01T00:00:00Z, operations: {image.analyse: 120}}
transition: 0.1
"""


@pytest.fixture
def versions(policies):
    """The policy, with a version of its prices that is yet to come and a plan that is pinned."""
    file = policies / "api.yaml"
    pin = "{included: 1000, period: month, pin: {version: original, until: 2027-03-01T00:00:00Z}}"
    file.write_text(file.read_text() + f"  legacy: {pin}\n{VERSIONS}")


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize(
    ("at", "plan", "paid", "following"),
    [
        pytest.param("2026-12-31T12:00:00Z", "free", (100, "original"), ("2027-01-01T00:00:00Z", 120), id="before"),
        pytest.param("2027-01-01T12:00:00Z", "free", (120, "2027-01"), None, id="from its moment on"),
        pytest.param("2027-02-28T12:00:00Z", "legacy", (100, "original"), ("2027-03-01T00:00:00Z", 110), id="pinned"),
        pytest.param("2027-03-01T12:00:00Z", "legacy", (110, "2027-01"), ("2027-04-01T00:00:00Z", 120), id="walking"),
    ],
)
def test_a_quote_names_its_version_and_the_next_price(meter, at, plan, paid, following):
    quote = meter("quote", *ANALYSIS, "--at", at, "--plan", plan, "--json").json()
    told = None if quote["next"] is None else (quote["next"]["at"], quote["next"]["credits"])

    assert (quote["credits"], quote["prices"], told) == (*paid, following)


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("command", ["quote", "explain"])
def test_people_are_told_the_next_price(meter, command):
    said = meter(command, *ANALYSIS, "--at", "2026-12-31T12:00:00Z").data

    assert "From 2027-01-01T00:00:00Z on it costs 120 credits, by prices 2027-01; adjustments by time" in said


def test_the_document_on_versions_shows_what_is_really_printed(meter, tmp_path, monkeypatch):
    document = (Path(__file__).parents[2] / "docs" / "use.md").read_text("utf-8").partition("## Prices by version")[2]
    blocks = dict(re.findall(r"^```(yaml|console)\n(.*?)^```$", document, re.MULTILINE | re.DOTALL))
    (tmp_path / "use.yaml").write_text(blocks["yaml"])
    monkeypatch.setenv("METER_POLICIES", str(tmp_path / "use.yaml"))
    command, _, printed = blocks["console"].partition("\n")

    assert meter(*command.removeprefix("$ meter ").split()).data == printed
