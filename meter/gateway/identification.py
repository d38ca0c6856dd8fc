"""Who is calling, as the policy says: whom the app's own auth names, whose credential it is, or whose address."""

from pathlib import Path
from typing import TYPE_CHECKING

from meter.gateway.addresses import Networks
from meter.gateway.anonymous import anonymous
from meter.gateway.app_auth import named
from meter.gateway.asgi import Scope
from meter.gateway.callers import Identified, Unidentified, nobody, owner_of, vouched_for
from meter.gateway.identity import Malformed, Missing, Presented, is_token, presented
from meter.gateway.jwks import KeySet, fetch_of
from meter.policy.identity import IdentityRule, JwtRule
from meter.till import Caller

if TYPE_CHECKING:
    from meter.gateway.tokens import Tokens


class Identification:
    """Identifies the callers of one process.

    A credential that is wrong is refused: nobody becomes anonymous by a mistake in their key.
    """

    def __init__(self, *, proxies: Networks = (), folder: Path = Path()) -> None:
        """Take the proxies that are believed when they say whom they heard, and the folder of the issuer's keys."""
        self._proxies = proxies
        self._folder = folder
        self._tokens: dict[JwtRule, Tokens] = {}

    async def __call__(self, scope: Scope, rule: IdentityRule) -> Identified:
        """Find out who sends a request."""
        account = named(scope, rule.scope) if rule.scope else None
        if account is not None:
            return vouched_for(account)
        match presented(scope["headers"], rule):
            case Presented(key=written) if rule.jwt and is_token(written):
                return await self._tokens_of(rule.jwt).caller(written)
            case Presented(key=written):
                return owner_of(written)
            case Malformed(reason=reason):
                return Unidentified(reason=reason)
            case Missing():
                return self._guest(scope, rule) or nobody(rule)

    def _tokens_of(self, rule: JwtRule) -> "Tokens":
        """What believes tokens under the rule in force; the keys that it has read live as long as the rule."""
        if rule not in self._tokens:
            from meter.gateway.tokens import Tokens  # noqa: PLC0415 - needs an extra

            self._tokens = {rule: Tokens(rule, KeySet(fetch_of(rule.jwks, self._folder)))}
        return self._tokens[rule]

    def _guest(self, scope: Scope, rule: IdentityRule) -> Caller | None:
        return anonymous(scope, rule.anonymous, self._proxies) if rule.anonymous else None
