"""A worker that puts undos on its list as fast as it can, and says which of them are on disk."""

import asyncio
import sys
from pathlib import Path

from meter.ledger.undo import Undo, UndoKind, UndoList


async def add(undos: UndoList, number: int) -> None:
    await undos.add(Undo(kind=UndoKind.VOID, account="acme", op=f"{sys.argv[2]}-{number}"))
    sys.stdout.write(f"{sys.argv[2]}-{number}\n")
    sys.stdout.flush()


async def main() -> None:
    undos = UndoList(Path(sys.argv[1]))
    for turn in range(1000):
        await asyncio.gather(*(add(undos, turn * 9 + number) for number in range(9)))


asyncio.run(main())
