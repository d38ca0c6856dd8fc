"""The plan of an account: changed at once, or when its period ends."""

from collections.abc import Sequence

from meter.gateway.asgi import ASGIApp
from meter.gateway.desk.asked import Asked
from meter.gateway.desk.endpoint import Endpoint
from meter.gateway.desk.shapes import AMOUNT, FLAG, MOMENT, TEXT, maybe, record
from meter.gateway.operator.asked import PlanAsked, plan_of
from meter.gateway.operator.books import Books
from meter.gateway.operator.shapes import data
from meter.gateway.operator.view import change_object
from meter.gateway.operator.work import Work
from meter.ledger.changing import change_plan

CHANGE = record(
    account=TEXT, before=TEXT, plan=TEXT, changes=FLAG, at=maybe(MOMENT), given=AMOUNT, taken_back=AMOUNT, dry_run=FLAG
)


class Plans:
    """The endpoint of an account's plan."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def endpoints(self) -> Sequence[Endpoint[Books]]:
        """What may be asked about the plan of an account."""
        return (
            Endpoint(
                method="PUT",
                path="/accounts/{account}/plan",
                name="change_plan",
                summary="Put an account on a plan, or on what its plan says by now; again, it changes nothing.",
                answer=self._change,
                answers={200: ("What changes; at once where `at` is null.", data(CHANGE))},
                body=PlanAsked,
                refusals=(404, 413),
            ),
        )

    async def _change(self, asked: Asked, books: Books) -> ASGIApp:
        account, wanted = asked.names["account"], await asked.body(PlanAsked)
        plan = plan_of(self._work.policy().plans, wanted.plan)
        made = await change_plan(books, account, plan, when=wanted.when, dry_run=wanted.dry_run)
        if made is None:
            return self._work.nobody(account)
        return self._work.shown({**change_object(made), "dry_run": wanted.dry_run})
