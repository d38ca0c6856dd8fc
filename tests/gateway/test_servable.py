"""Which policies can be served by now."""

from dataclasses import replace

import pytest

from meter.gateway.servable import require_servable
from meter.policy.mistakes import PolicyError
from meter.policy.model import CHARGE_DEFAULT, End, Share
from tests.pricing.make import free, operation, policy, rated

BY_TOKENS = rated("1", {"tokens": "0.002"}, at_most="50")
KILLED_FREE = {**CHARGE_DEFAULT, End.KILLED: Share.NONE}


@pytest.mark.parametrize(
    "servable",
    [
        pytest.param(operation("a"), id="a fixed price"),
        pytest.param(operation("a", rated("1", {"query.limit": "0.1"})), id="a price that the request tells"),
        pytest.param(operation("a", BY_TOKENS, observe=True), id="observed"),
        pytest.param(replace(free("a"), charge=KILLED_FREE), id="free"),
    ],
)
def test_what_needs_no_credits_set_aside_can_be_served(servable):
    rules = policy([servable], [])

    assert require_servable(rules) is rules


def test_every_operation_that_cannot_be_served_is_named_with_its_fix():
    rules = policy([operation("chat", BY_TOKENS), operation("a"), operation("video", charge=KILLED_FREE)], [])

    with pytest.raises(PolicyError) as raised:
        require_servable(rules)
    first, second = str(raised.value).splitlines()

    assert first.startswith("test.yaml:1:1: chat is priced by what its answer says")
    assert "say `observe: true`" in first
    assert second.startswith("test.yaml:1:1: video is free when its worker dies")
    assert second.endswith("say `killed: full`.")
