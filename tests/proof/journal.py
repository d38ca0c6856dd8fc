"""What one client process meant to do and what it was told, line by line: what is written survives its ``kill -9``."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Fate(StrEnum):
    """What is known of one step."""

    BEGUN = "begun"
    """It may have been done: nobody was told yet."""
    DONE = "done"
    REFUSED = "refused"
    """The ledger said that nothing was changed."""
    UNKNOWN = "unknown"
    """No reply came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step of one operation, before it or after it."""

    fate: Fate
    kind: str
    account: str
    op: str
    amount: int = 0


class Journal:
    """The journal of one process."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, fate: Fate, kind: str, account: str, op: str, amount: int = 0) -> None:
        line = Line(fate=fate, kind=kind, account=account, op=op, amount=amount)
        os.write(self._descriptor, json.dumps(asdict(line)).encode() + b"\n")


def read(path: Path) -> Iterator[Line]:
    """All lines but a torn one."""
    for text in path.read_bytes().split(b"\n")[:-1]:
        written = json.loads(text)
        yield Line(**(written | {"fate": Fate(written["fate"])}))
