"""Who may call: the places where a request can say who it is from, as the folder's ``identity`` names them."""

from dataclasses import dataclass
from enum import StrEnum


class Algorithm(StrEnum):
    """How a token can be signed (RFC 7518, 3.1; RFC 8037, 3.1); ``none`` is not among them, and never will be."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"
    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"

    @property
    def is_secret(self) -> bool:
        """Whether the key that checks a token can also sign one."""
        return self.startswith("HS")


ASYMMETRIC = tuple(one for one in Algorithm if not one.is_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtRule:
    """Which tokens are believed, and which of their claims is the account."""

    jwks: str
    """The URL of the issuer's keys (RFC 7517, 5), or their file beside the policy."""
    issuer: str
    audience: tuple[str, ...]
    """One of them must be among a token's."""
    algorithms: tuple[Algorithm, ...] = ASYMMETRIC
    account_claim: str = "sub"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousRule:
    """What a caller gets who says nothing of who they are."""

    plan: str
    """On which the account of each address is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRule:
    """Where a request says who it is from."""

    header: str | None = "x-api-key"
    """Holds an API key."""
    bearer: bool = True
    """Whether ``Authorization: Bearer`` may hold one too."""
    jwt: JwtRule | None = None
    """Tokens in ``Authorization: Bearer``. None: they are nobody's."""
    scope: tuple[str, ...] | None = None
    """The path in the ASGI scope at which the app's own auth leaves an account id."""
    anonymous: AnonymousRule | None = None
    """None: whoever shows nothing is refused."""
