"""The ledger once more, in plain Python and as plainly as possible: what the scripts are checked against.

No store, no text, no speed: sorted lists, whole numbers, one clock that is given. Whoever changes a rule of the ledger
changes it here too, from its description and not from the script.
"""

from tests.ledger.model.accounts import Accounts
from tests.ledger.model.books import CHARGING, DAY, Lot, root
from tests.ledger.model.leasing import Leasing

__all__ = ["CHARGING", "DAY", "Lot", "Model", "root"]


class Model(Accounts, Leasing):
    """All that a ledger does."""
