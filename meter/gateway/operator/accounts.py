"""Accounts: listed, opened, read, suspended, resumed, and put on other terms."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec

from meter.credits import text
from meter.gateway.account.entries import page
from meter.gateway.asgi import ASGIApp
from meter.gateway.desk.asked import Asked
from meter.gateway.desk.endpoint import Endpoint
from meter.gateway.desk.shapes import TEXT, many, maybe
from meter.gateway.operator.asked import AccountAsked, TermsAsked, same_terms, terms_asked
from meter.gateway.operator.books import Books
from meter.gateway.operator.shapes import ACCOUNT, ENTRY, data
from meter.gateway.operator.view import account_object, operator_entry_object
from meter.gateway.operator.work import Work
from meter.ledger.ids import operation_id
from meter.ledger.promise import Statement, Status, Word
from meter.pricing.terms import with_pin_of

ACCOUNTS_MAX = 200
ENTRIES_MAX = 1_000


class AccountsPaged(msgspec.Struct, forbid_unknown_fields=True):
    """Which page of accounts."""

    count: Annotated[int, msgspec.Meta(ge=1, le=ACCOUNTS_MAX)] = 100
    cursor: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{1,5}:[A-Za-z0-9._/-]{0,260})?$")] = ""


class EntriesPaged(msgspec.Struct, forbid_unknown_fields=True):
    """Which page of entries."""

    count: Annotated[int, msgspec.Meta(ge=1, le=ENTRIES_MAX)] = 100
    cursor: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{1,16}-[0-9]{1,16})?$")] = ""


class Accounts:
    """The endpoints of accounts."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def endpoints(self) -> Sequence[Endpoint[Books]]:
        """What may be asked about accounts."""
        one = {200: ("The account.", data(ACCOUNT))}
        return (
            Endpoint(
                method="GET",
                path="/accounts",
                name="accounts",
                summary="A page of accounts.",
                answer=self._list,
                answers={
                    200: ("A page; `next` is the cursor of the one after it.", data(many(ACCOUNT), next=maybe(TEXT)))
                },
                query=AccountsPaged,
            ),
            Endpoint(
                method="POST",
                path="/accounts",
                name="open_account",
                summary="Open an account on a plan; again on the same terms, it changes nothing and is fine.",
                answer=self._open,
                answers={201: ("It is open.", data(ACCOUNT)), 200: ("It was open on these terms.", data(ACCOUNT))},
                body=AccountAsked,
                refusals=(409, 413),
            ),
            Endpoint(
                method="GET",
                path="/accounts/{account}",
                name="account",
                summary="One account: its balance, its grants, and what it used in this period.",
                answer=self._read,
                answers=one,
                refusals=(404,),
            ),
            Endpoint(
                method="PUT",
                path="/accounts/{account}/terms",
                name="set_terms",
                summary="Put an account on other terms, from its next charge on; what they include comes next period.",
                answer=self._set_terms,
                answers=one,
                body=TermsAsked,
                refusals=(404, 413),
            ),
            Endpoint(
                method="POST",
                path="/accounts/{account}/suspend",
                name="suspend",
                summary="Let an account spend nothing, from its next call on.",
                answer=self._suspend,
                answers=one,
                refusals=(404,),
            ),
            Endpoint(
                method="POST",
                path="/accounts/{account}/resume",
                name="resume",
                summary="Let a suspended account spend again.",
                answer=self._resume,
                answers=one,
                refusals=(404,),
            ),
            Endpoint(
                method="GET",
                path="/accounts/{account}/ledger",
                name="account_ledger",
                summary="An account's entries with their actors, newest first; a page may be short and have a next.",
                answer=self._entries,
                answers={200: ("A page.", data(many(ENTRY), next=maybe(TEXT)))},
                query=EntriesPaged,
                refusals=(404,),
            ),
        )

    async def _list(self, asked: Asked, books: Books) -> ASGIApp:
        wanted = asked.query(AccountsPaged)
        following, names = await books.accounts(wanted.cursor, count=wanted.count)
        found = await asyncio.gather(*map(self._work.statement, names))
        return self._work.shown([account_object(one) for one in found if one is not None], next=following or None)

    async def _open(self, asked: Asked, books: Books) -> ASGIApp:
        wanted = await asked.body(AccountAsked)
        terms = terms_asked(self._work.policy(), wanted, now=books.now())
        word, there = await books.open_account(wanted.account, terms, op=f"open:{wanted.account}"[:256])
        if word is not Word.DONE and not same_terms(there.terms, terms):
            return self._work.conflict(
                f"Account {there.id!r} exists already, on plan {there.terms.plan!r} in {there.terms.zone} with a "
                f"commitment of {text(there.terms.commitment)}; nothing was changed."
            )
        return await self._shown(wanted.account, 201 if word is Word.DONE else 200)

    async def _read(self, asked: Asked, _: Books) -> ASGIApp:
        return await self._shown(asked.names["account"])

    async def _set_terms(self, asked: Asked, books: Books) -> ASGIApp:
        account = asked.names["account"]
        wanted = terms_asked(self._work.policy(), await asked.body(TermsAsked), now=books.now())
        found = await books.find_account(account)
        if found is None:
            return self._work.nobody(account)
        terms = with_pin_of(found.terms, wanted)
        if found.terms != terms:
            await books.set_terms(account, terms, op=operation_id(books.now()))
        return await self._shown(account)

    async def _suspend(self, asked: Asked, books: Books) -> ASGIApp:
        return await self._with_status(asked.names["account"], Status.SUSPENDED, books)

    async def _resume(self, asked: Asked, books: Books) -> ASGIApp:
        return await self._with_status(asked.names["account"], Status.ACTIVE, books)

    async def _with_status(self, account: str, status: Status, books: Books) -> ASGIApp:
        """Set a status, unless it is that already: so a retry is no second entry."""
        found = await self._work.statement(account)
        if found is not None and found.status is not status:
            await books.set_status(account, status, op=operation_id(books.now()))
        return await self._shown(account)

    async def _entries(self, asked: Asked, books: Books) -> ASGIApp:
        account, wanted = asked.names["account"], asked.query(EntriesPaged)
        if await books.find_account(account) is None:
            return self._work.nobody(account)
        found = await page(books, account, wanted.cursor, count=wanted.count)
        shown = [operator_entry_object(place, entry) for place, entry in found.entries]
        return self._work.shown(shown, next=found.following)

    async def _shown(self, account: str, status: int = 200) -> ASGIApp:
        found: Statement | None = await self._work.statement(account)
        return self._work.nobody(account) if found is None else self._work.shown(account_object(found), status)
