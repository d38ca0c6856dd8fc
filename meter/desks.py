"""The desks of our own, and the answers that are ours, made as the settings say."""

from collections.abc import Awaitable, Callable

from meter.gateway.account.api import AccountApi, Load
from meter.gateway.account.entries import Entries
from meter.gateway.answers import Answers
from meter.gateway.callers import Identify
from meter.gateway.clock import PricingClock
from meter.gateway.headers import CreditHeaders
from meter.gateway.operator.api import operator_desk
from meter.gateway.operator.books import Books
from meter.gateway.operator_api import Health, OperatorApi
from meter.gateway.tariff import TariffBoard
from meter.settings import Settings
from meter.till import Till


def answers_of(settings: Settings) -> Answers:
    """Make the answers that are ours, in the words of the settings."""
    return Answers(
        headers=CreditHeaders(prefix=settings.header_prefix, rate_limit=settings.ratelimit_headers),
        problems_url=settings.problems_url,
        billing_url=settings.billing_url,
        account_path=settings.account_path,
        exhausted_status=settings.exhausted_status,
    )


def account_api_of(
    settings: Settings, *, till: Till, ledger: Entries, identify: Identify, board: TariffBoard, load: Load
) -> AccountApi:
    """Make the account's own desk."""
    return AccountApi(
        path=settings.account_path,
        till=till,
        ledger=ledger,
        identify=identify,
        board=board,
        clock=PricingClock(settings.at),
        load=load,
        answers=answers_of(settings),
    )


def operator_api_of(
    settings: Settings, health: Callable[[], Awaitable[Health]], *, ledger: Books | None, board: TariffBoard
) -> OperatorApi:
    """Make the operator's desk, under the token of the settings; without the books, it knows how well we are."""
    answers, path = answers_of(settings), settings.operator_path
    return OperatorApi(
        path=path,
        token=settings.operator_token,
        health=health,
        desk=operator_desk(path=path, ledger=ledger, policy=lambda: board.tariff.policy, answers=answers)
        if ledger
        else None,
        answers=answers,
    )
