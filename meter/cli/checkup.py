"""What ``meter doctor`` looks at: the store, the policies, the workers. A check is a function that returns findings."""

import os

from meter.cli.policy_commands import read
from meter.cli.printing import counted
from meter.ledger import embedded
from meter.ledger.guard import Finding, Verdict, inspect
from meter.ledger.promise import LedgerUnavailable
from meter.policy.mistakes import PolicyError
from meter.settings import Settings

STORE = "store"
"""The check that is bad where the store can't be reached."""


async def findings(chosen: Settings) -> tuple[Finding, ...]:
    """All that was found, good and bad."""
    return (*await _store(chosen), _policies(chosen), _workers(chosen))


async def _store(chosen: Settings) -> tuple[Finding, ...]:
    """What can be said of the store; one bad finding where it can't be reached."""
    try:
        if chosen.redis is not None:
            return _reached("The store answers.", await inspect(chosen.redis))
        async with await embedded.start(chosen.data, maxmemory_bytes=chosen.store_bytes_max) as server:
            return _reached(f"A server of our own keeps the books in {chosen.data}.", await inspect(server.url))
    except LedgerUnavailable as error:
        fix = "Start it, or name another one with --redis URL."
        return (Finding(check=STORE, verdict=Verdict.BAD, result=str(error), fix=fix),)


def _reached(result: str, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return Finding(check=STORE, verdict=Verdict.OK, result=result), *found


def _policies(chosen: Settings) -> Finding:
    try:
        policy = read(chosen.policies)
    except PolicyError as error:
        result = f"{chosen.policies} holds {counted(len(error.mistakes), 'mistake')}."
        return Finding(check="policies", verdict=Verdict.BAD, result=result, fix="Run `meter check`, and correct them.")
    declared = f"{counted(len(policy.operations), 'operation')} and {counted(len(policy.plans), 'plan')}"
    return Finding(check="policies", verdict=Verdict.OK, result=f"{chosen.policies} has {declared}.")


def _workers(chosen: Settings) -> Finding:
    """More workers than processors only wait for one another."""
    processors = os.cpu_count() or 1
    result = f"{counted(chosen.workers, 'worker')} on {counted(processors, 'processor')}."
    if chosen.workers <= processors:
        return Finding(check="workers", verdict=Verdict.OK, result=result)
    return Finding(
        check="workers", verdict=Verdict.WARN, result=result, fix=f"Set --workers or METER_WORKERS to {processors}."
    )
