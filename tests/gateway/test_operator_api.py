"""What the operator may ask of a worker, and that nobody else can, by no spelling."""

import pytest

from meter.gateway import metrics
from meter.gateway.desks import folded
from meter.policy.model import PathMode
from tests.support.asgi import answering, call, until
from tests.support.metering import POLICY, TOKEN, metered

OPERATOR = ("Authorization", f"Bearer {TOKEN}")
FREE = POLICY.replace("version: 1", "version: 1\nunmatched: free")


async def test_anybody_may_ask_how_well_a_worker_is(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        answers = {path: await call(here.app, f"GET /_meter/health{path}") for path in ("", "/ready", "/live")}

    assert {path: answer.status for path, answer in answers.items()} == {"": 200, "/ready": 200, "/live": 200}
    assert answers[""].json["ready"] is True
    assert answers["/live"].json == {"live": True}
    assert app.seen == []


async def test_a_policy_that_is_wrong_is_told_to_the_operator_alone(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, operator_token=TOKEN) as here:
        here.policy_file.write_text("version: 2\n")

        async def is_noticed():
            return (await call(here.app, "GET /_meter/health")).json["troubles"]

        await until(is_noticed)
        everybody = await call(here.app, "GET /_meter/health")
        operator = await call(here.app, "GET /_meter/health", OPERATOR)
        served = await call(here.app)

    assert (everybody.status, everybody.json["ready"], everybody.json["troubles"]) == (200, True, ["policies"])
    assert "policy.yaml:1" in operator.json["troubles"]["policies"]
    assert served.consumed == "5", "the last good policy stays in force"


async def test_a_changed_policy_without_the_plan_of_new_accounts_is_not_put_in_force(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, operator_token=TOKEN) as here:
        here.policy_file.write_text(POLICY.replace("small:", "large:"))

        async def is_noticed():
            return (await call(here.app, "GET /_meter/health")).json["troubles"]

        await until(is_noticed)
        operator = await call(here.app, "GET /_meter/health", OPERATOR)

    assert operator.json["troubles"] == {
        "policies": "Accounts cannot be opened on the plan 'small'; the policies know large."
    }


async def test_a_policy_that_is_mended_is_no_trouble_any_more(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:

        async def troubles():
            return (await call(here.app, "GET /_meter/health")).json["troubles"]

        async def none():
            return not await troubles()

        here.policy_file.write_text("version: 2\n")
        await until(troubles)
        here.policy_file.write_text(POLICY)
        await until(none)
        served = await call(here.app)

    assert served.consumed == "5"


async def test_metrics_are_for_the_operator(store_url, tmp_path):
    metrics.UNDO_PENDING.set(99)
    async with metered(answering(), tmp_path, store_url, operator_token=TOKEN) as here:
        await call(here.app)
        answer = await call(here.app, "GET /_meter/metrics", OPERATOR)
        version = (await call(here.app, "GET /_meter/health")).json["policy"]

    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.body.decode().splitlines()
    assert any(line.startswith('credits_consumed_total{operation="item",plan="small"}') for line in lines)
    assert f'credits_policy_info{{version="{version}"}} 1.0' in lines
    assert "credits_undo_pending 0.0" in lines


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="no token"),
        pytest.param([("Authorization", "Bearer wrong")], id="wrong"),
        pytest.param([("Authorization", TOKEN)], id="no scheme"),
        pytest.param([("Authorization", f"Basic {TOKEN}")], id="another scheme"),
        pytest.param([OPERATOR, OPERATOR], id="twice"),
        pytest.param([("X-API-Key", TOKEN)], id="another header"),
    ],
)
async def test_metrics_are_for_nobody_else(store_url, tmp_path, headers):
    async with metered(answering(), tmp_path, store_url, operator_token=TOKEN) as here:
        answer = await call(here.app, "GET /_meter/metrics", *headers)

    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


async def test_without_a_token_set_there_are_no_metrics(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answers = [await call(here.app, "GET /_meter/metrics", *header) for header in ([], [OPERATOR])]

    assert [answer.status for answer in answers] == [404, 404]


async def test_the_scheme_of_a_token_is_read_in_any_case(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, operator_token=TOKEN) as here:
        answer = await call(here.app, "GET /_meter/metrics", ("Authorization", f"bearer {TOKEN}"))

    assert answer.status == 200


async def test_nothing_can_be_sent_to_a_worker(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, "POST /_meter/health")

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


SPELLINGS = [
    "/_meter",
    "/_meter/",
    "/_meter/nothing",
    "/_METER/health",
    "//_meter/health",
    "/_meter//health",
    "/./_meter/health",
    "/v1/../_meter/health",
    "/_meter;x=1/health",
    "/%5fmeter/health",
    "/\\_meter\\health",
    "/_meter /health",
    "/_meter/./x",
    "/CREDITS",
    "//credits",
    "/a/../credits/",
]


@pytest.mark.parametrize("path", SPELLINGS)
@pytest.mark.parametrize("mode", PathMode)
async def test_no_spelling_of_our_paths_reaches_the_app(store_url, tmp_path, path, mode):
    app = answering()
    policy = FREE + f"paths: {mode}\n"
    async with metered(app, tmp_path, store_url, policy) as here:
        answer = await call(here.app, f"GET {path}")

    assert answer.status in (400, 404)
    assert app.seen == []


@pytest.mark.parametrize("path", ["/_meters", "/v1/_meter", "/credits-info", "/v1/credits", "/_meter.html", "/"])
async def test_paths_that_are_only_alike_are_the_apps(store_url, tmp_path, path):
    async with metered(answering(), tmp_path, store_url, FREE) as here:
        answer = await call(here.app, f"GET {path}")

    assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "read"),
    [("/", "/"), ("", "/"), ("/a/../../b", "/b"), ("/A%2e/./b;c/", "/a./b"), ("/a/..", "/"), ("\\a\\b", "/a/b")],
)
def test_a_path_is_read_as_the_most_lenient_server_would(path, read):
    assert folded(path) == read
