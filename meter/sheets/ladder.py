"""A ladder of one's own in a file: its steps in order, with commas, spaces or lines between; ``#`` starts a comment."""

from pathlib import Path

from meter.economics.exact import EconomicsError, parse
from meter.economics.table.ladders import Ladder, own
from meter.sheets.rows import SheetError

BYTES_MAX = 64 * 1024


def ladder_file(path: Path) -> Ladder:
    """Read a ladder.

    Raises:
        SheetError: a line holds no number, the steps are no ladder, or it is no text of 64 KiB at most.
        OSError: it can't be read.
    """
    steps = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        try:
            steps += [parse(word) for word in line.partition("#")[0].replace(",", " ").split()]
        except EconomicsError as error:
            raise SheetError(f"{path}:{number}: {error}") from error
    try:
        return own(steps, path.name)
    except EconomicsError as error:
        raise SheetError(f"{path}: {error}") from error


def _text(path: Path) -> str:
    with path.open("rb") as opened:
        read = opened.read(BYTES_MAX + 1)
    if len(read) > BYTES_MAX:
        raise SheetError(f"{path}: it has more than {BYTES_MAX} bytes, and is no ladder; write numbers such as 1,3,10.")
    try:
        return read.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SheetError(f"{path}: byte {error.start} is not UTF-8; write numbers such as 1,3,10.") from error
