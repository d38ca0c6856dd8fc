"""What carries a way out: the text of a policy file with the new version and the transition, and the pins.

The file joins those of the operation: prices that stand in a file of a folder price the operations of all. Whether
names and numbers may stand in a policy is for the policy's own check to say.
"""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from meter.credits import Credits, text
from meter.economics.exact import decimal_text
from meter.economics.glide.cohorts import Cohort
from meter.economics.glide.plan import Glide
from meter.policy.model import Operation
from meter.policy.versions import Pin
from meter.pricing.conditions import Conditions
from meter.pricing.quote import price
from meter.pricing.words import moment_text

ACCOUNTS_A_COMMAND = 50
"""A line of a shell stays short enough to be read."""


def version_name(glide: Glide) -> str:
    """The name of the version that holds the target: the day from which it is in force."""
    return f"{glide.schedule.start:%Y-%m-%d}"


def version_text(glide: Glide) -> str:
    """The version as it is written among the prices of a policy, in YAML."""
    return "\n".join(
        (
            f"  - version: {json.dumps(version_name(glide))}",
            f"    effective_at: {moment_text(glide.schedule.start)}",
            f"    operations: {{{json.dumps(glide.operation)}: {text(glide.new)}}}",
        )
    )


def policy_text(glide: Glide) -> str:
    """The text of the policy file, in YAML."""
    name = version_name(glide)
    return "\n".join(
        (
            f"# Written by `meter glide`: {glide.operation} goes from {text(glide.old)} to {text(glide.new)} credits.",
            f"# New accounts pay it from {name} on. Accounts that are pinned to `{glide.pinned}` until their cohort",
            f"# starts pay at most {decimal_text(glide.share)} more than the month before, for each month begun since.",
            "version: 1",
            "prices:",
            version_text(glide),
            f"transition: {{compound: {decimal_text(glide.share)}}}",
            "",
        )
    )


def rounding_text(glide: Glide) -> str:
    """How the operation is to be rounded, as it is written beside its credits."""
    rounding = glide.rounding
    return f"rounding: {{mode: {rounding.mode}, step: {text(rounding.step)}, minimum: {text(rounding.minimum)}}}"


def pin_commands(glide: Glide) -> Iterator[tuple[str, ...]]:
    """The commands that pin accounts: first everybody who was there before, then each cohort until its own start.

    Who was there and made no call is in no cohort: the first command holds these until the last cohort starts.
    """
    start, last = glide.schedule.start, glide.schedule.begins(len(glide.cohorts) - 1)
    yield (f"meter pin {glide.pinned} --until {moment_text(last)} --created-before {moment_text(start)}",)
    for cohort in glide.cohorts:
        if cohort.accounts:
            yield tuple(_commands(glide, cohort))


def differences(glide: Glide, operation: Operation) -> tuple[tuple[datetime, int, Credits, Credits], ...]:
    """Where a policy would charge something else than announced, before adjustments: none, if it carries the way out.

    Returns:
        The minute, the cohort, what was announced and what the policy says; both ends of every month are asked.
    """
    plain = replace(operation, adjustments=())
    return tuple(
        (moment, cohort.number, announced, said)
        for cohort in glide.cohorts
        for moment, announced in _announced(glide, cohort)
        if (said := _said(plain, glide, cohort, moment)) != announced
    )


def _announced(glide: Glide, cohort: Cohort) -> Iterator[tuple[datetime, Credits]]:
    minute, months = timedelta(minutes=1), glide.months()
    for month, after in zip(months, (*months[1:], None), strict=True):
        yield month.begins, month.paid[cohort.number]
        if after is not None:
            yield after.begins - minute, month.paid[cohort.number]


def _said(operation: Operation, glide: Glide, cohort: Cohort, moment: datetime) -> Credits:
    pin = Pin(version=glide.pinned, until=glide.schedule.begins(cohort.number))
    return price(operation, Conditions(moment=moment, pin=pin), "").credits


def _commands(glide: Glide, cohort: Cohort) -> Iterator[str]:
    until = moment_text(glide.schedule.begins(cohort.number))
    for names in _portions(tuple(cohort.accounts)):
        chosen = " ".join(f"--account {shlex.quote(name)}" for name in names)
        yield f"meter pin {glide.pinned} --until {until} {chosen}"


def _portions(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), ACCOUNTS_A_COMMAND):
        yield names[first : first + ACCOUNTS_A_COMMAND]
