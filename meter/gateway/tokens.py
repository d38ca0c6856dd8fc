"""Callers by JSON Web Token (RFC 7519, 8725): which tokens are believed, and whose account they name.

Needs the extra ``jwt``; so it is imported where a policy asks for tokens, and nowhere else.
"""

import jwt

from meter.gateway.anonymous import digest
from meter.gateway.callers import Identified, Undecided, Unidentified
from meter.gateway.jwks import Jwk, KeySet, KeysUnavailable
from meter.ledger.names import is_account_id
from meter.policy.identity import Algorithm, JwtRule
from meter.till import Caller

LEEWAY_SECONDS = 30
"""How far the issuer's clock may be from ours."""

UNKNOWN_TOKEN = Unidentified(reason="The token is not valid here.")
"""One answer for whatever is wrong with a token, so that nobody learns how near they came."""
EXPIRED_TOKEN = Unidentified(reason="The token has expired; get a new one.")
"""Said of tokens that were good: their signature is."""


class Tokens:
    """Believes the tokens of one rule."""

    def __init__(self, rule: JwtRule, keys: KeySet) -> None:
        self._rule = rule
        self._keys = keys
        self._jwt = jwt.PyJWT(options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True})

    async def caller(self, written: str) -> Identified:
        """Find out whose token it is."""
        algorithm, kid = self._signed_by(written)
        if algorithm is None:
            return UNKNOWN_TOKEN
        try:
            keys = await self._keys.named(kid)
        except KeysUnavailable:
            return Undecided()
        made = [key for one in keys if (key := _key(one, algorithm)) is not None]
        return self._believed(written, made[0], algorithm) if made else UNKNOWN_TOKEN

    def _signed_by(self, written: str) -> tuple[Algorithm | None, str | None]:
        """What a token says of its signature: its algorithm, where the rule allows it, and the name of its key."""
        try:
            head = jwt.get_unverified_header(written)
        except (jwt.PyJWTError, RecursionError):
            return None, None
        return next((one for one in self._rule.algorithms if one == head.get("alg")), None), head.get("kid")

    def _believed(self, written: str, key: jwt.PyJWK, algorithm: Algorithm) -> Identified:
        rule = self._rule
        try:
            claims = self._jwt.decode(
                written,
                key,
                algorithms=[algorithm.value],
                audience=rule.audience,
                issuer=rule.issuer,
                leeway=LEEWAY_SECONDS,
            )
        except jwt.ExpiredSignatureError:
            return EXPIRED_TOKEN
        except (jwt.PyJWTError, RecursionError):
            return UNKNOWN_TOKEN
        return _account(claims.get(rule.account_claim), rule.account_claim)


def _key(written: Jwk, algorithm: Algorithm) -> jwt.PyJWK | None:
    """A key, as it checks that algorithm; None where it is of another kind, or for another algorithm."""
    if written.get("alg", algorithm) != algorithm:
        return None
    try:
        return jwt.PyJWK(dict(written), algorithm.value)
    except jwt.PyJWTError:
        return None


def _account(claimed: object, claim: str) -> Caller | Unidentified:
    """The account that a claim names; where its text can't be an account's id, one made of its hash."""
    if isinstance(claimed, bool) or not isinstance(claimed, str | int) or claimed == "":
        return Unidentified(reason=f"The token names no account: its claim {claim} is missing, or no text.")
    account = str(claimed)
    return Caller(account=account if is_account_id(account) else f"id-{digest(account)}")
