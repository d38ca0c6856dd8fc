"""Who is calling: the account of the key that a request carries, or the account that the application names."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from meter.gateway.addresses import Networks
from meter.gateway.anonymous import anonymous
from meter.gateway.asgi import Scope
from meter.gateway.identity import Missing, presented
from meter.ledger.api_keys import ApiKey
from meter.ledger.names import is_account_id
from meter.policy.identity import IdentityRule
from meter.till import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Unidentified:
    """Nobody that could pay; the reason is a sentence for the caller and holds no secret."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Nobody can tell now who it is; the same request may be known when time has passed."""


Identified = Caller | Unidentified | Undecided
Identify = Callable[[Scope, IdentityRule], Awaitable[Identified]]
AppIdentify = Callable[[Scope], str | Awaitable[str | None] | None]
"""What an application gives: the account id of a request's scope, or None for nobody."""

UNKNOWN_KEY = Unidentified(reason="The API key is not known.")
"""One answer for a key that is malformed, unknown, revoked or expired: none of them can be told apart."""


def owner_of(written: str) -> Caller | Unidentified:
    """The caller that a key stands for; a malformed one never leaves the process."""
    key = ApiKey.parse(written)
    return Caller(key=key) if key else UNKNOWN_KEY


def nobody(rule: IdentityRule) -> Unidentified:
    """Say what a request without a credential lacks."""
    return Unidentified(reason=f"This call needs {_wanted(rule)}.")


def by_app(identify: AppIdentify, proxies: Networks = ()) -> Identify:
    """Identify a caller as the application does: by a function of the scope, plain or async, that names an account.

    Whom it does not name, and who carries no credential, may be anonymous.
    """

    async def identified(scope: Scope, rule: IdentityRule) -> Identified:
        found = identify(scope)
        account = found if isinstance(found, str) or not inspect.isawaitable(found) else await found
        if account is not None:
            return vouched_for(account)
        unnamed = rule.anonymous and isinstance(presented(scope["headers"], rule), Missing)
        guest = anonymous(scope, rule.anonymous, proxies) if rule.anonymous and unnamed else None
        return guest or Unidentified(reason="This call needs an account, and the application named none.")

    return identified


def vouched_for(account: object) -> Caller | Unidentified:
    """The caller that an application names."""
    if not isinstance(account, str) or not is_account_id(account):
        return Unidentified(reason=f"{str(account)[:80]!r} is no account id; use letters, digits, '.', '_' and '-'.")
    return Caller(account=account)


def unknown(caller: Caller) -> Unidentified:
    """Say that the ledger knows no such caller."""
    if caller.key is not None:
        return UNKNOWN_KEY
    return Unidentified(reason=f"The account {caller.account!r} has not been opened.")


def _wanted(rule: IdentityRule) -> str:
    places = [f"the header {rule.header}"] if rule.header else []
    if rule.bearer:
        places.append("Authorization: Bearer")
    wanted = [f"an API key in {' or '.join(places)}"] if places else []
    if rule.jwt:
        wanted.append("a token in Authorization: Bearer")
    if rule.scope:
        wanted.append("an account that the application names")
    return ", or ".join(wanted) or "an address"
