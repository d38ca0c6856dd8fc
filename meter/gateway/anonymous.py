"""Callers who say nothing of who they are: each address has an account, on a plan of its own."""

from hashlib import sha256

from meter.gateway.addresses import Networks, caller_address, shared_by_one
from meter.gateway.asgi import Scope
from meter.policy.identity import AnonymousRule
from meter.till import Caller

HASH_DIGITS = 32
"""Of the SHA-256 in an account's id: 128 bits, so that no two of them meet."""


def anonymous(scope: Scope, rule: AnonymousRule, proxies: Networks) -> Caller | None:
    """The caller that an address is; None where the request has none."""
    address = caller_address(scope, proxies)
    if address is None:
        return None
    return Caller(account=f"anon-{digest(shared_by_one(address))}", plan=rule.plan)


def digest(written: str) -> str:
    """What stands in an account's id for a text that may not: the same for ever, and in every worker."""
    return sha256(written.encode()).hexdigest()[:HASH_DIGITS]
