"""Reads policy files from the disk, and watches them: the only module of ``policy`` that does input or output."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

from watchfiles import awatch

from meter.policy.compile import Source, compile_policy
from meter.policy.mistakes import Mistake, PolicyError
from meter.policy.model import Policy
from meter.policy.reading import FILE_BYTES_MAX, beginning, too_long

FILES_MAX = 64
FOLDER_BYTES_MAX = 1024 * 1024

LOOK_MS = 1000
"""The files are looked at so often even where the system reports no change, as on network disks and in containers."""

SETTLE_MS = 400
"""A row of changes is taken together for at most so long."""

Seen = tuple[tuple[str, int, int, int], ...]
"""The files of a policy with inode, size and time of change."""


_SUFFIXES = frozenset({".yaml", ".yml"})


def load(path: Path) -> Policy:
    """Read one policy: a file, or a folder's own ``*.yaml`` and ``*.yml`` in the order of their names.

    Raises:
        PolicyError: with every mistake of every file; also where there is nothing to read.
    """
    read = [_read(file) for file in _files(path)]
    sources = [source for source in read if isinstance(source, Source)]
    mistakes = [mistake for mistake in read if isinstance(mistake, Mistake)]
    if sum(len(source.text.encode()) for source in sources) > FOLDER_BYTES_MAX:
        raise PolicyError([_too_much(path, f"more than {FOLDER_BYTES_MAX // 1024} KiB")])
    return compile_policy(sources, unread=mistakes)


async def changes(
    path: Path, stop: asyncio.Event, *, known: Policy | None = None
) -> AsyncGenerator[Policy | PolicyError, None]:
    """Yield the policy, or what is wrong with it, each time that its meaning changes, within two seconds.

    Args:
        path: what ``load`` was given.
        stop: ends the iteration once it is set; set too when the iteration is cancelled.
        known: what the caller has; without it, what the files say when the iteration begins.
    """
    seen = await asyncio.to_thread(_seen, path)
    meaning = known.version if known else _meaning(await asyncio.to_thread(_state, path))
    async with aclosing(_reports(path, stop)) as reports:
        async for reported in reports:
            now = await asyncio.to_thread(_seen, path)
            if now == seen and not reported and known is None:
                continue
            state = await asyncio.to_thread(_state, path)
            if now != await asyncio.to_thread(_seen, path):
                continue  # Somebody is still writing: the next look tells.
            seen, known = now, None
            if _meaning(state) != meaning:
                meaning = _meaning(state)
                yield state


async def _reports(path: Path, stop: asyncio.Event) -> AsyncGenerator[bool, None]:
    """Yield True when the system reports that a policy file changed, and False each ``LOOK_MS`` in which it doesn't."""
    while not stop.is_set():
        try:
            async for changed in awatch(
                path,
                watch_filter=None,
                debounce=SETTLE_MS,
                stop_event=stop,
                rust_timeout=LOOK_MS,
                yield_on_timeout=True,
                recursive=False,
            ):
                yield any(Path(name).suffix in _SUFFIXES for _, name in changed)
        except (OSError, RuntimeError):
            # There is no such path (yet), or the system has no watch to give: looking still works.
            await _pause(stop)
            yield False


async def _pause(stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_MS // 1000):
            await stop.wait()


def _state(path: Path) -> Policy | PolicyError:
    try:
        return load(path)
    except PolicyError as error:
        return error


def _meaning(state: Policy | PolicyError) -> str:
    return state.version if isinstance(state, Policy) else str(state)


def _seen(path: Path) -> Seen:
    with suppress(PolicyError, OSError):
        facts = [(str(file), file.stat()) for file in _files(path)]
        return tuple((name, fact.st_ino, fact.st_size, fact.st_mtime_ns) for name, fact in facts)
    return ()


def _files(path: Path) -> list[Path]:
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [file for file in files if file == path or _is_policy(file)]
    except OSError as error:
        raise PolicyError([_mistake(path, f"it can't be read ({error.strerror})", "let meter read it.")]) from error
    if not found:
        raise PolicyError([_mistake(path, "the folder holds no *.yaml file", "put a policy file into it.")])
    if len(found) > FILES_MAX:
        raise PolicyError([_too_much(path, f"{len(found)} files, more than {FILES_MAX}")])
    return found


def _is_policy(file: Path) -> bool:
    return file.suffix in _SUFFIXES and not file.name.startswith(".") and file.is_file()


def _read(file: Path) -> Source | Mistake:
    """A file's text, with no more than the limit of its bytes ever read."""
    try:
        with file.open("rb") as opened:
            held = opened.read(FILE_BYTES_MAX + 1)
        if len(held) > FILE_BYTES_MAX:
            return too_long(str(file))
        return Source(file=str(file), text=held.decode("utf-8"))
    except FileNotFoundError:
        return _mistake(file, "there is no such file or folder", "name a policy file, or a folder of them.")
    except OSError as error:
        return _mistake(file, f"it can't be read ({error.strerror})", "let meter read it.")
    except UnicodeDecodeError as error:
        return _mistake(file, f"byte {error.start} is not UTF-8", "save the file as UTF-8.")


def _too_much(path: Path, what: str) -> Mistake:
    return _mistake(path, f"the folder holds {what}", "merge or shorten its files.")


def _mistake(path: Path, problem: str, fix: str) -> Mistake:
    return Mistake(place=beginning(str(path)), problem=problem, fix=fix)
