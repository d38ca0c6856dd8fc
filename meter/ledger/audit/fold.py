"""The fold: an account as it stood, an entry, and the account as it stands then.

What an entry does to the counters is said here once more, beside the scripts that do it: where the two disagree, one of
them is wrong.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from meter.ledger.audit.entry import Entry, Kind, Line, parts, total
from meter.ledger.audit.life import Life
from meter.ledger.audit.standing import Counters, Since, Standing, moved
from meter.ledger.promise import Status
from meter.pricing.terms import Terms

_terms = msgspec.json.Decoder(Terms)


def begun(line: Line) -> Standing:
    """An account before its first entry that was read."""
    entry = line.entry
    whole = entry.kind is Kind.OPEN
    return Standing(
        account=entry.account,
        since=Since.BEGINNING if whole else Since.NOWHERE,
        first=line.id,
        last="",
        after=0 if whole or entry.after is None else entry.after - entry.delta,
        start=entry.period,
    )


def folded(standing: Standing, line: Line, of: Life | None) -> Standing:
    """An account after one more entry.

    Args:
        standing: before it.
        line: the entry.
        of: the charge that it gives back, as far as it is known.
    """
    entry = line.entry
    after = _FOLDS[entry.kind](standing, entry, of)
    return replace(after, last=line.id, after=standing.after if entry.after is None else entry.after)


def _opened(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    return _period_begun(_terms_set(replace(standing, status=Status.ACTIVE), entry), entry)


def _renewed(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    before = standing.counters
    counters = replace(
        before, spent=standing.consumed, overage=before.held_overage, period_granted=before.held + _left(standing)
    )
    begun = _period_begun(replace(standing, counters=counters, used={}, vague=False), entry)
    return _terms_set(begun, entry) if bytes(entry.terms) else begun


def _period_begun(standing: Standing, entry: Entry) -> Standing:
    lot = ((entry.grant, entry.amount),) if entry.amount else ()
    given = moved(standing, into=lot, granted=entry.amount, period_granted=entry.amount)
    return replace(given, start=entry.period, expiries={**standing.expiries, entry.grant: entry.end})


def _granted(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    lot = ((entry.grant, entry.amount),)
    given = moved(standing, into=lot, granted=entry.amount, period_granted=entry.amount)
    return replace(given, expiries={**standing.expiries, entry.grant: entry.expires})


def _expired(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    lot = ((entry.grant, entry.amount),)
    return moved(standing, out=lot, expired=entry.amount, period_granted=-entry.amount)


def _revoked(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    lot = ((entry.grant, entry.amount),)
    taken = moved(standing, out=lot, revoked=entry.amount, period_granted=-entry.amount)
    return replace(taken, revoked_grants=standing.revoked_grants | {entry.grant})


def _reduced(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    lot = ((entry.grant, entry.amount),)
    return moved(standing, out=lot, revoked=entry.amount, period_granted=-entry.amount)


def _charged(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    return _drawn(standing, entry.taken, entry.overage, used=(entry.operation, entry.amount))


def _held(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    begun = int(entry.kind is Kind.HOLD)
    return _drawn(standing, entry.taken, entry.overage, held=entry.amount, held_overage=entry.overage, holding=begun)


def _closed(standing: Standing, entry: Entry, of: Life | None) -> Standing:
    """Give back what is above the price, draw what is above the hold, and count the price as used."""
    beyond = entry.extra - total(entry.drawn)
    back = moved(
        standing,
        into=parts(entry.to),
        held=-entry.held,
        holding=0 if of is not None and not of.operation else -1,
        held_overage=beyond - entry.overage - entry.back,
        granted=-entry.back,
        period_granted=-entry.back,
        overage=-entry.back,
        used=(entry.operation, entry.amount),
    )
    return _drawn(back, entry.drawn, beyond)


def _posted(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    return moved(standing, held=-entry.amount, used=(entry.operation, entry.amount))


def _given_back(standing: Standing, entry: Entry, of: Life | None) -> Standing:
    """A charge of this period was never used; one of an earlier period stays used there, and is granted anew here."""
    amount, beyond = entry.amount, entry.overage
    back = moved(standing, into=parts(entry.to), granted=-beyond)
    if of is None:
        return replace(moved(back, spent=-amount), vague=True)
    if of.period == standing.start:
        return moved(back, period_granted=-beyond, overage=-beyond, used=(entry.operation, -amount))
    return moved(back, spent=-amount, period_granted=amount - beyond)


def _terms_set(standing: Standing, entry: Entry, _: Life | None = None) -> Standing:
    text = bytes(entry.terms).decode()
    try:
        limit = _terms.decode(text).overage_limit
    except msgspec.DecodeError:
        limit = None
    return replace(standing, terms=text, overage_limit=limit, revision=standing.revision + 1)


def _status_set(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    return replace(standing, status=entry.status)


def _checkpoint(standing: Standing, entry: Entry, _: Life | None) -> Standing:
    """Go on from what the account itself said: what was wrong before is told there, and not again."""
    known = standing.counters.held_overage
    counters = Counters(
        granted=entry.granted,
        spent=entry.spent,
        expired=entry.expired,
        revoked=entry.revoked,
        held=entry.held,
        held_overage=known if entry.held_overage is None else entry.held_overage,
        holding=standing.counters.holding,
        period_granted=entry.period_granted,
        overage=entry.overage,
    )
    same = standing.known and sum(standing.used.values()) == entry.used
    return replace(
        standing,
        since=standing.since if standing.known else Since.CHECKPOINT,
        counters=counters,
        lots=dict(parts(entry.lots)),
        used=standing.used if same else {"": entry.used},
        start=entry.period,
        vague=False,
    )


def _unchanged(standing: Standing, _: Entry, __: Life | None) -> Standing:
    return standing


def _drawn(
    standing: Standing, taken: str, overage: int, used: tuple[str, int] | None = None, **counters: int
) -> Standing:
    """Take from grants, and beyond them overage."""
    more = {"granted": overage, "period_granted": overage, "overage": overage}
    return moved(standing, out=parts(taken), into=(), used=used, **more, **counters)


def _left(standing: Standing) -> int:
    return sum(standing.lots.values())


_FOLDS: Mapping[Kind, Callable[[Standing, Entry, Life | None], Standing]] = {
    Kind.OPEN: _opened,
    Kind.RENEW: _renewed,
    Kind.GRANT: _granted,
    Kind.REVOKE: _revoked,
    Kind.REDUCE: _reduced,
    Kind.EXPIRE: _expired,
    Kind.TERMS: _terms_set,
    Kind.STATUS: _status_set,
    Kind.LIMIT: _unchanged,
    Kind.KEY: _unchanged,
    Kind.KEY_REVOKED: _unchanged,
    Kind.CHECKPOINT: _checkpoint,
    Kind.CHARGE: _charged,
    Kind.OBSERVED: _unchanged,
    Kind.REFUND: _given_back,
    Kind.VOID: _given_back,
    Kind.HOLD: _held,
    Kind.EXTEND: _held,
    Kind.SETTLE: _closed,
    Kind.RELEASE: _closed,
    Kind.EXPIRE_HOLD: _closed,
    Kind.LATE: _charged,
    Kind.LEASE: _held,
    Kind.POST: _posted,
    Kind.ALERT: _unchanged,
}
