"""The refusals of a call that would pass a limit of its account or its API key, or that its plan has not got."""

from collections.abc import Mapping

from meter.credits import Credits, text
from meter.gateway.account_view import number
from meter.gateway.answers import QUOTA_EXCEEDED, Answers
from meter.gateway.asgi import ASGIApp
from meter.ledger.limits import KEY_LEVEL, LimitKind, Reached
from meter.ledger.promise import Capped
from meter.till import NotInPlan

_PER = {LimitKind.BUDGET: "in its period", LimitKind.MINUTE: "a minute", LimitKind.DAY: "a day"}


def limit_reached(answers: Answers, capped: Capped) -> ASGIApp:
    """Refuse the call; ``Retry-After`` is there where waiting helps."""
    reached = capped.reached
    wait = None if reached.until is None else max(1, reached.until - capped.now)
    return answers.refusal(
        429,
        "quota_exceeded",
        "Quota exceeded",
        _detail(reached, capped.required, wait),
        members={"violated-policies": [f"{reached.level}:{reached.kind}"], **_members(reached, capped.required)},
        retry_seconds=1 if reached.kind is LimitKind.CONCURRENT else wait,
        kind=QUOTA_EXCEEDED,
        balance=capped.balance,
    )


def not_in_plan(answers: Answers, denied: NotInPlan) -> ASGIApp:
    """Refuse a call of an operation that the account's plan has not got."""
    detail = f"The plan {denied.plan} does not include {denied.operation}; another plan may."
    return answers.refusal(403, "operation_not_in_plan", "Operation not in plan", detail)


def _members(reached: Reached, required: Credits) -> Mapping[str, object]:
    if reached.kind is LimitKind.CONCURRENT:
        return {"calls_limit": reached.limit, "calls_open": reached.spent}
    spent = {"credits_limit": number(Credits(reached.limit)), "credits_spent": number(Credits(reached.spent))}
    return {"credits_required": number(required), **spent}


def _detail(reached: Reached, required: Credits, wait: int | None) -> str:
    if reached.kind is LimitKind.CONCURRENT:
        return f"The account {reached.level} may make {reached.limit} calls at once; wait until one of them ends."
    whose = "The API key" if reached.level == KEY_LEVEL else f"The account {reached.level}"
    helps = "ask for less, or for a higher limit" if wait is None else f"try again in {wait} s"
    return (
        f"{whose} may spend {text(Credits(reached.limit))} credits {_PER[reached.kind]} and has spent "
        f"{text(Credits(reached.spent))}; this request costs {text(required)}: {helps}."
    )
