"""A store whose power can be cut, whose disk can be full, and whose clock can jump.

``kill -9`` alone proves nothing about syncing, for what was written lives on in the system's page cache. So a small
library before the server's own calls notes how long each file was when it was last synced, and a cut shortens the files
to that. The same library adds to the wall clock what a shared page says, and fails a write to the append-only file
half-way while that page says that the disk is full.
"""

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.house import Store

SOURCE = r"""
extern void *dlsym(void *, const char *);
extern long lseek(int, long, int);
extern long readlink(const char *, char *, unsigned long);
extern int open(const char *, int, ...), close(int), snprintf(char *, unsigned long, const char *, ...);
extern char *getenv(const char *), *strstr(const char *, const char *);
extern void *mmap(void *, unsigned long, int, int, int, long);
extern int *__errno_location(void);

/* Seconds that the clock is ahead, and whether the disk is full. */
static volatile long nothing[2], *page = nothing;
static long (*real_write)(int, const void *, unsigned long);
static int (*real_gettimeofday)(long *, void *), (*real_clock_gettime)(int, long *);

__attribute__((constructor)) static void begin(void) {
    real_write = (long (*)(int, const void *, unsigned long)) dlsym((void *) -1L, "write");
    real_gettimeofday = (int (*)(long *, void *)) dlsym((void *) -1L, "gettimeofday");
    real_clock_gettime = (int (*)(int, long *)) dlsym((void *) -1L, "clock_gettime");
    int fd = open(getenv("METER_FATE_PAGE"), 0);
    void *mapped = mmap(0, sizeof nothing, 1, 1, fd, 0);
    if (mapped != (void *) -1L) page = mapped;
}

static int is_books(int fd) {
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, ".incr.aof") != 0;
}
long write(int fd, const void *bytes, unsigned long count) {
    if (!page[1] || !is_books(fd)) return real_write(fd, bytes, count);
    if (count > 1) return real_write(fd, bytes, count / 2);
    *__errno_location() = 28;
    return -1;
}
int gettimeofday(long *now, void *zone) {
    int failed = real_gettimeofday(now, zone);
    if (now) *now += page[0];
    return failed;
}
int clock_gettime(int clock, long *now) {
    int failed = real_clock_gettime(clock, now);
    if (clock == 0) *now += page[0];
    return failed;
}

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
    if (out >= 0) { real_write(out, line, snprintf(line, sizeof line, "%ld %s\n", size, path)); close(out); }
    return failed;
}
int fdatasync(int fd) { return noted(fd, "fdatasync"); }
int fsync(int fd) { return noted(fd, "fsync"); }
"""


END_SECONDS_MAX = 30


def compiler() -> str | None:
    """The C compiler of this machine."""
    return shutil.which("cc") or shutil.which("gcc")


@dataclass(slots=True, kw_only=True)
class FatedStore(Store):
    """A store that can be struck by more than signals."""

    ahead_seconds: int = 0
    """How far its wall clock is from this machine's."""

    def __post_init__(self) -> None:
        cc = compiler()
        assert cc is not None, "No C compiler found; install gcc."
        source, library, page = (self.folder / name for name in ("fate.c", "fate.so", "fate.page"))
        source.write_text(SOURCE)
        subprocess.run([cc, "-shared", "-fPIC", "-nostdlib", "-w", "-o", library, source], check=True)
        own = {"LD_PRELOAD": str(library), "METER_SYNC_LOG": str(self.log), "METER_FATE_PAGE": str(page)}
        self.environment = {**os.environ, **own}
        self.write_page(full=False)
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

    def fill_disk(self) -> None:
        """Let writes fail half-way until it ends, as it must; it is to be started again, on a disk with room."""
        assert self.process is not None
        self.write_page(full=True)
        try:
            self.process.wait(END_SECONDS_MAX)
        finally:
            self.write_page(full=False)

    def jump(self, seconds: int) -> None:
        """Move its wall clock by so much."""
        self.ahead_seconds += seconds
        self.write_page(full=False)

    def write_page(self, *, full: bool) -> None:
        """Say how the clock and the disk are, in place: the server has the page mapped."""
        with os.fdopen(os.open(self.folder / "fate.page", os.O_RDWR | os.O_CREAT, 0o600), "wb") as page:
            page.write(struct.pack("@ll", self.ahead_seconds, full))

    def _files(self) -> list[Path]:
        return list(self.folder.glob("**/*.incr.aof"))


def _shortened(path: Path, size: int) -> int:
    lost = path.stat().st_size - size
    os.truncate(path, size)
    return lost
