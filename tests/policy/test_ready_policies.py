import json
from fractions import Fraction
from pathlib import Path

import pytest

from meter.policy.document import json_schema
from meter.policy.load import load
from meter.policy.model import CommitmentAdjustment, LoadAdjustment, MeterKind, TimeAdjustment

POLICIES = Path(__file__).parent.parent.parent / "policies"

FOLDERS = [POLICIES, POLICIES / "data-api", POLICIES / "llm-api"]


@pytest.fixture(scope="module")
def image_api():
    return load(POLICIES)


def test_the_committed_schema_is_the_one_that_is_printed():
    assert json.loads((POLICIES / "policy.schema.json").read_text("utf-8")) == json_schema()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_ready_policy_is_complete_alone(folder):
    policy = load(folder)

    assert policy.plans
    assert {route.operation for route in policy.routes} == set(policy.operations)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_ready_policy_tells_editors_its_schema(folder):
    for file in folder.glob("*.yaml"):
        comment, _, address = file.read_text("utf-8").splitlines()[0].partition("$schema=")

        assert comment == "# yaml-language-server: "
        assert (folder / address).resolve() == POLICIES / "policy.schema.json"


@pytest.mark.parametrize(
    ("match", "cost"),
    [
        ("POST /v1/images", 1),
        ("POST /v1/images/{id}/resize", 5),
        ("POST /v1/images/{id}/analysis", 100),
        ("POST /v1/images/{id}/cutout", 250),
        ("POST /v1/videos", 2500),
    ],
)
def test_the_image_api_costs_what_the_article_says(match, cost, image_api):
    (route,) = [route for route in image_api.routes if f"{route.method} {route.template}" == match]

    assert image_api.operations[route.operation].price.base == cost * 10**6


def test_the_image_api_is_adjusted_as_the_article_says(image_api):
    night, surge, commitment = image_api.operations["image.analyse"].adjustments

    assert isinstance(night, TimeAdjustment)
    assert (night.multiply, night.start.hour, night.end.hour, night.zone.key) == (Fraction("0.7"), 2, 7, "UTC")
    assert isinstance(surge, LoadAdjustment)
    assert (surge.multiply, surge.above) == (Fraction("1.5"), Fraction("0.9"))
    assert isinstance(commitment, CommitmentAdjustment)
    assert commitment.tiers == ((10**11, Fraction("0.8")), (10**12, Fraction("0.6")))


def test_the_image_api_has_the_articles_plans(image_api):
    plans = {name: (plan.included // 10**6, plan.price) for name, plan in image_api.plans.items()}

    assert plans == {"free": (1000, None), "starter": (50_000, 29), "pro": (250_000, 99)}


def test_the_data_api_prices_a_list_by_its_limit():
    price = load(POLICIES / "data-api").operations["users.list"].price

    assert price.known_before
    assert [(rate.kind, rate.source) for rate in price.rates] == [(MeterKind.QUERY, "limit")]


def test_the_llm_api_prices_by_tokens_under_a_ceiling():
    price = load(POLICIES / "llm-api").operations["chat"].price

    assert not price.known_before
    assert price.at_most == 50 * 10**6


def test_the_schema_describes_every_key_that_a_file_may_hold():
    schema = json_schema()
    keys = {
        key: fact for part in [schema, *schema["$defs"].values()] for key, fact in part.get("properties", {}).items()
    }

    assert [
        key for key, fact in keys.items() if not fact.keys() & {"description", "$ref", "items", "enum", "oneOf"}
    ] == []


def test_the_schema_offers_the_words_of_each_choice():
    choices = json_schema()["$defs"]

    assert choices["LoadSignal"]["enum"] == ["inflight", "cpu", "lag", "url"]
    period = choices["PlanPart"]["properties"]["period"]["anyOf"][0]
    assert period["enum"] == ["day", "week", "month", "year", "none"]
