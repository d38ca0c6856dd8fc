"""What a desk refuses, or whoever needs a caller, each by a code and a sentence; other codes are in ``Answers``."""

from collections.abc import Mapping

from meter.gateway.answers import QUOTA_EXCEEDED, RETRY_SECONDS, Answers
from meter.gateway.asgi import ASGIApp
from meter.gateway.desk.asked import BODY_BYTES_MAX


def bad_request(answers: Answers, detail: str) -> ASGIApp:
    """Refuse what can't be meant as it was written."""
    return answers.refusal(400, "bad_request", "Bad request", detail)


def nothing_there(answers: Answers, detail: str) -> ASGIApp:
    """Say that what is asked for does not exist."""
    return answers.refusal(404, "not_found", "Not found", detail)


def conflict(answers: Answers, detail: str) -> ASGIApp:
    """Refuse what contradicts what is in the books."""
    return answers.refusal(409, "conflict", "Conflict", detail)


def too_large(answers: Answers) -> ASGIApp:
    """Refuse a body that is longer than one of ours can be."""
    detail = f"The request's body is larger than {BODY_BYTES_MAX} bytes; send less."
    return answers.refusal(413, "body_too_large", "Body too large", detail)


def too_many(answers: Answers, seconds: int) -> ASGIApp:
    """Refuse an account that asks too often."""
    detail = f"The account asks about itself too often; ask again in {seconds} s."
    members: Mapping[str, object] = {"violated-policies": ["account-api"]}
    return answers.refusal(
        429, "quota_exceeded", "Quota exceeded", detail, members=members, retry_seconds=seconds, kind=QUOTA_EXCEEDED
    )


def unavailable(answers: Answers) -> ASGIApp:
    """Refuse what the books can't be asked for just now."""
    detail = f"The books can't be reached; ask again in {RETRY_SECONDS} s. What has an id is never done twice."
    return answers.refusal(503, "ledger_unavailable", "Ledger unavailable", detail, retry_seconds=RETRY_SECONDS)


def identity_unavailable(answers: Answers) -> ASGIApp:
    """Refuse a caller of whom nobody can tell just now who it is."""
    detail = f"It can't be found out now who calls, so the call was not made; try again in {RETRY_SECONDS} s."
    return answers.refusal(503, "identity_unavailable", "Identity unavailable", detail, retry_seconds=RETRY_SECONDS)
