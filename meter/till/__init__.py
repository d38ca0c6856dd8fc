"""One call's charge: open it, close it.

The till knows prices, terms and the ledger, and nothing of HTTP. What it raises is ``LedgerUnavailable`` alone, and
by then whatever the ledger may have done to the call's operation is on the list of things to undo.
"""

from meter.ledger.accounts import Caller, Opening, statement
from meter.pricing.plan_terms import terms_of
from meter.till.charge import Charge, ChargeClosed
from meter.till.sale import Dear, NotInPlan, Sale, Verdict
from meter.till.till import Till

__all__ = [
    "Caller",
    "Charge",
    "ChargeClosed",
    "Dear",
    "NotInPlan",
    "Opening",
    "Sale",
    "Till",
    "Verdict",
    "statement",
    "terms_of",
]
