"""A store whose power can be cut: it loses all that it had written and not synced.

``kill -9`` alone proves nothing about syncing, for what was written lives on in the system's page cache. So a small
library before the server's own calls notes how long each file was when it was last synced, and a cut shortens the files
to that.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.house import Store

SOURCE = r"""
extern void *dlsym(void *, const char *);
extern long lseek(int, long, int), write(int, const void *, unsigned long);
extern long readlink(const char *, char *, unsigned long);
extern int open(const char *, int, ...), close(int), snprintf(char *, unsigned long, const char *, ...);
extern char *getenv(const char *);

static int noted(int fd, const char *call) {
    int (*real)(int) = (int (*)(int)) dlsym((void *) -1L, call);
    long size = lseek(fd, 0, 2);
    int failed = real(fd);
    const char *log = getenv("METER_SYNC_LOG");
    if (failed || !log || size < 0) return failed;
    char link[64], path[512], line[600];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = readlink(link, path, sizeof path - 1);
    if (length < 0) return failed;
    path[length] = 0;
    int out = open(log, 02001 | 0100, 0600);
    if (out >= 0) { write(out, line, snprintf(line, sizeof line, "%ld %s\n", size, path)); close(out); }
    return failed;
}
int fdatasync(int fd) { return noted(fd, "fdatasync"); }
int fsync(int fd) { return noted(fd, "fsync"); }
"""


def compiler() -> str | None:
    """The C compiler of this machine."""
    return shutil.which("cc") or shutil.which("gcc")


@dataclass(slots=True, kw_only=True)
class PoweredStore(Store):
    """A store whose power can be cut."""

    def __post_init__(self) -> None:
        cc = compiler()
        assert cc is not None, "No C compiler found; install gcc."
        source, library = self.folder / "synced.c", self.folder / "synced.so"
        source.write_text(SOURCE)
        subprocess.run([cc, "-shared", "-fPIC", "-nostdlib", "-w", "-o", library, source], check=True)
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "METER_SYNC_LOG": str(self.log)}
        self.options = (*self.options, "--auto-aof-rewrite-percentage", "0")

    @property
    def log(self) -> Path:
        return self.folder / "synced.log"

    def start(self) -> None:
        """Start, or start again on the same books: what is there by then is safe."""
        self.log.write_text("".join(f"{path.stat().st_size} {path}\n" for path in self._files()))
        Store.start(self)

    def cut_power(self) -> int:
        """End it, and forget what it had not synced; how many bytes those were. It is to be started again."""
        self.kill()
        synced: dict[str, int] = {}
        for line in self.log.read_text().splitlines():
            size, _, path = line.partition(" ")
            synced[Path(path).name] = int(size)
        return sum(_shortened(path, synced.get(path.name, 0)) for path in self._files())

    def _files(self) -> list[Path]:
        return list(self.folder.glob("**/*.incr.aof"))


def _shortened(path: Path, size: int) -> int:
    lost = path.stat().st_size - size
    os.truncate(path, size)
    return lost
