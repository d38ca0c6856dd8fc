"""A metered app tells by itself: a call that reaches a threshold, and a webhook of it."""

from tests.notices.receiver import SECRET, receiving
from tests.support.asgi import answering, call
from tests.support.metering import POLICY, metered

TOP_UP = POLICY.replace("included: 1000,", "included: 1000, top_up: {below: 300},")


async def test_a_call_that_reaches_a_threshold_is_told_by_a_webhook(store_url, tmp_path):
    async with receiving() as receiver:
        facts = {"webhook_url": receiver.url, "webhook_secret": (SECRET,)}
        async with metered(answering(b"{}"), tmp_path, store_url, TOP_UP, **facts) as app:
            for _ in range(8):
                answer = await call(app.app, "POST /v1/analysis")
                assert answer.status == 200
            await receiver.until({"threshold_reached.v1", "top_up_requested.v1"})
        events = [one.event for one in receiver.got]

    assert {one["subject"] for one in events} == {"acme"}
    assert {one["source"].rpartition(":")[0] for one in events} == {"urn:meter"}
