"""The account's own API: its endpoints, and who may ask them."""

from typing import Annotated, Protocol
from urllib.parse import urlencode

import msgspec

from meter.gateway.account import shapes
from meter.gateway.account.buckets import Buckets
from meter.gateway.account.entries import Entries, Page, csv_text, entry_object, page
from meter.gateway.account.prices import PriceList
from meter.gateway.account.quoting import Described, quote_object, request_of
from meter.gateway.account.usage import usage_object
from meter.gateway.account_view import credits_object, json_text
from meter.gateway.answers import Answers
from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.callers import Identify, Undecided, Unidentified, unknown
from meter.gateway.clock import PricingClock
from meter.gateway.desk import refusals
from meter.gateway.desk.asked import Asked, mounted_at
from meter.gateway.desk.endpoint import Desk, Endpoint, Turned
from meter.gateway.desk.openapi import Api
from meter.gateway.desk.shapes import TEXT, many, maybe, record
from meter.gateway.tariff import Tariff, TariffBoard
from meter.ledger.promise import Statement
from meter.policy.identity import IdentityRule
from meter.pricing.conditions import Conditions, LoadReading
from meter.pricing.match import Ambiguous, Matched
from meter.pricing.terms import conditions_of
from meter.till import Caller, Till

COUNT_MAX = 1_000
CSV = "text/csv; charset=utf-8; header=present"

Count = Annotated[int, msgspec.Meta(ge=1, le=COUNT_MAX)]


class Paged(msgspec.Struct, forbid_unknown_fields=True):
    """Which page."""

    count: Annotated[Count, msgspec.Meta(description="How many entries to give at most.")] = 100
    cursor: Annotated[
        str,
        msgspec.Meta(pattern=r"^([0-9]{1,16}-[0-9]{1,16})?$", description="What came with the page before as `next`."),
    ] = ""


class Load(Protocol):
    """How loaded the service is."""

    def reading(self) -> LoadReading:
        """What was published last."""
        ...


class AccountApi:
    """Answers an account about itself."""

    def __init__(
        self,
        *,
        path: str,
        till: Till,
        ledger: Entries,
        identify: Identify,
        board: TariffBoard,
        clock: PricingClock,
        load: Load,
        answers: Answers,
        buckets: Buckets | None = None,
    ) -> None:
        self._path = path
        self._till = till
        self._ledger = ledger
        self._identify = identify
        self._board = board
        self._clock = clock
        self._load = load
        self._answers = answers
        self._buckets = buckets or Buckets()
        self._desks: dict[IdentityRule, Desk[Statement]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HTTP; nothing else is routed here."""
        await (await self._desk().answer(scope, receive))(scope, receive, send)

    def _desk(self) -> Desk[Statement]:
        """The desk under the rule by which callers are identified now: its document says where the key goes."""
        rule = self._tariff.policy.identity
        desk = self._desks.get(rule)
        if desk is None:
            api = Api(
                title="Credits",
                schemes=schemes(rule),
                refusals=(400, 401, 429, 503),
                open=True,
                nameless=rule.anonymous is not None,
            )
            desk = Desk(path=self._path, api=api, endpoints=self._endpoints(), answers=self._answers, admit=self._admit)
            self._desks = {rule: desk}
        return desk

    def _endpoints(self) -> tuple[Endpoint[Statement], ...]:
        return (
            Endpoint(
                method="GET",
                path="",
                name="credits",
                summary="What the account has in this period: granted = consumed + reserved + remaining.",
                answer=self._credits,
                answers={200: ("How it stands.", shapes.data(record("payer", **shapes.CREDITS, payer=TEXT)))},
            ),
            Endpoint(
                method="GET",
                path="/usage",
                name="usage",
                summary="What was used in this period, by operation and by day.",
                answer=self._usage,
                answers={200: ("What was used; the days are whole from `days_since` on.", shapes.data(shapes.USAGE))},
                cost=30,
            ),
            Endpoint(
                method="GET",
                path="/prices",
                name="prices",
                summary="What each operation costs now, what makes it so, and when that changes.",
                answer=self._prices,
                answers={200: ("The prices.", shapes.data(shapes.PRICES))},
                cost=3,
            ),
            Endpoint(
                method="GET",
                path="/ledger",
                name="ledger",
                summary="The entries of the account, the newest first; a page may be short and still have a next one.",
                answer=self._page,
                answers={200: ("A page.", shapes.data(many(shapes.ENTRY), next=maybe(TEXT)))},
                query=Paged,
                cost=10,
            ),
            Endpoint(
                method="GET",
                path="/ledger.csv",
                name="ledger_csv",
                summary="The same as CSV; the next page is in the header Link.",
                answer=self._csv,
                answers={200: ("A page.", CSV)},
                query=Paged,
                cost=10,
            ),
            Endpoint(
                method="POST",
                path="/quote",
                name="quote",
                summary="What a request would cost now; nothing is taken.",
                answer=self._quote,
                answers={200: ("Its price.", shapes.data(shapes.QUOTE))},
                body=Described,
                refusals=(404, 413),
            ),
        )

    @property
    def _tariff(self) -> Tariff:
        return self._board.tariff

    async def _admit(self, scope: Scope, cost: int) -> Statement | Turned:
        """Find the account that asks, unless it asks too often."""
        caller = await self._identify(scope, self._tariff.policy.identity)
        match caller:
            case Unidentified(reason=reason):
                return Turned(self._answers.unauthenticated(reason))
            case Undecided():
                return Turned(refusals.identity_unavailable(self._answers))
        account = await self._till.account(caller)
        seconds = 0 if account is None else self._buckets.take(account.id, cost)
        if seconds:
            return Turned(refusals.too_many(self._answers, seconds))
        return await self._statement(caller)

    async def _statement(self, caller: Caller) -> Statement | Turned:
        found = await self._till.statement(caller)
        return Turned(self._answers.unauthenticated(unknown(caller).reason)) if found is None else found

    async def _credits(self, _: Asked, account: Statement) -> ASGIApp:
        """What an account can spend: a member can spend what its payer has."""
        payer = account.account.terms.payer
        paying = None if payer is None else await self._till.statement(Caller(account=payer))
        if paying is None:
            return self._shown(credits_object(account))
        return self._shown({**credits_object(paying), "account": account.account.id, "payer": payer})

    async def _usage(self, _: Asked, account: Statement) -> ASGIApp:
        return self._shown(await usage_object(self._ledger, account, self._tariff.policy.operations))

    async def _prices(self, _: Asked, account: Statement) -> ASGIApp:
        return self._shown(PriceList(policy=self._tariff.policy, conditions=self._conditions(account)).shown())

    async def _page(self, asked: Asked, account: Statement) -> ASGIApp:
        found = await self._entries(asked, account)
        shown = [entry_object(place, entry) for place, entry in found.entries]
        return self._answers.json(json_text({"data": shown, "next": found.following}))

    async def _csv(self, asked: Asked, account: Statement) -> ASGIApp:
        found = await self._entries(asked, account)
        query = {"count": asked.query(Paged).count, "cursor": found.following}
        here = f"{mounted_at(asked.scope)}{self._path}/ledger.csv?{urlencode(query)}"
        link = f'<{here}>; rel="next"' if found.following else None
        return self._answers.plain(csv_text(found), CSV, link=link)

    async def _entries(self, asked: Asked, account: Statement) -> Page:
        wanted = asked.query(Paged)
        return await page(self._ledger, account.account.id, wanted.cursor, count=wanted.count)

    async def _quote(self, asked: Asked, account: Statement) -> ASGIApp:
        described, tariff = await asked.body(Described), self._tariff
        request = request_of(described)
        match tariff.matcher.match(request):
            case Matched() as matched:
                conditions = self._conditions(account)
                return self._shown(quote_object(matched, described, conditions, tariff.policy.version, account))
            case Ambiguous(reason=reason):
                return self._answers.ambiguous_path(reason)
            case _:
                return self._answers.no_price(request.method, request.path)

    def _conditions(self, account: Statement) -> Conditions:
        terms, moment = account.account.terms, self._clock.moment()
        return conditions_of(terms, moment=moment, load=self._load.reading(), drill=self._clock.drill)

    def _shown(self, value: object) -> ASGIApp:
        return self._answers.json(json_text({"data": value}))


def schemes(rule: IdentityRule) -> dict[str, object]:
    """Where a request carries its key, in the words of OpenAPI."""
    found: dict[str, object] = {}
    if rule.header:
        found["key"] = {"type": "apiKey", "in": "header", "name": rule.header}
    if rule.bearer or rule.jwt:
        found["bearer"] = {"type": "http", "scheme": "bearer"}
    return found
