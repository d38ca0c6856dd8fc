"""What options of the economics take: a value that is none of these is a wrong use of the command."""

from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

import typer

from meter.economics.exact import EconomicsError, parse, parse_share

T = TypeVar("T")


def asked(option: str, written: str, read: Callable[[str], T]) -> T:
    """Read what an option was given.

    Raises:
        typer.BadParameter: ``read`` refuses it.
    """
    try:
        return read(written)
    except EconomicsError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def amount(option: str, written: str) -> Fraction:
    """A number of at least zero; errors as of ``asked``."""
    number = asked(option, written, parse)
    if number < 0:
        raise typer.BadParameter(f"{written} is less than 0; correct it.", param_hint=option)
    return number


def margin(option: str, written: str) -> Fraction:
    """A margin that can be aimed at, ``0.7`` or ``70%``; errors as of ``asked``."""
    share = asked(option, written, parse_share)
    if not 0 <= share < 1:
        raise typer.BadParameter(f"{written} is no margin; write a share from 0 to below 1.", param_hint=option)
    return share
