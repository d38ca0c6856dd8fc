"""How a command ends when it does not end well: one sentence on standard error, one exit code for scripts.

Commands raise; ``sentence`` and ``exit_code`` alone know what becomes of it. Add an error's type to both.
"""

from enum import IntEnum

from meter.credits import AmountError
from meter.economics.exact import EconomicsError
from meter.ledger.names import BadName
from meter.ledger.promise import LedgerError
from meter.policy.mistakes import PolicyError
from meter.settings import SettingsError
from meter.sheets.extra import ExtraMissing
from meter.sheets.rows import SheetError


class Exit(IntEnum):
    """What scripts may rely on; 0 is fine."""

    FINDINGS = 1
    """There are findings, or the policy or the account says no."""
    USAGE = 2
    """The command cannot be meant as it was written."""
    STORE = 3
    """The store can't be reached, or can't be trusted."""
    BROKEN = 70
    """A mistake in ``meter`` itself (sysexits.h, ``EX_SOFTWARE``): no finding, and no fault of the store."""


class Refusal(Exception):
    """The answer is no; the message is a sentence with the value and the fix."""


def exit_code(error: Exception) -> Exit:
    """The exit code that an error means."""
    match error:
        case Refusal() | PolicyError() | EconomicsError() | SheetError() | ExtraMissing() | OSError():
            return Exit.FINDINGS
        case AmountError() | BadName() | SettingsError():
            return Exit.USAGE
        case LedgerError():
            return Exit.STORE
        case _:
            return Exit.BROKEN


def sentence(error: Exception) -> str:
    """What people are told of an error."""
    match error:
        case Refusal() | PolicyError() | AmountError() | BadName() | SettingsError() | LedgerError():
            return str(error)
        case EconomicsError() | SheetError() | ExtraMissing():
            return str(error)
        case OSError(filename=str(name), strerror=str(reason)):
            return f"{name}: {reason}."
        case _:
            return f"This is a mistake in meter; please report it with what you typed: {type(error).__name__}: {error}"
