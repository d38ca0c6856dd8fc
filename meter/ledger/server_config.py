"""The embedded server's configuration: all that its books depend on is said, and nothing of it left to defaults."""

from pathlib import Path

from meter.ledger.watcher import BOOKS, Place


def config(place: Place, maxmemory_bytes: int) -> str:
    """The text of the server's configuration file."""
    lines = (
        "port 0",
        f"unixsocket {_quoted(place.socket)}",
        "unixsocketperm 700",
        f"dir {_quoted(place.folder)}",
        "daemonize no",
        'save ""',
        "appendonly yes",
        f"appenddirname {BOOKS}",
        "appendfsync always",
        "no-appendfsync-on-rewrite no",
        # Another engine, or an older version, cannot read the binary preamble.
        "aof-use-rdb-preamble no",
        # A crash may tear the last command, which was never acknowledged.
        "aof-load-truncated yes",
        "maxmemory-policy noeviction",
        f"maxmemory {maxmemory_bytes}",
    )
    return "".join(f"{line}\n" for line in lines)


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
