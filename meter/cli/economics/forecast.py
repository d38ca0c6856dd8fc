"""``meter forecast``: where a period's use leads, how sure that is, and when the credits run out."""

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meter.cli.options import Data, Json, Redis
from meter.cli.printing import say, show_json
from meter.credits import MICRO, parse
from meter.economics.exact import EconomicsError
from meter.economics.forecast.consumption import A_DAY, Consumed, Use, use_of
from meter.ledger.names import check_account_id
from meter.sheets.consumed import consumed
from meter.sheets.extra import needed

if TYPE_CHECKING:
    from meter.economics.forecast.projection import Projection

Account = Annotated[
    str | None,
    typer.Argument(
        metavar="[ACCOUNT]",
        help="The account's id. With --use: whose calls of the files; without, all of them.",
        callback=lambda written: written and (check_account_id(written) or written),
        show_default=False,
    ),
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--use",
        metavar="FILE",
        help="A table of days (date, credits, perhaps operation), or calls: a table, or exported ledger files.",
    ),
]
Day = Annotated[
    int | None, typer.Option("--day", min=0, help="How many days are over. Without: up to the last day of the files.")
]
Limit = Annotated[str | None, typer.Option("--limit", metavar="CREDITS", help="The credits that there are, or none.")]
Dates = Annotated[
    str | None,
    typer.Option(
        "--period",
        metavar="FROM..TO",
        help="The period, such as 2026-11-01..2026-12-01; TO is the day after it. Without: the last day's month.",
    ),
]


def forecast(
    account: Account = None,
    *,
    use: Files = None,
    day: Day = None,
    limit: Limit = None,
    period: Dates = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Project a period's use to its end, with 10, 50 and 90 %, and say when the credits run out.

    Of an account its own books are asked, in its zone's days; of --use the files, in days of UTC.
    """
    for library in ("numpy", "scipy"):
        needed(library)
    from meter.cli.economics.forecast_view import projection_object, show_projection  # noqa: PLC0415 - with numpy
    from meter.economics.forecast.projection import project  # noqa: PLC0415

    if use:
        known = _in_files(use, account, day=day, limit=limit, period=period)
    else:
        _refuse_for_books({"--day": day, "--limit": limit, "--period": period})
        known = _in_books(account, redis, data)
    found: Projection = project(known)
    if json:
        show_json({"account": account, **projection_object(found)})
        return
    show_projection(found, account)


def _refuse_for_books(given: dict[str, object]) -> None:
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter("An account's books say it; it is for files, with --use.", param_hint=name)


def _in_books(account: str | None, redis: str | None, data: Path | None) -> Use:
    if account is None:
        raise typer.BadParameter("Name an account, or files with --use.", param_hint="ACCOUNT")
    from meter.cli.economics.look_back import use_in_books  # noqa: PLC0415 - the engine takes long to import
    from meter.cli.store import ask  # noqa: PLC0415

    return ask(lambda ledger: use_in_books(ledger, account), redis=redis, data=data)


def _in_files(files: list[Path], account: str | None, *, day: int | None, limit: str | None, period: str | None) -> Use:
    found = consumed(files, account=account)
    if len(found.accounts) > 1:
        say(f"The calls of {len(found.accounts)} accounts are taken together; name an account for its own.")
    start, end = _dates(period) if period else _month(found.consumed)
    last = max(when for when, _ in found.consumed)
    known = use_of(
        found.consumed,
        start=start,
        end=end,
        elapsed=day if day is not None else _over(last, start, end),
        limit=None if limit in {None, "none"} else _limit(str(limit)),
    )
    later = sum(1 for when in {when for when, _ in found.consumed} if when >= known.today)
    if later:
        say(f"{later} later days of the files are not looked at.")
    return known


def _over(last: date, start: date, end: date) -> int:
    """How many days of a period are over when the files end; none of them where they end with the day before it."""
    if start < end and not start <= last + A_DAY <= end:
        raise EconomicsError(f"The last day of the files, {last}, is not in {start}..{end}; name the day with --day.")
    return (last + A_DAY - start).days


def _limit(written: str) -> Fraction:
    amount = Fraction(parse(written), MICRO)
    if not amount:
        raise EconomicsError("Nothing is a share of a limit of 0; name a limit above 0, or none.")
    return amount


def _dates(written: str) -> tuple[date, date]:
    try:
        start, end = map(date.fromisoformat, written.split(".."))
    except ValueError as error:
        raise typer.BadParameter(
            f"{written[:40]!r} is no period; write two dates as 2026-11-01..2026-12-01.", param_hint="--period"
        ) from error
    return start, end


def _month(found: Consumed) -> tuple[date, date]:
    """The calendar month of the last day."""
    last = max(when for when, _ in found)
    following = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    return last.replace(day=1), following
