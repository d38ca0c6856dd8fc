"""The answers that we give by ourselves, each a small ASGI app: refusals as problem+json, and plain documents.

One method a code. Whoever adds one gives it a title, and a detail that says what happened and what helps.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from meter.credits import ONE, ZERO, Credits, text
from meter.gateway.account_view import json_text, moment_text, number
from meter.gateway.asgi import ASGIApp
from meter.gateway.challenge import (
    NO_CHALLENGE,
    Challenge,
    Challenged,
    PaymentHook,
    Shortfall,
    challenge_headers,
)
from meter.gateway.figures import Figures
from meter.gateway.headers import CreditHeaders, Headers
from meter.gateway.whole_answer import Document
from meter.ledger.promise import Balance

RETRY_SECONDS = 1
"""After which a ledger that was down is asked again."""

PAYMENT_REQUIRED = 402
_PROBLEM = frozenset({"type", "title", "status", "detail", "instance", "code", "retryable"})
"""Members of every problem: nobody else says them."""

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
"""The type of a problem that many APIs share (draft-ietf-httpapi-ratelimit-headers)."""

_SHOWN_MAX = 200
"""How many characters of a request are repeated to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Makes every answer that is not the app's."""

    problems_url: str
    """What the ``type`` of a problem begins with."""
    billing_url: str | None = None
    """Where credits are bought."""
    account_path: str = "/credits"
    """Where an account reads its balance."""
    exhausted_status: int = 402
    """Of a refusal for want of credits."""
    headers: CreditHeaders = field(default_factory=CreditHeaders)
    clock: Callable[[], float] = time.time
    payment: PaymentHook | None = None
    """Says how to pay, in a 402."""

    def ambiguous_path(self, reason: str) -> ASGIApp:
        """Refuse a path that can be read in two ways."""
        return self._problem(400, "ambiguous_path", "Ambiguous path", reason)

    def bad_credits_max(self, reason: str) -> ASGIApp:
        """Refuse a ``Credits-Max`` that is no amount."""
        return self._problem(400, "bad_credits_max", "Bad Credits-Max", reason)

    def bad_idempotency_key(self, reason: str) -> ASGIApp:
        """Refuse an ``Idempotency-Key`` that is none."""
        return self._problem(400, "bad_idempotency_key", "Bad Idempotency-Key", reason)

    def unauthenticated(self, reason: str) -> ASGIApp:
        """Refuse a caller that nobody knows."""
        challenge = [(b"www-authenticate", b'Bearer realm="credits"')]
        return self._problem(401, "unauthenticated", "Not authenticated", reason, headers=challenge)

    def insufficient_credits(self, required: Credits, balance: Balance) -> ASGIApp:
        """Refuse a call that costs more than its account can draw; the application may say how to pay for it."""
        if self.payment is None or self.exhausted_status != PAYMENT_REQUIRED:
            return self._insufficient(required, balance, NO_CHALLENGE)
        shortfall = Shortfall(required=required, remaining=balance.remaining, reset_at=balance.reset_at)
        return Challenged(
            hook=self.payment, shortfall=shortfall, refusal=lambda made: self._insufficient(required, balance, made)
        )

    def _insufficient(self, required: Credits, balance: Balance, challenge: Challenge) -> ASGIApp:
        members: dict[str, object] = {
            "credits_required": number(required),
            "credits_remaining": number(balance.remaining),
            "credits_shortfall": number(Credits(required - balance.remaining)),
            "credits_reset_at": moment_text(balance.reset_at),
        }
        return self._problem(
            self.exhausted_status,
            "insufficient_credits",
            "Insufficient credits",
            f"This request costs {_credits(required)} and {_remain(balance.remaining)}.",
            members={**_others(challenge.members), **members},
            headers=[*self._links(), *challenge_headers(challenge)],
            figures=self._refused(balance),
        )

    def account_suspended(self) -> ASGIApp:
        """Refuse an account that may not spend."""
        detail = "The account is suspended; ask the provider of this API to resume it."
        return self._problem(403, "account_suspended", "Account suspended", detail)

    def operation_not_allowed(self) -> ASGIApp:
        """Refuse a call that its API key is not for."""
        detail = "The API key is not for this operation; use one that is."
        return self._problem(403, "operation_not_allowed", "Operation not allowed", detail)

    def websocket_unpriced(self) -> ASGIApp:
        """Refuse a WebSocket that no route of the policy matches."""
        detail = "There is no WebSocket with a price here; check the path, and that the request is a handshake."
        return self._problem(403, "websocket_unpriced", "WebSocket without a price", detail)

    def no_price(self, method: str, path: str) -> ASGIApp:
        """Refuse a request that no route of the policy matches."""
        detail = f"{_shown(f'{method} {path}')} has no price here; check the method and the path."
        return self._problem(404, "no_price", "No price", detail)

    def not_found(self, path: str) -> ASGIApp:
        """Say that one of our own paths leads nowhere."""
        return self._problem(404, "not_found", "Not found", f"There is nothing at {_shown(path)}.")

    def method_not_allowed(self, method: str, allowed: str) -> ASGIApp:
        """Say which methods one of our own paths knows."""
        detail = f"{_shown(method)} is not for this path; use {allowed}."
        headers = [(b"allow", allowed.encode())]
        return self._problem(405, "method_not_allowed", "Method not allowed", detail, headers=headers)

    def idempotency_running(self) -> ASGIApp:
        """Refuse a call whose ``Idempotency-Key`` is that of one which still runs."""
        detail = f"A call with this Idempotency-Key still runs; ask again in {RETRY_SECONDS} s."
        headers = [(b"retry-after", b"%d" % RETRY_SECONDS)]
        return self._problem(409, "idempotency_running", "Still running", detail, retryable=True, headers=headers)

    def idempotency_answer_gone(self) -> ASGIApp:
        """Refuse a call whose ``Idempotency-Key`` had its call, and whose answer can't be given again."""
        detail = (
            "A call with this Idempotency-Key was made, and its answer is not kept; nothing was charged for this one. "
            "Look whether it had its effect before you send it with another key."
        )
        return self._problem(409, "idempotency_answer_gone", "Answer not kept", detail)

    def price_above_max(self, price: Credits, at_most: Credits) -> ASGIApp:
        """Refuse a call that costs more than its caller wants to pay."""
        detail = f"This request costs {_credits(price)} and its Credits-Max is {text(at_most)}."
        members = {"credits_required": number(price)}
        return self._problem(412, "price_above_max", "Price above Credits-Max", detail, members=members)

    def body_too_large(self, bytes_max: int) -> ASGIApp:
        """Refuse a request body beyond the limit."""
        detail = f"The request's body is larger than {bytes_max} bytes; send less."
        return self._problem(413, "body_too_large", "Body too large", detail)

    def idempotency_mismatch(self) -> ASGIApp:
        """Refuse a call whose ``Idempotency-Key`` was another request's."""
        detail = "This Idempotency-Key was sent with another method, target or body; a new request needs a new key."
        return self._problem(422, "idempotency_mismatch", "Key of another request", detail)

    def quota_exceeded(self, keys_max: int, seconds: int) -> ASGIApp:
        """Refuse an account that has as many idempotency keys as are remembered for it (RFC 9457 type of the IANA)."""
        detail = (
            f"The account has used {keys_max} Idempotency-Keys within 24 hours; send the call without one, or try "
            f"again in {seconds} s."
        )
        return self._problem(
            429,
            "quota_exceeded",
            "Quota exceeded",
            detail,
            retryable=True,
            members={"violated-policies": ["idempotency-keys"]},
            headers=[(b"retry-after", b"%d" % seconds)],
            kind=QUOTA_EXCEEDED,
        )

    def upstream_failed(self, reason: str) -> ASGIApp:
        """Answer for an upstream that gave no answer."""
        return self._problem(502, "upstream_failed", "Upstream failed", reason, retryable=True)

    def ledger_unavailable(self) -> ASGIApp:
        """Refuse what cannot be charged."""
        detail = f"The call could not be charged, so it was not made; try again in {RETRY_SECONDS} s."
        headers = [(b"retry-after", b"%d" % RETRY_SECONDS)]
        return self._problem(503, "ledger_unavailable", "Ledger unavailable", detail, retryable=True, headers=headers)

    def upstream_timeout(self, reason: str) -> ASGIApp:
        """Answer for an upstream that took too long."""
        return self._problem(504, "upstream_timeout", "Upstream timeout", reason, retryable=True)

    def refusal(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        members: Mapping[str, object] | None = None,
        retry_seconds: int | None = None,
        kind: str | None = None,
        balance: Balance | None = None,
    ) -> ASGIApp:
        """Refuse what was asked of one of our desks (``desk/refusals.py``), or would pass a limit (``limits.py``)."""
        again, figures = retry_seconds is not None, self._refused(balance) if balance else None
        headers = [(b"retry-after", b"%d" % retry_seconds)] if retry_seconds is not None else []
        return self._problem(
            status,
            code,
            title,
            detail,
            retryable=again,
            members=members,
            headers=headers,
            figures=figures,
            kind=kind,
        )

    def json(self, body: bytes, status: int = 200) -> ASGIApp:
        """Answer with a JSON text."""
        return _document(status, b"application/json", body)

    def plain(self, body: bytes, content_type: str, *, link: str | None = None) -> ASGIApp:
        """Answer with a text of another type, and a link to more of it."""
        return _document(200, content_type.encode(), body, [(b"link", link.encode())] if link else None)

    def _problem(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        retryable: bool = False,
        members: Mapping[str, object] | None = None,
        headers: Headers | None = None,
        figures: Figures | None = None,
        kind: str | None = None,
    ) -> ASGIApp:
        """Write a problem of RFC 9457; it is retryable where the same request may succeed when time has passed."""
        ours = self.headers.nothing_consumed() if figures is None else self.headers.of(figures)
        document = {
            "type": kind or f"{self.problems_url}/{code.replace('_', '-')}",
            "title": title,
            "status": status,
            "detail": detail,
            "code": code,
            **(members or {}),
            "retryable": retryable,
        }
        return _document(status, b"application/problem+json", json_text(document), [*(headers or []), *ours], detail)

    def _links(self) -> Headers:
        status = f'<{self.account_path}>; rel="status"'
        payment = f'<{self.billing_url}>; rel="payment", ' if self.billing_url else ""
        return [(b"link", f"{payment}{status}".encode())]

    def _refused(self, balance: Balance) -> Figures:
        return Figures(
            consumed=ZERO,
            remaining=balance.remaining,
            granted=balance.granted,
            reset_at=balance.reset_at,
            now=int(self.clock()),
        )


def _document(
    status: int, content_type: bytes, body: bytes, headers: Headers | None = None, detail: str = ""
) -> Document:
    head = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        *(headers or []),
    ]
    return Document(status=status, headers=head, body=body, detail=detail)


def _others(members: Mapping[str, object]) -> dict[str, object]:
    """Members that don't stand for anything of ours."""
    return {name: value for name, value in members.items() if name not in _PROBLEM}


def _credits(amount: Credits) -> str:
    return f"{text(amount)} credit{'' if amount == ONE else 's'}"


def _remain(amount: Credits) -> str:
    return f"{text(amount)} remain{'s' if amount == ONE else ''}"


def _shown(written: str) -> str:
    """A part of the request, cut to a readable length, in characters that JSON can hold."""
    shown = written if len(written) <= _SHOWN_MAX else written[:_SHOWN_MAX] + "…"
    return shown.encode(errors="replace").decode()
