"""What an operator asks for, in a request's body or in a line of a file that is imported: read and checked alike."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from meter.credits import ZERO, Credits
from meter.gateway.desk.asked import BadRequest, amount
from meter.ledger.changing import When
from meter.ledger.names import check_grant_id, check_operation
from meter.ledger.promise import Grant, GrantKind
from meter.policy.mistakes import instead, shown
from meter.policy.model import Plan, Policy
from meter.pricing.terms import Terms
from meter.till import terms_of

SECOND_MAX = 253_370_764_800
"""The beginning of the year 9999: later moments can't be written in every zone."""

_CREDITS = {"type": "number", "minimum": 0, "maximum": 9_007_199_254}

NOTHING = msgspec.Raw(b"null")

SomeAmount = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={**_CREDITS, "minimum": 0.000001})]
AmountOrNull = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={**_CREDITS, "type": ["number", "null"]})]
AccountId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}(/[A-Za-z0-9._-]{1,64}){0,3}$", max_length=260)]
GrantId = Annotated[str, msgspec.Meta(pattern=r"^(?!period:|adjustment:)[A-Za-z0-9._:-]{1,64}$")]
OperationName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
Zone = Annotated[str, msgspec.Meta(max_length=64)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class TermsAsked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The terms that an account is to have."""

    plan: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    commitment: Annotated[
        AmountOrNull, msgspec.Meta(description="Committed to a month. Without: what the plan says.")
    ] = msgspec.field(default_factory=lambda: NOTHING)
    zone: Annotated[
        Zone | None, msgspec.Meta(description="The IANA zone in which its periods begin. Without: UTC.")
    ] = None


class PlanAsked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The plan that an account is to be on."""

    plan: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    when: Annotated[
        When,
        msgspec.Meta(description="now: with the share of both plans' credits that the rest of the period is."),
    ] = When.PERIOD_END
    dry_run: Annotated[bool, msgspec.Meta(description="Say what would change; change nothing.")] = False


class AccountAsked(TermsAsked):
    """An account that is to be opened."""

    account: AccountId


class GrantAsked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Credits that are to be given; the same id gives them once, however often it is sent."""

    id: GrantId
    credits: SomeAmount
    kind: GrantKind = GrantKind.PURCHASED
    priority: Annotated[int, msgspec.Meta(ge=0, le=100, description="The lowest is burnt first.")] = 50
    expires_at: Moment | None = None
    scope: Annotated[
        list[OperationName], msgspec.Meta(max_length=20, description="What they pay for. Without: everything.")
    ] = []
    cost_basis: Annotated[
        AmountOrNull, msgspec.Meta(description="The money that one of them cost; breaks ties in the burn order.")
    ] = msgspec.field(default_factory=lambda: NOTHING)
    note: Annotated[str, msgspec.Meta(max_length=200)] = ""


class KeyAsked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An API key that is to be made."""

    expires_at: Moment | None = None


def terms_asked(policy: Policy, asked: TermsAsked, *, now: int) -> Terms:
    """The terms of a plan, with what differs from it, for who signs up at a second.

    Raises:
        BadRequest: there is no such plan or zone, or the commitment is no amount.
    """
    zone = "UTC" if asked.zone is None else _zone(asked.zone)
    return terms_of(plan_of(policy.plans, asked.plan), commitment=_amount(asked.commitment), zone=zone, now=now)


def same_terms(there: Terms, asked: Terms) -> bool:
    """Whether an account has the terms that were asked for, whatever its plan said when it was opened."""
    return (there.plan, there.commitment, there.zone) == (asked.plan, asked.commitment, asked.zone)


def grant_asked(asked: GrantAsked) -> Grant:
    """The grant.

    Raises:
        BadRequest: its amount is none, or nothing; its end can't be written.
        BadName: its id, or an operation of its scope, can't be one.
    """
    check_grant_id(asked.id)
    for operation in asked.scope:
        check_operation(operation)
    given = amount(asked.credits)
    if not given:
        raise BadRequest("0 credits are nothing to grant; give more than 0.")
    return Grant(
        id=asked.id,
        kind=asked.kind,
        amount=given,
        priority=asked.priority,
        expires_at=second(asked.expires_at),
        scope=frozenset(asked.scope),
        cost_basis=_amount(asked.cost_basis) or ZERO,
        note=asked.note,
    )


def second(moment: datetime | None) -> int | None:
    """The Unix second of a moment.

    Raises:
        BadRequest: nobody will be there.
    """
    if moment is None:
        return None
    found = int(moment.timestamp())
    if not 0 < found < SECOND_MAX:
        raise BadRequest(f"{moment.isoformat()} is no moment that can be kept.")
    return found


def _amount(written: msgspec.Raw) -> Credits | None:
    return None if bytes(written) == bytes(NOTHING) else amount(written)


def plan_of(plans: Mapping[str, Plan], name: str) -> Plan:
    """A plan by its name.

    Raises:
        BadRequest: there is none.
    """
    plan = plans.get(name)
    if plan is None:
        raise BadRequest(f"The policy has no plan {shown(name)}; {instead(name, plans)}")
    return plan


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise BadRequest(f"{name[:40]!r} is no zone; write one of the IANA, such as Europe/Berlin.")
    return ZoneInfo(name).key
