"""Matching against an independent model: every route tried in turn, by Starlette's own regular expressions."""

from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import compile_path

from meter.policy.model import PathMode
from meter.pricing.match import Ambiguous, Matched, Matcher, Request, Unpriced
from tests.pricing.make import called, request, route, simple

WORDS = st.sampled_from(["a", "b", "bb", "{x}"])
TEMPLATES = st.builds(
    lambda words, end: "".join(f"/{word}" for word in words) + end,
    st.lists(WORDS, max_size=3),
    st.sampled_from(["", "/", "/{rest:path}"]),
).map(lambda template: template or "/")
METHODS = st.sampled_from(["", "GET ", "HEAD ", "POST "])
ROUTES = st.lists(st.tuples(METHODS, TEMPLATES), max_size=8, unique=True)
PATHS = st.lists(st.sampled_from(["a", "b", "bb", "c", ""]), max_size=4).map(lambda words: "/" + "/".join(words))


def numbered(template: str) -> str:
    """The template with a name of its own for each parameter."""
    for place in range(template.count("{x}")):
        template = template.replace("{x}", f"{{x{place}}}", 1)
    return template


def shape(template: str) -> tuple[object, ...]:
    words = [word for word in template.split("/")[1:] if ":path" not in word]
    literal = [word for word in words if "{" not in word]
    return ("{" in template, ":path" in template, -len(literal), -sum(map(len, literal)), -len(words))


def model(routes: list[tuple[str, str]], method: str, path: str) -> str:
    def serves(entry: tuple[str, str]) -> bool:
        named = entry[0].strip()
        fits = named in {"", method} or (named == "GET" and method == "HEAD")
        return fits and compile_path(numbered(entry[1]))[0].match(path) is not None

    def order(entry: tuple[str, str]) -> tuple[object, ...]:
        return (*shape(entry[1]), entry[0] == "", entry[0].strip() != method)

    found = [place for place, entry in enumerate(routes) if serves(entry)]
    return str(min(found, key=lambda place: order(routes[place])) + 1) if found else "Unpriced"


@given(routes=ROUTES, method=st.sampled_from(["GET", "HEAD", "POST", "PUT"]), path=PATHS)
def test_matching_is_the_model(routes, method, path):
    rules = simple(*(route(how + numbered(template), str(place + 1)) for place, (how, template) in enumerate(routes)))

    assert called(rules, request(f"{method} {path}"), PathMode.APP) == model(routes, method, path)


@given(routes=ROUTES, method=st.sampled_from(["GET", "HEAD"]), path=PATHS, data=st.data())
def test_the_order_of_the_routes_matters_only_among_equals(routes, method, path, data):
    made = [route(how + numbered(template), str(place + 1)) for place, (how, template) in enumerate(routes)]
    shuffled = data.draw(st.permutations(made))

    first, second = (called(simple(*order), request(f"{method} {path}"), PathMode.APP) for order in (made, shuffled))

    equals = {(shape(template), how) for how, template in routes}
    assert first == second or len(equals) < len(routes)


@given(
    routes=ROUTES,
    asked=st.builds(
        Request,
        method=st.text(max_size=4),
        host=st.text(max_size=10),
        target=st.binary(max_size=20).map(lambda rest: b"/" + rest),
        path=st.text(max_size=20),
        query=st.binary(max_size=30),
        headers=st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5)), max_size=3),
    ),
    mode=st.sampled_from(PathMode),
)
def test_matching_is_total_and_always_says_the_same(routes, asked, mode):
    conditions = {"query": {"a": None}, "headers": {"b": "c"}}
    rules = simple(
        *(
            route(how + numbered(template), str(place + 1), **conditions)
            for place, (how, template) in enumerate(routes)
        ),
        route("/{rest:path}", "9"),
    )

    verdict = Matcher(rules, mode).match(asked)

    assert isinstance(verdict, Matched | Ambiguous | Unpriced)
    assert verdict == Matcher(rules, mode).match(asked)


@given(routes=ROUTES, path=PATHS.filter(lambda path: "//" not in path))
def test_a_strict_reading_is_never_cheaper_than_the_plain_one(routes, path):
    rules = simple(*(route(how + numbered(template), str(place + 1)) for place, (how, template) in enumerate(routes)))

    plain, strict = (called(rules, request(f"GET {path}"), mode) for mode in (PathMode.APP, PathMode.STRICT))

    assert plain == "Unpriced" or int(strict) >= int(plain)
