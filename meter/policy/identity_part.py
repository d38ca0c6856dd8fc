"""How a policy file says who may call, and what can be wrong with that."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, StrictBool, WithJsonSchema, model_validator

from meter.policy.identity import ASYMMETRIC, Algorithm, AnonymousRule, IdentityRule, JwtRule
from meter.policy.kinds import HeaderName, Name, Part
from meter.policy.mistakes import shown
from meter.policy.values import written_value, wrong

TEXT_CHARACTERS_MAX = 1024

_STEP = r"[A-Za-z][A-Za-z0-9_]{0,63}"
_SCOPE = re.compile(rf"{_STEP}(?:\.{_STEP}){{0,3}}", re.ASCII)


def _text(example: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        written = written_value(value, example)
        if not 0 < len(written) <= TEXT_CHARACTERS_MAX or not written.isprintable():
            raise wrong(
                f"{shown(written)} is empty, too long or not printable",
                f"write a text such as {example}, up to {TEXT_CHARACTERS_MAX} characters.",
            )
        return written

    return read


def _place_of_keys(value: object) -> str:
    """A URL that nobody can forge an answer of, or the name of a file."""
    written = _text("https://auth.example/jwks.json")(value)
    if "://" not in written:
        return written
    scheme, host = _scheme_and_host(written)
    if scheme == "http" and not _is_loopback(host):
        raise wrong(
            f"whoever sits between here and {shown(written)} could forge its keys", "write https://, or name a file."
        )
    if scheme not in ("http", "https") or not host or " " in written or not written.isascii():
        raise wrong(f"{shown(written)} is not a URL", "write one such as https://auth.example/jwks.json, or a file.")
    return written


def _scheme_and_host(written: str) -> tuple[str, str]:
    try:
        parts = urlsplit(written)
        host = (parts.hostname or "") if parts.port != 0 else ""
    except ValueError:
        return "", ""
    return parts.scheme, host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _audience(value: object) -> tuple[str, ...]:
    one = _text("https://api.example")
    if not isinstance(value, list):
        return (one(value),)
    if not value:
        raise wrong("there is no audience, so no token would be meant for this API", "write at least one.")
    return tuple(one(each) for each in value)


def _scope(value: object) -> str:
    written = written_value(value, "user.identity")
    if not _SCOPE.fullmatch(written):
        raise wrong(
            f"{shown(written)} is not a path in the scope",
            "write one to four names such as user.identity or state.account.",
        )
    return written


class JwtPart(Part):
    """Callers by JSON Web Token (RFC 7519), in `Authorization: Bearer`."""

    jwks: Annotated[str, PlainValidator(_place_of_keys), WithJsonSchema({"type": "string"})] = Field(
        description="The URL of the issuer's keys, or their file beside the policy.",
        examples=["https://auth.example/.well-known/jwks.json"],
    )
    issuer: Annotated[str, PlainValidator(_text("https://auth.example/")), WithJsonSchema({"type": "string"})] = Field(
        description="What a token's `iss` must be.", examples=["https://auth.example/"]
    )
    audience: Annotated[
        tuple[str, ...],
        PlainValidator(_audience),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    ] = Field(description="What a token's `aud` must name; one, or a list.", examples=["https://api.example"])
    algorithms: list[Algorithm] | None = Field(
        default=None, description="The asymmetric ones by default.", examples=[["RS256"]]
    )
    account_claim: Annotated[str, PlainValidator(_text("sub")), WithJsonSchema({"type": "string"})] = Field(
        default="sub", description="The claim that names the account.", examples=["sub", "org_id"]
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.algorithms == []:
            raise wrong("there is no algorithm, so no token would be believed", "leave it out for the asymmetric ones.")
        secret = next((one for one in self.algorithms or () if one.is_secret), None)
        if secret is not None and "://" in self.jwks:
            raise wrong(f"{secret} checks by a secret, and {shown(self.jwks)} tells it", "name a file for jwks.")
        return self


class AnonymousPart(Part):
    """Callers who show nothing: each address has an account."""

    plan: Name = Field(description="The plan of such an account.", examples=["anonymous"])


class IdentityPart(Part):
    """Where a request says who it is from."""

    header: HeaderName | None = "x-api-key"
    bearer: StrictBool = Field(default=True, description="Also read `Authorization: Bearer`.")
    jwt: JwtPart | None = None
    scope: Annotated[str, PlainValidator(_scope), WithJsonSchema({"type": "string"})] | None = Field(
        default=None,
        description="Where the app's own auth leaves the account id in the ASGI scope.",
        examples=["user.identity", "state.account"],
    )
    anonymous: AnonymousPart | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.header is None and not self.bearer and not (self.jwt or self.scope or self.anonymous):
            raise wrong("no caller could show a key", "name a header, or write `bearer: true`.")
        return self


def identity_rule(part: IdentityPart) -> IdentityRule:
    """Freeze what a file says."""
    return IdentityRule(
        header=part.header,
        bearer=part.bearer,
        jwt=_jwt_rule(part.jwt) if part.jwt else None,
        scope=tuple(part.scope.split(".")) if part.scope else None,
        anonymous=AnonymousRule(plan=part.anonymous.plan) if part.anonymous else None,
    )


def _jwt_rule(part: JwtPart) -> JwtRule:
    return JwtRule(
        jwks=part.jwks,
        issuer=part.issuer,
        audience=part.audience,
        algorithms=tuple(part.algorithms) if part.algorithms else ASYMMETRIC,
        account_claim=part.account_claim,
    )
