"""All accounts, a page at a time, as lines that can be imported elsewhere."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlencode

from meter.gateway.account_view import json_text
from meter.gateway.asgi import ASGIApp
from meter.gateway.desk.asked import Asked, mounted_at
from meter.gateway.desk.endpoint import Endpoint
from meter.gateway.operator.accounts import AccountsPaged
from meter.gateway.operator.books import Books
from meter.gateway.operator.portable import line_object
from meter.gateway.operator.work import Work

JSON_LINES = "application/jsonl"


class Export:
    """The endpoint that exports accounts."""

    def __init__(self, work: Work, path: str) -> None:
        self._work = work
        self._path = path

    def endpoints(self) -> Sequence[Endpoint[Books]]:
        """What may be asked."""
        return (
            Endpoint(
                method="GET",
                path="/export",
                name="export",
                summary="A page of accounts with their grants as JSON lines; the next page is in the header Link.",
                answer=self._export,
                answers={200: ("A line an account.", JSON_LINES)},
                query=AccountsPaged,
            ),
        )

    async def _export(self, asked: Asked, books: Books) -> ASGIApp:
        wanted = asked.query(AccountsPaged)
        following, names = await books.accounts(wanted.cursor, count=wanted.count)
        found = await asyncio.gather(*map(self._work.statement, names))
        lines = b"".join(json_text(line_object(one)) + b"\n" for one in found if one is not None)
        query = urlencode({"count": wanted.count, "cursor": following})
        link = f'<{mounted_at(asked.scope)}{self._path}/export?{query}>; rel="next"' if following else None
        return self._work.answers.plain(lines, JSON_LINES, link=link)
