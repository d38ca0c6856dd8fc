import pickle
from datetime import date, time
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from meter.credits import Credits, Rounding, RoundingMode
from meter.policy.compile import Source, compile_policy
from meter.policy.ends import End
from meter.policy.identity import IdentityRule
from meter.policy.mistakes import PolicyError
from meter.policy.model import (
    CommitmentAdjustment,
    Comparison,
    Condition,
    LoadAdjustment,
    LoadSignal,
    Meta,
    MeterKind,
    Overage,
    PathMode,
    PeriodUnit,
    Rate,
    TimeAdjustment,
    Unmatched,
    UpstreamRule,
)
from meter.policy.top_up import Often, TopUp

WIRE = """\
version: 1
unmatched: refuse                       # refuse | free | <operation>
observe: false                          # true: price and report, take nothing
meta: body                              # body (and headers) | headers
paths: strict                           # strict (the proxy's default) | app (the middleware's)
rounding: {mode: half_up, step: 1, minimum: 1}
operations:
  image.analyse: {title: AI analysis, credits: 100}
  users.list:    {title: List users, credits: {base: 1, per: {query.limit: 0.01}, at_most: 100}}
  chat:          {title: Chat, credits: {base: 0, per: {tokens: 0.002}, at_most: 50}, meters: {tokens: {json: /usage/total_tokens}}}
  health:        {free: true}
routes:
  - {match: "POST /v1/images/{id}/analysis", operation: image.analyse}
  - {match: GET /v1/users, operation: users.list, when: {query: {limit: "*"}}}
adjustments:                            # multiplied in this order
  - {name: off-peak, time: {from: "02:00", to: "07:00", zone: UTC}, multiply: 0.7}
  - {name: surge, load: {above: 0.9, until: 0.8, dwell: 30s}, multiply: 1.5}
  - {name: commitment, commitment: {100000: 0.8, 1000000: 0.6}}
charge: {2xx: full, 3xx: full, 4xx: none, 5xx: none, raised: none, hangup: full, killed: full}
plans:
  free: {included: 1000, period: month}
  pro:  {included: 250000, period: month, price: "99", currency: USD}
identity: {header: X-API-Key, bearer: true}
"""  # noqa: E501


def policy(*texts):
    return compile_policy(Source(file=f"{name}.yaml", text=text) for name, text in zip("abcdefgh", texts, strict=False))


def one(text):
    """The policy of a single operation ``a``, with more lines."""
    return policy(f"version: 1\noperations: {{a: {{credits: 10}}}}\n{text}")


def adjustment(text):
    return one(f"adjustments:\n  - {text}\n").operations["a"].adjustments[0]


def operation(text, rest=""):
    return policy(f"version: 1\noperations: {{a: {text}}}\n{rest}").operations["a"]


def test_a_fixed_price_is_its_credits():
    assert operation("{credits: 0.5}").price.base == 500_000


def test_an_operation_without_a_title_is_called_by_its_name():
    assert operation("{credits: 1}").title == "a"


def test_a_free_operation_costs_nothing():
    made = operation("{free: true}")

    assert (made.free, made.price.base) == (True, 0)


@pytest.mark.parametrize(
    ("name", "kind", "source"),
    [
        ("query.limit", MeterKind.QUERY, "limit"),
        ("query.filter[name]", MeterKind.QUERY, "filter[name]"),
        ("header.X-Rows", MeterKind.HEADER, "x-rows"),
        ("request_bytes", MeterKind.REQUEST_BYTES, ""),
        ("response_bytes", MeterKind.RESPONSE_BYTES, ""),
        ("duration_seconds", MeterKind.DURATION, ""),
        ("tokens", MeterKind.JSON, "/usage/total_tokens"),
        ("seconds", MeterKind.REPORTED, "seconds"),
    ],
)
def test_each_meter_is_spelled_its_own_way(name, kind, source):
    meters = "{tokens: {json: /usage/total_tokens}, seconds: {reported: true}}"
    made = operation(f'{{credits: {{per: {{"{name}": 0.002}}, at_most: 5}}, meters: {meters}}}')

    assert made.price.rates == (Rate(meter=name, kind=kind, source=source, micro_per_unit=Fraction(2000)),)


def test_a_price_that_the_request_decides_needs_no_ceiling():
    made = operation("{credits: {base: 1, per: {query.n: 0.000000000001}}}")

    assert made.price.known_before
    assert made.price.at_most is None
    assert made.price.rates[0].micro_per_unit == Fraction(1, 10**6)


def test_an_operations_own_rounding_overrides_what_it_names():
    rounding = "rounding: {mode: ceil, step: 0.5, minimum: 2}\n"
    made = operation("{credits: 1, rounding: {minimum: 1, maximum: 8}}", rounding)

    assert made.rounding == Rounding(mode=RoundingMode.CEIL, step=Credits(500_000), minimum=Credits(1_000_000))
    assert made.maximum == 8_000_000


def test_the_minimum_is_one_step_where_nothing_is_said():
    assert operation("{credits: 1}", "rounding: {step: 0.25}\n").rounding.minimum == 250_000


def test_a_floor_that_leaves_a_price_is_no_mistake():
    night = "adjustments: [{name: n, time: {from: '02:00', to: '07:00'}, multiply: 0.7}]\n"

    assert operation("{credits: 2}", f"rounding: {{mode: floor}}\n{night}").price.base == 2_000_000


def test_a_window_of_time_is_exact():
    made = adjustment("{name: n, time: {from: '22:00', to: '06:30', zone: Europe/Berlin}, multiply: 0.7}")

    assert made == TimeAdjustment(
        name="n", multiply=Fraction(7, 10), start=time(22), end=time(6, 30), zone=ZoneInfo("Europe/Berlin")
    )


def test_a_window_may_be_days_alone():
    made = adjustment("{name: n, time: {weekdays: [sat, sun], first: 2026-12-01, last: 2026-12-31}, multiply: 0.7}")

    assert (made.start, made.end, made.zone) == (time(), time(), ZoneInfo("UTC"))
    assert (made.weekdays, made.first, made.last) == ({5, 6}, date(2026, 12, 1), date(2026, 12, 31))


def test_a_day_ends_at_twenty_four_hours():
    made = adjustment("{name: n, time: {from: '18:00', to: '24:00'}, multiply: 0.7}")

    assert (made.start, made.end) == (time(18), time(0))


def test_a_load_has_its_defaults():
    made = adjustment("{name: n, load: {above: 0.9}, multiply: 1.5}")

    assert made == LoadAdjustment(
        name="n", multiply=Fraction(3, 2), above=Fraction(9, 10), until=Fraction(9, 10), dwell_seconds=30
    )


def test_a_load_may_come_from_a_url():
    made = adjustment("{name: n, load: {above: 5, dwell: 2m, signal: url, url: 'http://a:9/b'}, multiply: 1.5}")

    assert (made.signal, made.url, made.dwell_seconds) == (LoadSignal.URL, "http://a:9/b", 120)


def test_a_commitment_keeps_its_tiers():
    made = adjustment("{name: n, commitment: {100000: 0.8, 1000000: 0.6}}")

    assert made == CommitmentAdjustment(
        name="n", tiers=((Credits(10**11), Fraction(4, 5)), (Credits(10**12), Fraction(3, 5)))
    )


def test_the_rules_of_a_file_are_those_of_its_own_operations():
    first = "version: 1\nmeta: headers\nobserve: true\ncharge: {4xx: full}\noperations: {a: {credits: 1}}\n"
    made = policy(first, "version: 1\noperations: {b: {credits: 1}}\n").operations

    assert (made["a"].meta, made["a"].observe, made["a"].charge[End.CLIENT_ERROR]) == (Meta.HEADERS, True, 1)
    assert (made["b"].meta, made["b"].observe, made["b"].charge[End.CLIENT_ERROR]) == (Meta.BODY, False, 0)


def test_an_operation_may_observe_by_itself():
    first = "version: 1\nobserve: true\noperations: {a: {credits: 1, observe: false}, b: {credits: 1}}\n"
    second = "version: 1\noperations: {c: {credits: 1, observe: true}, d: {credits: 1}}\n"

    assert [made.observe for made in policy(first, second).operations.values()] == [False, True, True, False]


def test_a_route_keeps_its_conditions():
    text = (
        "routes: [{match: /A/{x}, operation: a, host: API.example, when: {query: {b: 1, a: '*'}, header: {X-Y: true}}}]"
    )
    (route,) = one(text.replace("/A/{x}", '"/A/{x}"')).routes

    assert (route.method, route.template, route.host) == (None, "/A/{x}", "api.example")
    assert route.query == (Condition(name="a", value=None), Condition(name="b", value="1"))
    assert route.headers == (Condition(name="x-y", value="true"),)


def test_routes_stand_in_the_order_of_the_files():
    first = "version: 1\noperations: {a: {credits: 1}}\nroutes: [{match: /2, operation: b}]\n"
    second = "version: 1\noperations: {b: {credits: 1}}\nroutes: [{match: /1, operation: a}]\n"

    assert [route.template for route in policy(first, second).routes] == ["/2", "/1"]


@pytest.mark.parametrize(
    "template", ["/", "/a/", "/a.b/~c", "/v1/{a}/{b}", "/{rest:path}", "/v1/models/x:predict", "/@a/+"]
)
def test_a_template_is_accepted_as_it_is_written(template):
    assert one(f'routes: [{{match: "GET {template}", operation: a}}]').routes[0].template == template


@pytest.mark.parametrize(
    ("written", "meant"), [("refuse", Unmatched.REFUSE), ("free", Unmatched.FREE), ("a", "a"), ("~", Unmatched.REFUSE)]
)
def test_what_is_unmatched_has_a_word_or_an_operation(written, meant):
    assert one(f"unmatched: {written}\n").unmatched == meant


def test_a_plan_keeps_its_facts():
    text = (
        "{p: {included: 5, period: year, price: '9.90', currency: EUR, overage: {limit: 7, price_per_thousand: 1.5}}}"
    )
    plan = one(f"plans: {text}\n").plans["p"]

    assert (plan.included, plan.period, plan.price, plan.currency) == (
        5_000_000,
        PeriodUnit.YEAR,
        Fraction("9.9"),
        "EUR",
    )
    assert plan.overage == Overage(limit=Credits(7_000_000), price_per_thousand=Fraction(3, 2))


def test_a_plan_says_when_it_asks_for_a_purchase():
    plan = one("plans: {p: {included: 5, top_up: {below: 2, cool_off: 30m, at_most: 1 a week}}}\n").plans["p"]
    usual = one("plans: {p: {included: 5, top_up: {below: 2}}}\n").plans["p"]

    assert plan.top_up == TopUp(below=Credits(2_000_000), cool_off_seconds=1800, at_most=Often(times=1, seconds=604800))
    assert usual.top_up == TopUp(below=Credits(2_000_000), cool_off_seconds=3600, at_most=Often(times=3, seconds=86400))


def test_when_a_plan_asks_for_a_purchase_is_part_of_what_a_policy_means():
    asking = WIRE.replace("free: {included: 1000,", "free: {top_up: {below: 1}, included: 1000,")

    assert policy(asking).version != policy(WIRE).version


def test_the_folders_own_words_are_found_in_any_file():
    text = "version: 1\npaths: app\nupstream: {case: exact}\nidentity: {header: ~}\n"
    made = policy("version: 1\noperations: {a: {credits: 1}}\n", text)

    assert made.paths is PathMode.APP
    assert made.upstream == UpstreamRule(case=Comparison.EXACT, slash=Comparison.LOOSE)
    assert made.identity == IdentityRule(header=None, bearer=True)


def test_the_wires_example_is_a_policy():
    made = policy(WIRE)

    assert set(made.operations) == {"image.analyse", "users.list", "chat", "health"}
    assert made.paths is PathMode.STRICT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("# multiplied in this order", "# in this order", id="a-comment"),
        pytest.param("  users.list:    {", "  users.list: {", id="spacing"),
        pytest.param("multiply: 0.7}", 'multiply: "0.70"}', id="another-spelling-of-a-number"),
        pytest.param("paths: strict ", "\n\n\npaths: strict ", id="lines-moved"),
        pytest.param("X-API-Key", "x-api-key", id="a-header-in-lower-case"),
    ],
)
def test_what_does_not_change_the_meaning_keeps_the_version(old, new):
    assert old in WIRE
    assert policy(WIRE.replace(old, new)).version == policy(WIRE).version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("credits: 100}", "credits: 101}", id="a-price"),
        pytest.param("multiply: 0.7}", "multiply: 0.71}", id="a-factor"),
        pytest.param("zone: UTC", "zone: Europe/Berlin", id="a-zone"),
        pytest.param('to: "07:00"', 'to: "07:01"', id="a-minute"),
        pytest.param("hangup: full", "hangup: none", id="an-outcome"),
        pytest.param("bearer: true", "bearer: false", id="the-identity"),
        pytest.param("POST /v1", "PUT /v1", id="a-method"),
        pytest.param("paths: strict", "paths: app", id="the-paths"),
    ],
)
def test_what_changes_the_meaning_changes_the_version(old, new):
    assert old in WIRE
    assert policy(WIRE.replace(old, new)).version != policy(WIRE).version


def test_the_order_of_names_has_no_meaning_and_that_of_adjustments_has():
    free, pro = (
        "  free: {included: 1000, period: month}\n",
        '  pro:  {included: 250000, period: month, price: "99", currency: USD}\n',
    )
    lines = WIRE.splitlines(keepends=True)
    off_peak = next(n for n, line in enumerate(lines) if "off-peak" in line)
    swapped = [*lines[:off_peak], lines[off_peak + 1], lines[off_peak], *lines[off_peak + 2 :]]

    assert policy(WIRE.replace(free + pro, pro + free)).version == policy(WIRE).version
    assert policy("".join(swapped)).version != policy(WIRE).version


def test_a_version_is_the_same_for_ever():
    assert policy(WIRE).version == "c7202654ec4ef28c"


def test_a_policy_is_frozen():
    with pytest.raises(TypeError):
        policy(WIRE).operations["image.analyse"] = None


def test_a_policy_error_survives_a_process_boundary():
    with pytest.raises(PolicyError) as caught:
        policy("colour: blue")
    again = pickle.loads(pickle.dumps(caught.value))

    assert again.mistakes == caught.value.mistakes
