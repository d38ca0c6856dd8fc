"""What the meters read that are known before a call: never less than any app could read."""

from dataclasses import replace
from fractions import Fraction

import pytest

from meter.credits import parse
from meter.policy.model import PathMode
from meter.policy.versions import PriceVersion
from meter.pricing.match import Ambiguous, Matched, Matcher
from tests.pricing.make import NOON, operation, policy, rated, request, route

LISTED = operation("list", rated("1", {"query.limit": "0.01"}, "100"))
RULES = policy([LISTED], [route("GET /users", "list")])


def read(query: str) -> Fraction | None:
    verdict = Matcher(RULES, PathMode.STRICT).match(request("GET /users", query))
    assert isinstance(verdict, Matched)
    return verdict.usage["query.limit"]


@pytest.mark.parametrize(
    ("query", "units"),
    [
        pytest.param("limit=250", 250, id="a number"),
        pytest.param("limit=2.5", Fraction(5, 2), id="a decimal"),
        pytest.param("limit=0", 0, id="nothing"),
        pytest.param("%6Cimit=%32%35", 25, id="escapes"),
        pytest.param("limit=1&limit=1000&limit=2", 1000, id="the largest of several"),
        pytest.param("limit=1&Limit=1000", 1000, id="another case raises it"),
        pytest.param("limit=1&limit[]=1000", 1000, id="a list raises it"),
        pytest.param("limit=1&limit%5B0%5D=1000", 1000, id="a list in escapes raises it"),
        pytest.param("limit=1&%20limit=1000", 1000, id="a space before the name raises it"),
        pytest.param("limit=1&+limit=1000", 1000, id="a plus sign before the name raises it"),
        pytest.param("x=1;limit=1000&limit=1", 1000, id="a semicolon raises it"),
        pytest.param("limit=1&offset=1000", 1, id="another parameter does not"),
    ],
)
def test_a_parameter_counts_by_the_largest_number_that_an_app_could_read(query, units):
    assert read(query) == units


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("", id="missing"),
        pytest.param("Limit=5", id="sent under another name alone"),
        pytest.param("limit", id="no value"),
        pytest.param("limit=", id="empty"),
        pytest.param("limit=-5", id="negative"),
        pytest.param("limit=%2B5", id="a sign"),
        pytest.param("limit=+5", id="a space"),
        pytest.param("limit=1e3", id="an exponent"),
        pytest.param("limit=0x10", id="hexadecimal"),
        pytest.param("limit=1_000", id="an underscore"),
        pytest.param("limit=nan", id="nan"),
        pytest.param("limit=Infinity", id="infinity"),
        pytest.param("limit=%D9%A3", id="digits of another script"),
        pytest.param("limit=5%0A", id="a line feed"),
        pytest.param("limit=1&limit=all", id="one of two is no number"),
        pytest.param("limit=1;limit=5", id="a semicolon within"),
        pytest.param("limit=" + "9" * 16, id="too many digits"),
    ],
)
def test_what_is_no_plain_number_is_not_known(query):
    assert read(query) is None


@pytest.mark.parametrize(
    ("headers", "units"),
    [
        pytest.param({"X-Width": "640"}, 640, id="a number"),
        pytest.param({"X-Width": "1", "x-width": "640"}, 640, id="the larger of two"),
        pytest.param({"X-Width": "1", "X_Width": "640"}, 640, id="an underscore raises it"),
        pytest.param({"X-Width": "1, 640"}, None, id="a list"),
        pytest.param({}, None, id="missing"),
    ],
)
def test_a_header_counts_in_the_same_way(headers, units):
    rules = policy([operation("a", rated("0", {"header.X-Width": "1"}, "900"))], [route("/a", "a")])

    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /a", headers=headers))

    assert verdict.usage == {"header.X-Width": units}


@pytest.mark.parametrize("other", ["page.size", "page size", "page+size", "PAGE_SIZE"])
def test_a_name_that_some_frameworks_rewrite_counts_too(other):
    rules = policy([operation("a", rated("0", {"query.page_size": "1"}, "900"))], [route("/a", "a")])

    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /a", f"page_size=1&{other}=640"))

    assert verdict.usage == {"query.page_size": 640}


def test_what_only_the_answer_knows_is_left_out():
    rules = policy([operation("a", rated("0", {"tokens": "1"}, "900"))], [route("/a", "a")])

    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /a"))

    assert verdict.usage == {}


@pytest.mark.parametrize(
    "query",
    [pytest.param("", id="missing"), pytest.param("limit=999999999999999", id="more than any account can hold")],
)
def test_a_price_without_ceiling_needs_a_number_that_can_be_paid(query):
    rules = policy([operation("list", rated("1", {"query.limit": "0.01"}))], [route("GET /users", "list")])

    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /users", query))

    assert verdict == Ambiguous(reason="`list` is priced by `query.limit`; send a plain number that can be paid.")


def test_a_maximum_is_no_ceiling_for_what_is_missing():
    listed = operation("list", rated("1", {"query.limit": "0.01"}), maximum=parse("50"))

    verdict = Matcher(policy([listed], [route("/users", "list")]), PathMode.STRICT).match(request("GET /users"))

    assert isinstance(verdict, Ambiguous)


def test_a_price_without_ceiling_is_matched_with_its_number():
    rules = policy([operation("list", rated("1", {"query.limit": "0.01"}))], [route("GET /users", "list")])

    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /users", "limit=5"))

    assert verdict.usage == {"query.limit": 5}


def test_what_the_price_of_another_version_depends_on_is_read_too():
    later = PriceVersion(name="b", effective_at=NOON, price=rated("1", {"query.pages": "1"}, "100"))
    versions = (PriceVersion(name="a", effective_at=None, price=LISTED.price), later)
    rules = policy([replace(LISTED, versions=versions)], [route("GET /users", "list")])
    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /users", "limit=3&pages=4"))

    assert verdict.usage == {"query.limit": 3, "query.pages": 4}


def test_a_request_that_the_price_of_any_version_can_not_read_is_refused():
    later = PriceVersion(name="b", effective_at=NOON, price=rated("1", {"query.limit": "0.01"}))
    versions = (PriceVersion(name="a", effective_at=None, price=LISTED.price), later)
    rules = policy([replace(LISTED, versions=versions)], [route("GET /users", "list")])
    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /users", "limit=many"))

    assert isinstance(verdict, Ambiguous)
