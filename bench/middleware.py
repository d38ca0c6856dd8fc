"""What metering adds to a request: CPU time of the server process, variant by variant, in one session.

    python bench/middleware.py [--rounds 5] [--requests 10000] [--json]

Every variant is its own uvicorn process on one processor; the client and the Redis server are on the other. The
figure is the server process's own CPU time (user and system, from ``/proc``), so it does not depend on how fast the
client is. Rounds go through all variants in turn; each is compared with its bare app in the same round, and the
medians of the rounds are printed. Traffic stays on the loopback address.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

BARE = {"meter": "bare", "naive": "bare", "slowapi": "bare", "fastapi-limiter": "bare-fastapi"}
ORDER = ("bare", "bare-fastapi", *BARE)
CONNECTIONS = 64
REQUEST = b"GET /v1/items/7 HTTP/1.1\r\nHost: localhost\r\n\r\n"
TICKS = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def pinned(processor: int, command: list[str]) -> list[str]:
    return ["taskset", "-c", str(processor), *command]


def wait_for(port: int) -> None:
    give_up = time.monotonic() + READY_SECONDS
    while time.monotonic() < give_up:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"The server on port {port} did not start within {READY_SECONDS} s.")


@contextmanager
def process(command: list[str], **environment: str) -> Iterator[int]:
    """Run a process, and end it."""
    running = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        yield running.pid
    finally:
        running.terminate()
        running.wait(timeout=10)


async def ask(port: int, requests: int) -> None:
    """Send requests over one kept-alive connection; every answer must be a 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(requests):
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"Not a 200: {head[:200]!r}")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
    writer.close()


async def load(port: int, requests: int) -> None:
    await asyncio.gather(*(ask(port, requests // CONNECTIONS) for _ in range(CONNECTIONS)))


def measured(port: int, pid: int, requests: int) -> float:
    """CPU microseconds a request."""
    before = cpu_seconds(pid)
    asyncio.run(load(port, requests))
    return (cpu_seconds(pid) - before) / (requests // CONNECTIONS * CONNECTIONS) * 1e6


def run(rounds: int, requests: int) -> dict[str, list[float]]:
    """Measure every variant in every round."""
    with ExitStack() as stack:
        servers = started(stack)
        os.sched_setaffinity(0, {1})
        for port, pid in servers.values():
            measured(port, pid, 1000)
        figures: dict[str, list[float]] = {name: [] for name in ORDER}
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for name, (port, pid) in servers.items():
                figures[name].append(measured(port, pid, requests))
        return figures


def started(stack: ExitStack) -> dict[str, tuple[int, int]]:
    """Start the store and every variant; port and process id of each."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    store = f"{folder}/s"
    options = ["--port", "0", "--unixsocket", store, "--dir", folder, "--save", "", "--maxmemory-policy", "noeviction"]
    durable = ["--appendonly", "yes", "--appendfsync", "everysec"]
    stack.enter_context(process(pinned(1, [server_binary(), *options, *durable])))
    servers = {name: server(stack, name, store, folder) for name in ORDER}
    for port, _ in servers.values():
        wait_for(port)
    return servers


def server(stack: ExitStack, name: str, store: str, folder: str) -> tuple[int, int]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "variants:create", "--port", str(port)]
    quiet = ["--log-level", "warning", "--no-access-log", "--app-dir", str(Path(__file__).parent)]
    environment = {"BENCH_VARIANT": name, "BENCH_SOCKET": store, "METER_DATA": folder}
    return port, stack.enter_context(process(pinned(0, command + quiet), **environment))


def server_binary() -> str:
    from meter.ledger.embedded import find_binary

    return str(find_binary())


def summary(figures: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Medians in microseconds a request: all of it, what the variant adds, and that against what ``naive`` adds."""
    added = {name: statistics.median(map(float.__sub__, figures[name], figures[BARE[name]])) for name in BARE}
    return {
        name: {
            "total_us": round(statistics.median(figures[name]), 1),
            **(
                {"added_us": round(added[name], 1), "of_naive": round(added[name] / added["naive"], 3)}
                if name in added
                else {}
            ),
        }
        for name in ORDER
    }


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--requests", type=int, default=10000)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    rows = summary(run(given.rounds, given.requests))
    if given.json:
        print(json.dumps(rows))
        return
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} processors")
    print(f"{'variant':<18}{'CPU µs a request':>18}{'added µs':>12}{'of naive':>12}")
    for name, row in rows.items():
        print(f"{name:<18}{row['total_us']:>18}{row.get('added_us', ''):>12}{row.get('of_naive', ''):>12}")


if __name__ == "__main__":
    main()
