"""The endpoints of an API's document, in JSON as in YAML, each where it stands."""

import json

import pytest

from meter.economics.lint.openapi import endpoints
from tests.economics.lint.linting import found

YAML = """\
openapi: 3.1.0
info: {title: "paths: get", x-paths: {get: {}}}
servers: [{url: "https://api.example.com/v2/"}, {url: /other}]
paths:
  x-internal: {get: {}}
  /images/{id}:
    summary: get
    parameters: []
    get: {responses: {}}
    delete: {}
  /images:
    post: {}
    $ref: "#/post"
"""
JSON = """\
{
  "openapi": "3.1.0",
  "info": {"title": "\\"paths\\"", "x": {"get": 1}},
  "servers": [{"url": "https://api.example.com/v2/"}],
  "paths": {
    "/images/{id}": {
      "summary": "get",
      "get": {},
      "delete": {}
    },
    "/images": {
      "post": {}
    }
  }
}
"""
POLICY = """\
operations: {a: {credits: 1}}
routes:
  - {match: "GET /v2/images/{id}", operation: a}
  - {match: "POST /v2/images", operation: a}
"""


def said(text):
    return [f"{one.method} {one.path} {one.place.line}:{one.place.column}" for one in endpoints(text, "openapi")]


def test_yaml_says_each_method_of_each_path_with_its_servers_prefix():
    assert said(YAML) == ["GET /v2/images/{id} 9:5", "DELETE /v2/images/{id} 10:5", "POST /v2/images 12:5"]


def test_json_says_the_same():
    assert said(JSON) == ["GET /v2/images/{id} 8:7", "DELETE /v2/images/{id} 9:7", "POST /v2/images 12:7"]


@pytest.mark.parametrize("text", [YAML, JSON], ids=["yaml", "json"])
def test_a_method_without_a_route_is_found_where_the_document_has_it(text):
    (finding,) = found("MTR403", POLICY, "", text)

    assert finding.problem == "DELETE /v2/images/{id} matches no route and is refused"
    assert (finding.place.file, finding.place.line) == ("openapi.yaml", 10 if text is YAML else 9)


@pytest.mark.parametrize(
    ("server", "path"),
    [
        pytest.param({"basePath": "/v1/"}, "/v1/a", id="Swagger has a base path"),
        pytest.param({"servers": []}, "/a", id="no server"),
        pytest.param({"servers": [{"url": "/v3"}]}, "/v3/a", id="a path alone"),
        pytest.param({"servers": [{"url": "https://{host}/{version}"}]}, "/{version}/a", id="variables"),
        pytest.param({"servers": [{"url": "{base}/v1"}]}, "/v1/a", id="a variable in place of the host"),
        pytest.param({"servers": [{"url": "https://[::1"}]}, "/a", id="no URL"),
        pytest.param({"servers": [{"description": "none"}]}, "/a", id="a server without URL"),
        pytest.param({"servers": "none"}, "/a", id="no list"),
    ],
)
def test_the_first_server_says_what_stands_before_every_path(server, path):
    document = {**server, "paths": {"/a": {"get": {}}}}
    as_yaml = "\n".join(f"{key}: {json.dumps(value)}" for key, value in document.items())

    assert [one.path for one in endpoints(json.dumps(document), "a")] == [path]
    assert [one.path for one in endpoints(as_yaml, "a")] == [path]


def test_a_path_that_json_writes_in_another_way_is_there_too():
    assert said('{"paths": {"/\\u00e4": {"get": {}}}}') == ["GET /ä 1:24"]


def test_a_free_operation_is_a_route_too():
    free = POLICY.replace("{a: {credits: 1}}", "{a: {credits: 1}, gone: {free: true}}")
    routed = free + '  - {match: "DELETE /v2/images/{id}", operation: gone}\n'

    assert found("MTR403", routed, "", YAML) == []


@pytest.mark.parametrize(
    ("unmatched", "what"),
    [
        pytest.param("free", "matches no route and is served free", id="free"),
        pytest.param("a", "matches no route and is priced as a, as everything unmatched", id="an operation"),
    ],
)
def test_what_happens_to_an_endpoint_without_a_route_is_said(unmatched, what):
    (finding,) = found("MTR403", f"unmatched: {unmatched}\n{POLICY}", "", YAML)

    assert finding.problem == f"DELETE /v2/images/{{id}} {what}"


def test_a_document_of_endless_aliases_ends():
    bomb = "a: &a [x]\n" + "".join(
        f"{name}: &{name} [*{before}, *{before}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )

    assert said(bomb + "paths: {/a: {get: *i}}\n") == ["GET /a 10:14"]
