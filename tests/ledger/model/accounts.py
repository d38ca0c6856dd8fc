"""Accounts in the model: opened, renewed, given grants, changed."""

from dataclasses import replace

from meter.credits import LIMIT, Credits
from meter.ledger.limits import KEY_LEVEL, Limits
from meter.ledger.promise import Account, Balance, Grant, Status, Undone, Word
from meter.policy.plans import Rollover
from meter.pricing.allotment import Proration, Renewal
from meter.pricing.terms import Period, Terms
from tests.ledger.model.books import Books, Lot, root
from tests.ledger.model.limiting import Limited, Limiting


class Accounts(Limiting):
    """Steps that change an account, each by a label that makes it happen once."""

    def open(self, name: str, terms: Terms, period: Period, included: int, trial_ends: int | None = None) -> Word:
        if name in self.books:
            return Word.REPEAT
        self.books[name] = Books(terms=terms, period=period, seen=self.now)
        self.begin(name, "open", f"open:{name}", included)
        if terms.trial is not None:
            self.give(name, Lot("trial:signup", 0, 0, 8, trial_ends, 0, frozenset()), terms.trial.credits)
        return Word.DONE

    def give(self, name: str, lot: Lot, wanted: int) -> None:
        """Give a lot beside the one that begins a period, as far as an account can hold it."""
        books = self.books[name]
        amount = min(wanted, LIMIT - books.period_granted)
        if amount > 0:
            lot = replace(lot, left=amount, created=self.clock(books))
            books.facts[lot.id] = (lot, None)
            self.put(books, lot, amount)
            books.granted += amount
            books.period_granted += amount
            self.enter(name, "grant", lot.id, amount, grant=lot.id, amount=amount)

    def begin(self, name: str, kind: str, op: str, included: int, **said: object) -> None:
        """Begin a period with what the grants hold and what open holds have set aside, their overage included."""
        books = self.books[name]
        books.overage = sum(one.overage for one in self.open_holds([name]).values())
        held = sum(lot.left for lot in books.lots) + self.held(name)
        amount = min(included, LIMIT - held)
        books.period_granted = held + amount
        books.granted += amount
        grant = f"period:{books.period.start}"
        lot = Lot(grant, amount, self.clock(books), 10, books.period.end, 0, frozenset())
        if amount:
            books.facts[grant] = (lot, None)
            self.put(books, lot, amount)
        self.enter(name, kind, op, amount, grant=grant, amount=amount, **said)

    def renew(self, name: str, old: Account, step: Renewal) -> Word:
        books, new = self.books[name], step.period
        over = books.period.end is not None and books.period.end <= self.clock(books)
        known = (books.period.start, books.revision) == (old.period.start, old.revision)
        if not known or not over or new.start <= old.period.start:
            return Word.REPEAT
        self.sweep(name)
        spent = sum(books.used.values())
        books.spent += spent
        books.used.clear()
        books.period = new
        books.revision += step.terms != old.terms
        books.terms = step.terms
        self.begin(name, "renew", f"renew:{new.start}", step.included, spent=spent)
        self.roll_over(name, old.terms.rollover, step.rolls_until)
        return Word.DONE

    def roll_over(self, name: str, rule: Rollover | None, until: int | None) -> None:
        """Let a share of what was left of included credits live on."""
        books = self.books[name]
        rollable, books.rollable = books.rollable, 0
        if rule is None or (until is not None and until <= self.clock(books)):
            return
        share = rollable * rule.millionths // 1_000_000
        wanted = share if rule.cap is None else min(share, rule.cap)
        self.give(name, Lot(f"rollover:{books.period.start}", 0, 0, 9, until, 0, frozenset()), wanted)

    def grant(self, name: str, grant: Grant) -> tuple[Word, Balance | None]:
        books = self.books.get(name)
        if books is None:
            return Word.UNKNOWN, None
        now = self.clock(books)
        if grant.id in books.facts:
            same = books.facts[grant.id][1] == grant
            return (Word.REPEAT, self.balance(books)) if same else (Word.CONFLICT, None)
        if grant.expires_at is not None and grant.expires_at <= now:
            return Word.LATE, None
        if len(self.live(books)) >= 64 or self.granted(books) + grant.amount > LIMIT:
            return Word.CAPPED, None
        self.sweep(name)
        lot = Lot(grant.id, grant.amount, now, grant.priority, grant.expires_at, grant.cost_basis, grant.scope)
        books.facts[grant.id] = (lot, grant)
        if grant.amount:
            self.put(books, lot, grant.amount)
        books.granted += grant.amount
        books.period_granted += grant.amount
        self.enter(name, "grant", grant.id, grant.amount, grant=grant.id, amount=grant.amount)
        return Word.DONE, self.balance(books)

    def revoke(self, name: str, grant: str, op: str) -> Undone:
        books = self.books.get(name)
        if books is None:
            return Undone(word=Word.UNKNOWN)
        if grant not in books.facts:
            return Undone(word=Word.GONE)
        if grant in books.revoked:
            return Undone(word=Word.REPEAT, balance=self.balance(books))
        self.sweep(name)
        amount = sum(lot.left for lot in books.lots if lot.id == grant)
        books.lots = [lot for lot in books.lots if lot.id != grant]
        books.revoked.add(grant)
        books.taken_back += amount
        books.period_granted -= amount
        self.enter(name, "revoke", op, -amount, grant=grant, amount=amount)
        return Undone(word=Word.DONE, amount=Credits(amount), balance=self.balance(books))

    def set_status(self, name: str, status: Status, op: str) -> Word:
        return self.labelled(name, op, ("status", name, status), status=status)

    def set_terms(self, name: str, terms: Terms, op: str, end: int | None, moved: Proration | None = None) -> Word:
        refusal = self.moves_not(name, op, moved)
        if refusal is not None:
            return refusal
        word = self.labelled(name, op, ("terms", name))
        if word is Word.DONE:
            books = self.books[name]
            books.terms = terms
            books.revision += 1
            if moved is not None or books.period.end is None:
                books.period = Period(start=books.period.start, end=moved.end if moved else end)
            if moved is not None:
                self.move(name, op, moved)
        return word

    def set_limits(self, name: str, limits: Limits, op: str, key_hash: str | None = None) -> Word:
        level = name if key_hash is None else f"{KEY_LEVEL}:{key_hash}"
        word = self.labelled(name, op, ("limit", level, limits))
        if word is Word.DONE and limits == Limits():
            self.limited.pop(level, None)
        elif word is Word.DONE:
            self.limited.setdefault(level, Limited(limits)).limits = limits
        return word

    def moves_not(self, name: str, op: str, moved: Proration | None) -> Word | None:
        """Why credits can't move with new terms; None where they can, or where something else decides."""
        books = self.books.get(name)
        if moved is None or books is None or (root(name), op) in self.labels:
            return None
        if books.period.end is not None and books.period.end <= self.clock(books):
            return Word.LAPSED
        return None if (moved.revision, moved.start) == (books.revision, books.period.start) else Word.STALE

    def move(self, name: str, op: str, moved: Proration) -> None:
        """Take back of what is left of included credits, then give."""
        books, owed = self.books[name], moved.take
        for lot in self.live(books):
            part = min(owed, lot.left) if books.includes(lot) else 0
            if part:
                lot.left -= part
                owed -= part
                books.taken_back += part
                books.period_granted -= part
                self.enter(name, "reduce", op, -part, grant=lot.id, amount=part)
        books.lots = [lot for lot in books.lots if lot.left]
        given = f"period:{books.period.start}:{moved.revision}"
        self.give(name, Lot(given, 0, 0, 10, books.period.end, 0, frozenset()), moved.give - owed)

    def labelled(self, name: str, op: str, what: tuple, status: Status | None = None) -> Word:
        books = self.books.get(name)
        if books is None:
            return Word.UNKNOWN
        if (root(name), op) in self.labels:
            return Word.REPEAT if self.labels[root(name), op] == what else Word.CONFLICT
        self.sweep(name)
        books.status = status or books.status
        self.enter(name, what[0], op, 0)
        self.labels[root(name), op] = what
        return Word.DONE

    def epoch(self, books: Books) -> str:
        """In which each notice is told once: a period; where nothing resets, until credits are added."""
        if books.period.end is not None:
            return str(books.period.start)
        return f"0:{books.granted - books.overage}"

    def tell(self, name: str, notice: str, op: str, epoch: str) -> Word:
        books = self.books.get(name)
        if books is None:
            return Word.UNKNOWN
        if epoch != self.epoch(books):
            return Word.STALE
        if (epoch, notice) in books.told:
            return Word.REPEAT
        self.sweep(name)
        books.told = {one for one in books.told if one[0] == epoch} | {(epoch, notice)}
        self.enter(name, "alert", op, 0, notice=notice)
        return Word.DONE
