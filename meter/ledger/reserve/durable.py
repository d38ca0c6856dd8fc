"""Whether a folder survives: what is kept in memory is no place for what must not be forgotten."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
FORGETFUL = frozenset(("tmpfs", "ramfs"))

_ESCAPED = re.compile(r"\\([0-7]{3})")


def forgets(folder: Path, *, mounts: Path = MOUNTS) -> str | None:
    """Why a folder does not survive its machine; None where it does, or where that cannot be known."""
    kind = _kind(folder.resolve(), mounts)
    return f"{folder} is in memory ({kind}), which a crash of the machine takes" if kind in FORGETFUL else None


def _kind(folder: Path, mounts: Path) -> str:
    """The kind of file system that holds a folder (proc_pid_mountinfo(5)); empty where nobody says."""
    if not mounts.exists():
        return ""
    found = {_place(line): line.partition(" - ")[2].split(" ")[0] for line in mounts.read_text().splitlines()}
    return next((found[str(place)] for place in (folder, *folder.parents) if str(place) in found), "")


def _place(line: str) -> str:
    """Where a file system is mounted; spaces and the like are written as octal numbers."""
    return _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), line.split(" ")[4])
