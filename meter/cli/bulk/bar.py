"""A bar that shows how far something is: on a terminal, and nowhere else."""

import sys
import time
from typing import Self

FRAME_SECONDS = 0.1


class Bar:
    """Shows progress on standard error, for as long as the block runs."""

    def __init__(self, title: str, *, total: int | None) -> None:
        """Take the whole, in whatever is counted; None where it is not known."""
        from rich.console import Console  # noqa: PLC0415 - half of the time that a command takes to start
        from rich.progress import (  # noqa: PLC0415  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        many = () if total is not None else (MofNCompleteColumn(),)
        columns = (TextColumn("{task.description}"), BarColumn(), *many, TaskProgressColumn(), TimeRemainingColumn())
        console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self._progress = Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())
        self._task = self._progress.add_task(title, total=total)
        self._next = 0.0

    def __enter__(self) -> Self:
        """Show it."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._progress.stop()

    def at(self, done: int) -> None:
        """Show that so much is done; called as often as one likes."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + FRAME_SECONDS
            self._progress.update(self._task, completed=done)
