"""Grants: listed, given and taken back; each once, by its id."""

from collections.abc import Sequence

from meter.credits import text
from meter.gateway.account_view import number
from meter.gateway.asgi import ASGIApp
from meter.gateway.desk import refusals
from meter.gateway.desk.asked import Asked
from meter.gateway.desk.endpoint import Endpoint
from meter.gateway.desk.shapes import many
from meter.gateway.operator.asked import GrantAsked, grant_asked
from meter.gateway.operator.books import Books
from meter.gateway.operator.shapes import GRANT, GRANTED, REVOKED, data
from meter.gateway.operator.view import operator_grant_object
from meter.gateway.operator.work import Work
from meter.ledger.promise import Balance, Grant, Word


class Grants:
    """The endpoints of grants."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def endpoints(self) -> Sequence[Endpoint[Books]]:
        """What may be asked about grants."""
        return (
            Endpoint(
                method="GET",
                path="/accounts/{account}/grants",
                name="grants",
                summary="The grants of an account that have not expired and hold something, in their burn order.",
                answer=self._list,
                answers={200: ("The grants.", data(many(GRANT)))},
                refusals=(404,),
            ),
            Endpoint(
                method="POST",
                path="/accounts/{account}/grants",
                name="grant",
                summary="Give credits, once by their id; other facts under an id that was used are a conflict.",
                answer=self._grant,
                answers={201: ("They were given.", data(GRANTED)), 200: ("They had been given.", data(GRANTED))},
                body=GrantAsked,
                refusals=(404, 409, 413),
            ),
            Endpoint(
                method="DELETE",
                path="/accounts/{account}/grants/{grant}",
                name="revoke_grant",
                summary="Take back what is left of a grant; again, it changes nothing and is fine.",
                answer=self._revoke,
                answers={200: ("What was taken back.", data(REVOKED))},
                refusals=(404,),
            ),
        )

    async def _list(self, asked: Asked, _: Books) -> ASGIApp:
        account = asked.names["account"]
        found = await self._work.statement(account)
        if found is None:
            return self._work.nobody(account)
        return self._work.shown([operator_grant_object(live) for live in found.grants])

    async def _grant(self, asked: Asked, books: Books) -> ASGIApp:
        account, grant = asked.names["account"], grant_asked(await asked.body(GrantAsked))
        word, balance = await books.grant(account, grant)
        match word, balance:
            case ((Word.DONE | Word.REPEAT), Balance(remaining=remaining)):
                done = word is Word.DONE
                shown = {
                    "id": grant.id,
                    "credits": number(grant.amount),
                    "granted": done,
                    "remaining": number(remaining),
                }
                return self._work.shown({"account": account, **shown}, 201 if done else 200)
            case Word.UNKNOWN, _:
                return self._work.nobody(account)
            case _:
                return self._work.conflict(not_granted(account, grant, word))

    async def _revoke(self, asked: Asked, books: Books) -> ASGIApp:
        account, grant = asked.names["account"], asked.names["grant"]
        undone = await books.revoke(account, grant, op=f"revoke:{grant}")
        match undone.word:
            case Word.DONE | Word.REPEAT:
                done = undone.word is Word.DONE
                shown = {"account": account, "id": grant, "credits": number(undone.amount), "revoked": done}
                return self._work.shown(shown)
            case Word.UNKNOWN:
                return self._work.nobody(account)
            case _:
                detail = f"Account {account!r} never had a grant {grant[:80]!r}."
                return refusals.nothing_there(self._work.answers, detail)


def not_granted(account: str, grant: Grant, word: Word) -> str:
    """Say why a grant was not given."""
    match word:
        case Word.CONFLICT:
            return f"Grant {grant.id!r} of account {account!r} was made with other facts; give this one another id."
        case Word.LATE:
            return f"Grant {grant.id!r} would have expired already; give it a later end."
        case _:
            return (
                f"Account {account!r} cannot take {text(grant.amount)} credits more ({word}): it has 64 live grants, "
                "or would hold more than an amount can be."
            )
