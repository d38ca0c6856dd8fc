"""What a webhook says, and how it is signed."""

import json
from dataclasses import replace

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from meter.credits import Credits, parse
from meter.ledger.noticing import Letter
from meter.notices import events
from meter.notices.retries import Retries
from meter.notices.rules import notices
from meter.notices.signing import Signer
from tests.notices.make import DAY, START, included, standing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SECOND = 1_614_265_330


def letter(data: str = "{}", what: str = "threshold") -> Letter:
    return Letter(id="alert:1.alert", account="acme", at=START, what=what, data=data, attempts=0, last="-", due=START)


def test_an_event_is_a_cloudevent_of_the_second_of_its_entry():
    notice = notices(standing(500))[0]
    event = json.loads(events.body(letter(events.data(notice, standing(500))), "urn:meter:1"))

    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "time")} == {
        "specversion": "1.0",
        "id": "alert:1.alert",
        "source": "urn:meter:1",
        "type": "asgi-meter.credits.threshold_reached.v1",
        "subject": "acme",
        "time": "2026-11-18T11:06:40Z",
    }


def test_amounts_of_an_event_are_exact():
    half = replace(standing(), levels=(replace(included(0), used=parse("0.5"), limit=parse("1")),))
    data = json.loads(events.data(notices(half)[0], half))

    assert (data["level"], data["percent"], data["used"], data["limit"]) == ("included", 50, 0.5, 1)


def test_a_forecast_says_when_it_is_used_up():
    half_way = standing(200, now=START + 3 * DAY)
    data = json.loads(events.data(notices(half_way)[0], half_way))

    assert data["exhausted_at"] == "2026-12-03T11:06:40Z"
    assert "percent" not in data


def test_a_request_for_a_purchase_names_the_grant_that_answers_it():
    op = events.label("acme", "top_up", "1")
    data = json.loads(events.top_up_data(standing(950), below=Credits(100), op=op))

    assert data["grant_id"] == op.replace("alert:", "top_up:")
    assert len(data["grant_id"]) <= 64


def test_the_same_notice_has_the_same_label_and_each_other_one_another():
    assert events.label("acme", "1", "zero") == events.label("acme", "1", "zero")
    assert (
        len({events.label(*one) for one in (("a", "1", "z"), ("b", "1", "z"), ("a", "2", "z"), ("a", "1", "y"))}) == 4
    )


def test_a_signature_is_that_of_the_standard_by_its_own_example():
    headers = Signer([SECRET]).headers("msg_p5jXN8AQM9LWM0D4loKWxJek", SECOND, '{"test": 2432232314}')

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": str(SECOND),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_replaced_both_are_signed_with(monkeypatch):
    signature = Signer([SECRET, OTHER]).headers("m", SECOND, "{}")["webhook-signature"].split(" ")

    assert signature == [Signer([one]).headers("m", SECOND, "{}")["webhook-signature"] for one in (SECRET, OTHER)]


def test_another_secret_does_not_verify():
    from time import time

    headers = Signer([SECRET]).headers("m", int(time()), "{}")

    assert Webhook(SECRET).verify("{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify("{}", headers)


def test_waits_double_up_to_their_limit_and_end():
    retries = Retries(first_seconds=5, most_seconds=60, attempts=7)

    assert [retries.seconds(count, 1.0) for count in range(1, 8)] == [5, 10, 20, 40, 60, 60, None]


def test_chance_shortens_a_wait_by_half_at_most():
    retries = Retries(first_seconds=40, most_seconds=3600, attempts=9)

    assert [retries.seconds(1, chance) for chance in (0.0, 0.5, 1.0)] == [20, 30, 40]


def test_letters_are_tried_for_hours_before_they_are_given_up():
    retries = Retries()
    waits = [retries.seconds(count, 1.0) for count in range(1, 100)]

    assert 5 * 3600 < sum(wait for wait in waits if wait is not None) < 8 * 3600
