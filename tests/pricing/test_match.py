"""Precedence of routes, and the conditions that they may have."""

import pytest
from starlette.routing import Route as StarletteRoute

from meter.policy.model import PathMode, Unmatched
from meter.pricing.match import Matched, Matcher, Unpriced
from tests.pricing.make import called, free, operation, policy, request, route, simple


@pytest.mark.parametrize(
    ("better", "worse", "asked"),
    [
        pytest.param("/v1/a", "GET /v1/{x}", "GET /v1/a", id="an exact path before a template with a method"),
        pytest.param("/v1/{x}/b", "/{w}/{x}/b", "GET /v1/a/b", id="more literal segments"),
        pytest.param("/images/{x}/b", "/{w}/{x}/b", "GET /images/a/b", id="a longer beginning"),
        pytest.param("/{w}/{x}", "/{rest:path}", "GET /a/b", id="segments before the rest"),
        pytest.param("/{w}/{x}/{y}", "/v1/videos/{rest:path}", "GET /v1/videos/b", id="rest last, however long"),
        pytest.param("/v1/{rest:path}", "/{rest:path}", "GET /v1/b", id="the longer of two rests"),
        pytest.param("/v1/{x}/{rest:path}", "/v1/{rest:path}", "GET /v1/a/b", id="a rest after more segments"),
        pytest.param("/a/b/{x}", "/{w}/{x}/longer", "GET /a/b/longer", id="segments count before characters"),
        pytest.param("/{w}/long/{x}", "/a/{w}/{x}", "GET /a/long/b", id="more literal characters"),
        pytest.param("GET /v1/{x}", "/v1/{x}", "GET /v1/a", id="a method before any"),
        pytest.param("HEAD /v1/{x}", "GET /v1/{x}", "HEAD /v1/a", id="HEAD named"),
        pytest.param("GET /v1/{x}", "/v1/{x}", "HEAD /v1/a", id="GET serves HEAD, before any method"),
        pytest.param("GET /v1/a", "HEAD /v1/{x}", "HEAD /v1/a", id="GET's exact path serves HEAD"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True], ids=["better first", "worse first"])
def test_the_more_specific_route_wins_wherever_it_stands(better, worse, asked, swapped):
    routes = [route(better, "1"), route(worse, "2")]

    assert called(simple(*reversed(routes) if swapped else routes), request(asked)) == "1"


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param({"host": "api.example"}, id="host"),
        pytest.param({"headers": {"X-Size": "big"}}, id="header"),
        pytest.param({"query": {"size": "big"}}, id="query"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True], ids=["conditions first", "conditions last"])
def test_a_route_with_a_condition_wins_where_it_is_met(conditions, swapped):
    routes = [route("GET /a", "1", **conditions), route("GET /a", "2")]
    rules = simple(*reversed(routes) if swapped else routes)

    assert called(rules, request("GET /a", "size=big", headers={"x-size": "big"})) == "1"


def test_header_conditions_come_before_query_conditions():
    rules = simple(
        route("GET /a", "2", query={"size": "big", "kind": None}), route("GET /a", "1", headers={"x-size": "big"})
    )

    assert called(rules, request("GET /a", "size=big&kind=x", headers={"x-size": "big"})) == "1"


def test_of_equals_the_first_in_the_file_wins():
    rules = simple(route("GET /{a}", "1"), route("GET /{b}", "2"))

    assert called(rules, request("GET /x")) == "1"


@pytest.mark.parametrize(
    ("template", "path", "matches"),
    [
        pytest.param("/v1/{x}", "/v1/a", True, id="one segment"),
        pytest.param("/v1/{x}", "/v1/", False, id="an empty segment is none"),
        pytest.param("/v1/{x}", "/v1/a/b", False, id="two segments are not one"),
        pytest.param("/v1/{x:path}", "/v1/a/b", True, id="the rest"),
        pytest.param("/v1/{x:path}", "/v1/", True, id="an empty rest"),
        pytest.param("/v1/{x:path}", "/v1", False, id="no rest without its slash"),
        pytest.param("/{x:path}", "/", True, id="everything, at the root"),
        pytest.param("/{x}", "/", False, id="the root has no segment"),
        pytest.param("/", "/", True, id="the root"),
        pytest.param("/v1/a/", "/v1/a", False, id="a slash in the template"),
        pytest.param("/v1/a+b", "/v1/aab", False, id="signs of regular expressions are text"),
    ],
)
def test_templates_match_what_starlettes_match(template, path, matches):
    starlettes = StarletteRoute(template, lambda request: None).path_regex.match(path) is not None

    found = called(simple(route(template, "1")), request(f"GET {path}"), PathMode.APP) == "1"

    assert (found, starlettes) == (matches, matches)


@pytest.mark.parametrize(
    ("wanted", "sent", "met"),
    [
        pytest.param("api.example", "api.example", True, id="equal"),
        pytest.param("api.example", "API.Example:8443", True, id="case and port"),
        pytest.param("API.example:80", "api.example", True, id="case and port in the policy"),
        pytest.param("api.example", "api.example.", True, id="final dot"),
        pytest.param("api.example", "www.example", False, id="another"),
        pytest.param("api.example", "", False, id="none sent"),
        pytest.param("[::1]", "[::1]:80", True, id="an address of IPv6"),
    ],
)
def test_hosts_are_compared_without_case_and_port(wanted, sent, met):
    rules = simple(route("/a", "1", host=wanted))

    assert called(rules, request("GET /a", host=sent)) == ("1" if met else "Unpriced")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        pytest.param("size=big", "100", id="met"),
        pytest.param("%73ize=bi%67", "100", id="met, in escapes"),
        pytest.param("size=small", "1", id="another value"),
        pytest.param("", "1", id="missing"),
        pytest.param("size=small&size=big", "100", id="met by one of two values"),
        pytest.param("size=big&size=small", "100", id="met by the other of two values"),
        pytest.param("Size=BIG", "100", id="another case"),
        pytest.param("size[]=big", "100", id="a list to some"),
        pytest.param("x=1;size=big", "100", id="a parameter to some"),
        pytest.param("size%00=big", "100", id="cut off by some"),
    ],
)
def test_a_dear_condition_is_met_as_soon_as_some_app_may_see_it(query, name):
    rules = simple(route("GET /a", "100", query={"size": "big"}), route("GET /a", "1"))

    assert called(rules, request("GET /a", query)) == name


@pytest.mark.parametrize(
    ("query", "name"),
    [
        pytest.param("preview=1", "1", id="met"),
        pytest.param("preview=1&preview=0", "100", id="met by one of two values"),
        pytest.param("preview=1&preview=", "100", id="empty as well"),
        pytest.param("Preview=1", "100", id="another case"),
        pytest.param("preview[]=1", "100", id="a list to some"),
        pytest.param("x=1;preview=1", "100", id="a parameter to some"),
    ],
)
def test_a_cheap_condition_is_met_only_where_every_app_must_see_it(query, name):
    rules = simple(route("GET /a", "1", query={"preview": "1"}), route("GET /a", "100"))

    assert called(rules, request("GET /a", query)) == name


@pytest.mark.parametrize(
    ("query", "name"),
    [
        pytest.param("limit=5", "100", id="some value"),
        pytest.param("limit=5&limit=6", "100", id="two values"),
        pytest.param("limit=", "100", id="an empty value, which some drop: the dearer"),
        pytest.param("other=5", "1", id="missing"),
    ],
)
def test_a_condition_without_a_value_wants_any(query, name):
    rules = simple(route("GET /a", "100", query={"limit": None}), route("GET /a", "1"))

    assert called(rules, request("GET /a", query)) == name


def test_a_cheap_condition_without_a_value_is_not_met_by_an_empty_one():
    rules = simple(route("GET /a", "1", query={"preview": None}), route("GET /a", "100"))

    assert called(rules, request("GET /a", "preview=")) == "100"


def test_a_dear_header_is_met_by_a_member_of_a_list():
    rules = simple(route("GET /a", "100", headers={"X-Mode": "full"}), route("GET /a", "1"))

    assert called(rules, request("GET /a", headers={"X-Mode": "draft, full"})) == "100"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        pytest.param({"X-Mode": "draft"}, "1", id="met"),
        pytest.param({"X_Mode": "draft"}, "100", id="a name that some gateways take for it"),
        pytest.param({"X-Mode": "draft, full"}, "100", id="a list"),
        pytest.param({"X-Mode": "draft", "x-mode": "full"}, "100", id="twice"),
    ],
)
def test_a_cheap_header_is_met_only_where_every_app_must_see_it(headers, name):
    rules = simple(route("GET /a", "1", headers={"X-Mode": "draft"}), route("GET /a", "100"))

    assert called(rules, request("GET /a", headers=headers)) == name


@pytest.mark.parametrize(("count", "name"), [(256, "1"), (257, "Ambiguous")])
def test_a_query_that_decides_a_price_has_at_most_256_parameters(count, name):
    rules = simple(route("GET /a", "100", query={"size": "big"}), route("GET /a", "1"))

    assert called(rules, request("GET /a", "&".join(["x=1"] * count))) == name


def test_a_query_that_decides_nothing_may_have_any_number_of_parameters():
    assert called(simple(route("GET /a", "1")), request("GET /a", "&" * 1000)) == "1"


@pytest.mark.parametrize(
    ("unmatched", "said"),
    [
        pytest.param(Unmatched.REFUSE, Unpriced(free=False), id="refuse"),
        pytest.param(Unmatched.FREE, Unpriced(free=True), id="free"),
    ],
)
def test_what_matches_nothing_follows_the_policys_word(unmatched, said):
    rules = simple(route("GET /a", "1"), unmatched=unmatched)

    assert Matcher(rules, PathMode.STRICT).match(request("POST /a")) == said


def test_what_matches_nothing_may_be_priced_as_an_operation():
    rules = simple(route("GET /a", "1"), unmatched="7")

    verdict = Matcher(rules, PathMode.STRICT).match(request("POST /a"))

    assert verdict == Matched(operation=operation("7", "7"), route=None)


def test_of_two_routes_to_one_operation_the_better_is_named():
    rules = simple(route("/v1/{x}", "1"), route("/v1/A", "1"))

    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /v1/a"))

    assert verdict.route is rules.routes[0]


def test_a_free_operation_matches_like_any_other():
    rules = policy([free("health")], [route("GET /health", "health")])

    verdict = Matcher(rules, PathMode.STRICT).match(request("HEAD /health"))

    assert verdict.operation.free
