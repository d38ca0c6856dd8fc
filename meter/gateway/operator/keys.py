"""API keys: listed, made and revoked. A key is shown once, in the answer that makes it."""

from collections.abc import Sequence

from meter.gateway.account_view import moment_text
from meter.gateway.asgi import ASGIApp
from meter.gateway.desk import refusals
from meter.gateway.desk.asked import Asked
from meter.gateway.desk.endpoint import Endpoint
from meter.gateway.desk.shapes import many
from meter.gateway.operator.asked import KeyAsked, second
from meter.gateway.operator.books import Books
from meter.gateway.operator.shapes import KEY, MADE, data
from meter.gateway.operator.view import key_object
from meter.gateway.operator.work import Work
from meter.ledger.api_keys import ApiKey, new_key
from meter.ledger.ids import operation_id
from meter.ledger.promise import Word


class Keys:
    """The endpoints of API keys."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def endpoints(self) -> Sequence[Endpoint[Books]]:
        """What may be asked about keys."""
        return (
            Endpoint(
                method="GET",
                path="/accounts/{account}/keys",
                name="keys",
                summary="The API keys of an account, the oldest first: by their ids and hints.",
                answer=self._list,
                answers={200: ("The keys.", data(many(KEY)))},
                refusals=(404,),
            ),
            Endpoint(
                method="POST",
                path="/accounts/{account}/keys",
                name="make_key",
                summary="Make an API key, and show it: now, and never again.",
                answer=self._make,
                answers={201: ("The key.", data(MADE))},
                body=KeyAsked,
                refusals=(404, 413),
            ),
            Endpoint(
                method="DELETE",
                path="/accounts/{account}/keys/{key}",
                name="revoke_key",
                summary="Make a key unknown, from the next call on; again, it changes nothing and is fine.",
                answer=self._revoke,
                answers={200: ("The key.", data(KEY))},
                refusals=(404,),
            ),
        )

    async def _list(self, asked: Asked, books: Books) -> ASGIApp:
        account = asked.names["account"]
        if await books.find_account(account) is None:
            return self._work.nobody(account)
        return self._work.shown([key_object(key) for key in await books.keys_of(account)])

    async def _make(self, asked: Asked, books: Books) -> ASGIApp:
        account, wanted = asked.names["account"], await asked.body(KeyAsked)
        expires_at = second(wanted.expires_at)
        written = new_key(books.shard_of(account))
        key = ApiKey.parse(written)
        assert key is not None
        op = operation_id(books.now())
        word = await books.create_key(account, key_hash=key.hash, hint=key.hint, expires_at=expires_at, op=op)
        if word is Word.UNKNOWN:
            return self._work.nobody(account)
        shown = {"key": written, "id": key.hash, "hint": key.hint, "expires_at": moment_text(expires_at)}
        return self._work.shown({"account": account, **shown}, 201)

    async def _revoke(self, asked: Asked, books: Books) -> ASGIApp:
        account, wanted = asked.names["account"], asked.names["key"]
        if not any(key.key_hash == wanted for key in await books.keys_of(account)):
            return refusals.nothing_there(self._work.answers, f"Account {account!r} has no key of this id.")
        shard = books.shard_of(account)
        await books.revoke_key(shard, wanted, op=operation_id(books.now()))
        record = await books.find_key(shard, wanted)
        assert record is not None
        return self._work.shown(key_object(record))
