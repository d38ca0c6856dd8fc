"""Who is calling: the account of the key that a request carries, or the account that the application names."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from meter.gateway.asgi import Scope
from meter.gateway.identity import Malformed, Missing, Presented, presented
from meter.ledger.api_keys import ApiKey
from meter.ledger.names import is_account_id
from meter.policy.model import IdentityRule
from meter.till import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Unidentified:
    """Nobody that could pay; the reason is a sentence for the caller and holds no secret."""

    reason: str


Identify = Callable[[Scope, IdentityRule], Awaitable[Caller | Unidentified]]
AppIdentify = Callable[[Scope], str | Awaitable[str | None] | None]
"""What an application gives: the account id of a request's scope, or None for nobody."""

UNKNOWN_KEY = Unidentified(reason="The API key is not known.")
"""One answer for a key that is malformed, unknown, revoked or expired: none of them can be told apart."""


async def by_key(scope: Scope, rule: IdentityRule) -> Caller | Unidentified:
    """Identify a caller by the API key that its request carries; a malformed one never leaves the process."""
    match presented(scope["headers"], rule):
        case Presented(key=written):
            key = ApiKey.parse(written)
            return Caller(key=key) if key else UNKNOWN_KEY
        case Missing():
            return Unidentified(reason=f"This call needs an API key in {_places(rule)}.")
        case Malformed(reason=reason):
            return Unidentified(reason=reason)


def by_app(identify: AppIdentify) -> Identify:
    """Identify a caller as the application does: by a function of the scope, plain or async, that names an account."""

    async def identified(scope: Scope, _: IdentityRule) -> Caller | Unidentified:
        named = identify(scope)
        account = named if isinstance(named, str) or not inspect.isawaitable(named) else await named
        if account is None:
            return Unidentified(reason="This call needs an account, and the application named none.")
        if not isinstance(account, str) or not is_account_id(account):
            return Unidentified(
                reason=f"{str(account)[:80]!r} is no account id; use letters, digits, '.', '_' and '-'."
            )
        return Caller(account=account)

    return identified


def unknown(caller: Caller) -> Unidentified:
    """Say that the ledger knows no such caller."""
    if caller.key is not None:
        return UNKNOWN_KEY
    return Unidentified(reason=f"The account {caller.account!r} has not been opened.")


def _places(rule: IdentityRule) -> str:
    places = [f"the header {rule.header}"] if rule.header else []
    if rule.bearer:
        places.append("Authorization: Bearer")
    return " or ".join(places)
