"""What a call would cost: ``quote`` in short, ``explain`` with the route, every step and every end of the call."""

from collections.abc import Callable
from typing import Annotated

import typer

from meter.cli.explaining import answer_object, coming_text, price_text, show_explanation
from meter.cli.options import Commitment, Json, Policies, settings
from meter.cli.policy_commands import read
from meter.cli.printing import show, show_json
from meter.cli.question import Answer, answer, question, request

Method = Annotated[str, typer.Argument(metavar="METHOD", help="The HTTP method, such as POST.")]
Target = Annotated[str, typer.Argument(metavar="PATH", help="The path, with its query string if it has one.")]
PlanName = Annotated[str | None, typer.Option("--plan", metavar="PLAN", help="The account's plan.")]
At = Annotated[str | None, typer.Option("--at", metavar="RFC3339", help="When the call arrives. Without: now.")]
Load = Annotated[str | None, typer.Option("--load", metavar="X", help="The load, such as 0.95. Without: none.")]
Query = Annotated[
    list[str] | None, typer.Option("--query", metavar="NAME=VALUE", help="A query parameter; may be repeated.")
]
Header = Annotated[
    list[str] | None, typer.Option("--header", metavar="'NAME: VALUE'", help="A header; may be repeated.")
]


def _asking(present: Callable[[Answer], None], description: str) -> Callable[..., None]:
    """Make a command that asks for one call's price, and presents the answer to people as it is told."""

    def command(
        method: Method,
        path: Target,
        *,
        plan: PlanName = None,
        commitment: Commitment = None,
        at: At = None,
        load: Load = None,
        query: Query = None,
        header: Header = None,
        policies: Policies = None,
        json: Json = False,
    ) -> None:
        here = settings(policies=policies, at=at, load=load)
        policy = read(here.policies)
        call = request(method, path, query or (), header or ())
        answered = answer(policy, question(here, policy, call, plan=plan, commitment=commitment))
        if json:
            show_json(answer_object(answered))
            return
        present(answered)

    command.__doc__ = description
    return command


def _show_quote(answered: Answer) -> None:
    show(f"{price_text(answered)} for {answered.quote.operation}")
    for step in answered.quote.trace:
        show(f"  {step}")
    if coming := coming_text(answered):
        show(f"  {coming}")


quote = _asking(_show_quote, "Price a call, and say how the price came about.")
explain = _asking(show_explanation, "Explain a price: the route, every step, and what each end of the call costs.")
