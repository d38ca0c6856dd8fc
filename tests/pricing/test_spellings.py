"""No spelling of a dear path is cheap, however an upstream reads paths."""

import pytest

from meter.credits import parse
from meter.policy.model import Comparison, PathMode, UpstreamRule
from meter.pricing.match import Ambiguous, Matched, Matcher, Request
from tests.pricing.make import called, policy, rated, request, route, simple
from tests.pricing.make import operation as priced

DEAR = simple(route("/v1/videos", "2500"), route("/v1/{rest:path}", "1"), unmatched="1")

SPELLINGS = [
    # dot and empty segments
    "//v1/videos", "/v1//videos", "///v1///videos", "/v1/videos//", "/./v1/videos", "/v1/./videos", "/v1/videos/.",
    "/v1/videos/./", "/v1/x/../videos", "/v1/x/y/../../videos", "/../v1/videos", "/v1/../v1/videos", "/v2/../v1/videos",
    "/v1/videos/x/..", "/v1/videos/..", "/..//v1/videos", "/v1/.//videos",
    # escaped dots
    "/v1/%2e/videos", "/v1/%2E/videos", "/v1/x/%2e%2e/videos", "/v1/x/%2E%2E/videos", "/v1/x/.%2e/videos",
    "/v1/x/%2e./videos", "/v1/x%2f..%2fvideos", "/v1/x/..%2Fvideos", "/v1/videos/%2e", "/%2e/v1/videos",
    # escaped letters
    "/v1/%76ideos", "/v1/v%69deos", "/v1/vi%64eos", "/v1/vid%65os", "/v1/vide%6fs", "/v1/vide%6Fs", "/v1/video%73",
    "/%761/videos", "/v%31/videos", "/v1/%76%69%64%65%6f%73", "/%76%31/%76%69%64%65%6F%73", "/v1/%56ideos",
    # escaped twice
    "/v1/%2576ideos", "/v1/%252576ideos", "/v1%252fvideos", "/v1%252Fvideos", "/v1/x/%252e%252e/videos",
    # escaped separators
    "/v1%2fvideos", "/v1%2Fvideos", "%2Fv1%2Fvideos", "/v1/%2fvideos", "/v1/videos%2f", "/v1/videos%2F",
    "/v1%5cvideos", "/v1%5Cvideos", "/v1/videos%5C", "/v1/videos%3B", "/v1/videos%3bx=1", "/v1%c0%afvideos",
    "/v1%C0%AFvideos", "/v1/%C1%B6ideos", "/v1%E0%80%AFvideos", "/v1%EF%BC%8Fvideos",
    # backslashes and semicolons
    "/v1\\videos", "\\v1\\videos", "/v1/x\\..\\videos", "/v1/\\videos", "/v1/videos\\", "/v1/videos;", "/v1/videos;a",
    "/v1/videos;a=b", "/v1;a/videos", "/;/v1/videos", "/v1/;/videos", "/v1/x/..;/videos", "/v1/videos;jsessionid=1",
    # control bytes, spaces, fragments, queries
    "/v1/videos%00", "/v1/videos%00.png", "/v1/%00/videos", "/v1/videos%0a", "/v1/videos%0A", "/v1/videos%0D%0A",
    "/v1/videos%09", "/v1/videos%7F", "/v1/videos\t", "/v1/videos ", "/v1 /videos", " /v1/videos", "/v1/videos\n",
    "/v1/videos\r", "/v1/videos\x00", "/v1/videos#", "/v1/videos#x", "/v1/x#/../videos", "/v1/videos%20",
    "/v1/videos%3F", "/v1/videos%3Fa=b", "/v1/videos%23", "/v1/videos%23x", "/v1/videos?",
    # case, width, slash at the end
    "/V1/videos", "/v1/VIDEOS", "/v1/Videos", "/V1/VIDEOS", "/v1/videoS", "/v1/videos/", "/v1/VIDEOS/", "/V1/Videos/",
    "/v1/%EF%BD%96ideos", "/v1/video%C5%BF", "/v1/video%EF%BC%B3", "/v1/%E2%85%B4ideos",
    # other forms of the target
    "http://api.example/v1/videos", "HTTP://api.example/v1/videos", "https://other/v1/videos",
    "//api.example/v1/videos", "v1/videos", "api.example:443", "*", "",
    # raw bytes and bad escapes
    "/v1/\xff/../videos", "/v1/v\xedideos", "/v1/%videos", "/v1/videos%", "/v1/videos%2", "/v1/%u0076ideos",
    "/v1/%zzvideos", "/v1/{videos}", "/v1/<videos>", "/v1/videos|", "/v1/videos^",
    "/v1/`videos`", '/v1/"videos"', "/v1/[videos]",
]  # fmt: skip


def test_the_table_holds_a_hundred_spellings_and_none_twice():
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 100


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "post", "QUERY"])
def test_no_spelling_of_a_dear_path_is_priced_below_it(spelling, method):
    asked = Request(method=method, host="api.example", target=spelling.encode("latin-1"), path="/v1/x")

    verdict = Matcher(DEAR, PathMode.STRICT).match(asked)

    assert isinstance(verdict, Ambiguous) or verdict.operation.name == "2500"


def test_a_method_in_small_letters_is_the_dear_one():
    rules = simple(route("POST /v1/videos", "2500"), route("/v1/{rest:path}", "1"))

    assert called(rules, request("post /v1/videos")) == "2500"


@pytest.mark.parametrize(
    ("spelling", "price"),
    [
        pytest.param("/v1/videos", "2500", id="the path itself"),
        pytest.param("/v1/Videos", "2500", id="case"),
        pytest.param("/v1/videos/", "2500", id="slash"),
        pytest.param("/v1/video", "1", id="another path"),
        pytest.param("/v1/videos/x", "1", id="a longer path"),
        pytest.param("/v1/photos%20and%20Films", "1", id="another path, escaped"),
    ],
)
def test_only_case_and_a_slash_make_another_path_the_dear_one(spelling, price):
    assert called(DEAR, request(f"GET {spelling}")) == price


@pytest.mark.parametrize(
    ("spelling", "upstream", "price"),
    [
        pytest.param("/v1/Videos", UpstreamRule(case=Comparison.EXACT), "1", id="case declared exact"),
        pytest.param("/v1/videos/", UpstreamRule(case=Comparison.EXACT), "2500", id="slash not declared"),
        pytest.param("/v1/videos/", UpstreamRule(slash=Comparison.EXACT), "1", id="slash declared exact"),
        pytest.param("/v1/Videos", UpstreamRule(slash=Comparison.EXACT), "2500", id="case not declared"),
    ],
)
def test_an_upstream_that_tells_paths_apart_may_say_so(spelling, upstream, price):
    rules = simple(*DEAR.routes, upstream=upstream)

    assert called(rules, request(f"GET {spelling}")) == price


EXACT = UpstreamRule(case=Comparison.EXACT, slash=Comparison.EXACT)


def test_an_escaped_delimiter_is_priced_as_the_dear_path_that_it_decodes_to():
    rules = simple(route("/v1/videos:render", "2500"), route("/v1/{rest:path}", "1"), upstream=EXACT)

    assert called(rules, request("GET /v1/videos%3Arender")) == "2500"


def test_a_dear_path_may_be_written_in_capitals_itself():
    rules = simple(route("/V1/Videos", "2500"), route("/v1/{rest:path}", "1"))

    assert called(rules, request("GET /v1/videos")) == "2500"


def test_a_dear_template_keeps_its_parameters_in_any_case():
    rules = simple(route("/v1/images/{id}/analysis", "100"), route("/v1/{rest:path}", "1"))

    assert called(rules, request("POST /v1/Images/AbC/ANALYSIS/")) == "100"


def test_a_dear_rest_includes_the_path_without_its_slash():
    rules = simple(route("/v1/videos/{rest:path}", "2500"), route("/v1/{rest:path}", "1"))

    assert called(rules, request("GET /v1/videos")) == "2500"


def test_a_cheaper_template_never_attracts_another_spelling():
    rules = simple(route("/v1/status", "1"), route("/v1/{rest:path}", "2500"))

    assert called(rules, request("GET /v1/STATUS")) == "2500"


@pytest.mark.parametrize("spelling", ["/v1/Videos", "/v1/videos"])
def test_of_two_templates_that_differ_in_case_alone_the_dearer_counts(spelling):
    rules = simple(route("/v1/Videos", "1"), route("/v1/videos", "2500"))

    assert called(rules, request(f"GET {spelling}")) == "2500"


def test_another_spelling_of_a_path_is_priced_where_all_else_is_refused_or_free():
    assert called(simple(route("/v1/videos", "2500")), request("GET /v1/VIDEOS")) == "2500"


def test_two_meanings_of_which_either_can_be_the_dearer_are_refused():
    used = priced("used", rated("0", {"tokens": "1"}, "50"))
    rules = policy([used, priced("fixed", "10")], [route("/v1/fixed", "fixed"), route("/v1/{rest:path}", "used")])

    verdict = Matcher(rules, PathMode.STRICT).match(request("GET /v1/FIXED"))

    assert verdict == Ambiguous(
        reason="The request may mean `used` or `fixed`, and either can be the dearer; write it in one way only."
    )


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("/v1/videos", "2500", id="the path itself"),
        pytest.param("/v1/videos\n", "2500", id="a line feed that Starlette ignores"),
        pytest.param("/v1/Videos", "1", id="case, which the app tells apart"),
        pytest.param("/v1/videos/", "1", id="slash, which the app tells apart"),
        pytest.param("//v1/videos", "Unpriced", id="an empty segment, which the app tells apart"),
    ],
)
def test_an_apps_paths_are_matched_as_the_app_routes_them(path, name):
    rules = simple(*DEAR.routes)

    assert called(rules, Request(method="GET", host="", target=b"/ignored", path=path), PathMode.APP) == name


def test_a_line_feed_may_also_be_a_segment_of_its_own():
    rules = simple(route("/v1/{id}", "2500"), route("/v1/{rest:path}", "1"))

    assert called(rules, Request(method="GET", host="", target=b"/", path="/v1/\n"), PathMode.APP) == "2500"


def test_the_policys_own_word_on_paths_beats_the_default():
    rules = policy([priced("a")], [route("/v1/a", "a")], paths=PathMode.APP)

    verdict = Matcher(rules, PathMode.STRICT).match(Request(method="GET", host="", target=b"//", path="/v1/a"))

    assert isinstance(verdict, Matched)
    assert verdict.operation.price.base == parse("1")
