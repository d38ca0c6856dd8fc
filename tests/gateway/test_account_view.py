"""An account is shown in exact numbers, in the shape that is written down."""

import json
from decimal import Decimal

import pytest

from meter.credits import LIMIT, Credits, parse
from meter.gateway.account_view import credits_object, json_text, moment_text, number
from meter.ledger.promise import Account, Grant, GrantKind, LiveGrant, Statement, Status
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Period, Terms

NOVEMBER = 1793491200
DECEMBER = 1796083200


def statement(*, end: int | None = DECEMBER) -> Statement:
    terms = Terms(plan="pro", included=parse("50000"), period=PeriodUnit.MONTH if end else PeriodUnit.NONE)
    included = Grant(id="g1", kind=GrantKind.INCLUDED, amount=parse("50000"), priority=10, expires_at=end)
    return Statement(
        account=Account(id="acme", terms=terms, revision=1, period=Period(start=NOVEMBER, end=end)),
        status=Status.ACTIVE,
        granted=parse("50000"),
        consumed=parse("32449.5"),
        reserved=parse("0"),
        remaining=parse("17550.5"),
        overage=parse("0"),
        grants=(LiveGrant(grant=included, remaining=parse("17550.5"), created_at=NOVEMBER),),
        as_of=NOVEMBER + 3600,
    )


def test_an_account_has_the_shape_that_is_written_down():
    shown = json.loads(json_text({"data": credits_object(statement())}), parse_float=Decimal)

    assert shown == {
        "data": {
            "account": "acme",
            "plan": "pro",
            "included": 50000,
            "granted": 50000,
            "consumed": Decimal("32449.5"),
            "reserved": 0,
            "remaining": Decimal("17550.5"),
            "overage": 0,
            "period": {"start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"},
            "grants": [
                {
                    "id": "g1",
                    "kind": "included",
                    "remaining": Decimal("17550.5"),
                    "priority": 10,
                    "expires_at": "2026-12-01T00:00:00Z",
                }
            ],
            "as_of": "2026-11-01T01:00:00Z",
        }
    }


def test_what_never_resets_has_no_end():
    shown = json.loads(json_text(credits_object(statement(end=None))))

    assert shown["period"]["end"] is None
    assert shown["grants"][0]["expires_at"] is None


@pytest.mark.parametrize(
    ("micro", "written"),
    [
        pytest.param(0, b"0", id="nothing"),
        pytest.param(5_000_000, b"5", id="whole when whole"),
        pytest.param(1, b"0.000001", id="the smallest, without an exponent"),
        pytest.param(LIMIT, b"9007199254.740991", id="the largest, to its last digit"),
        pytest.param(100_000_000_000_000, b"100000000", id="large, without an exponent"),
    ],
)
def test_an_amount_is_an_exact_number(micro, written):
    assert json_text(number(Credits(micro))) == written


def test_a_moment_is_written_in_utc():
    assert moment_text(DECEMBER) == "2026-12-01T00:00:00Z"
