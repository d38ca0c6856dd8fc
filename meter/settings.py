"""Where things are: the environment and flags become one frozen ``Settings``.

One rule names everything: the field ``data`` is ``METER_DATA`` in the environment and ``--data`` on the command line.
A flag wins over the environment, the environment over the default. Whoever adds a field adds its reader to ``_READ``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from meter.notices.receiver import receiver_secrets, receiver_url

TOKEN_CHARACTERS_MIN = 32
"""A shorter operator's token could be guessed."""

_STORE_SCHEMES = ("redis", "rediss", "unix", "memory")
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class SettingsError(ValueError):
    """A setting that cannot be; the message is a sentence with its name, the value and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that ``meter`` knows of the place where it runs."""

    redis: str | None = field(default=None, repr=False)
    """The store's URL (``redis:``, ``rediss:``, ``unix:``, ``memory:``; with ``?cluster=true``, or nodes separated by
    commas, a cluster; with ``?replicas=N``, replicas are waited for). None: a server of our own, in ``data``."""
    data: Path = Path(".meter")
    """The folder of the embedded server and of what must survive a restart."""
    policies: Path = Path("policies")
    """The policy file, or the folder of policy files."""

    upstream: str | None = None
    """The URL of the server behind the gateway."""
    host: str = "127.0.0.1"
    """The address that the gateway listens on."""
    port: int = 8000
    """The port that the gateway listens on; 0 takes a free one."""
    workers: int = 1
    """Processes that serve."""
    load: Fraction | None = None
    """A drill: the load, fixed by hand."""
    at: datetime | None = None
    """A drill: the moment at which calls are priced, fixed by hand. The ledger's clock is never faked."""

    open_accounts: str | None = None
    """The plan on which an unknown account is opened. None refuses it."""
    operator_token: str | None = field(default=None, repr=False)
    """Opens ``operator_path``; at least 32 characters. None keeps it shut, but for health."""
    account_path: str = "/credits"
    """Where an account reads its own balance."""
    operator_path: str = "/_meter"
    """Where the operator's answers live."""
    header_prefix: str = "X-Credits-"
    """What the names of the credits headers begin with."""
    ratelimit_headers: bool = True
    """Whether answers carry ``RateLimit`` and ``RateLimit-Policy``."""
    exhausted_status: int = 402
    """The HTTP status of a refusal for want of credits."""
    problems_url: str = "/problems"
    """What the types of our problem answers begin with."""
    billing_url: str | None = None
    """Where an account can buy credits: the 402's ``Link`` of relation ``payment``."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose ``X-Forwarded-*`` headers are believed, separated by commas."""
    access_log: bool = True
    """Whether the gateway writes one JSON line a request."""

    head_seconds: float = 10.0
    """From the first byte of a request's head to its last."""
    body_idle_seconds: float = 30.0
    """Between two pieces of a request's body."""
    keep_alive_seconds: float = 60.0
    """Between two requests of one connection, and the longest pause of a reader of an answer."""
    drain_seconds: float = 30.0
    """For running calls to end after SIGTERM."""
    upstream_connect_seconds: float = 5.0
    """To connect to the upstream."""
    upstream_answer_seconds: float = 60.0
    """From a request's end to the first byte of the upstream's answer, and between two pieces of it."""
    head_bytes_max: int = 65_536
    """A request's line and headers."""
    body_bytes_max: int = 67_108_864
    """A request's body."""
    message_bytes_max: int = 1_048_576
    """One message of a WebSocket, either way."""

    webhook_url: str | None = field(default=None, repr=False)
    """Where alerts and requests for purchases go, with ``webhook_secret``. None: alerts are in the ledger alone."""
    webhook_secret: tuple[str, ...] = field(default=(), repr=False)
    """What webhooks are signed with, as ``whsec_`` and base64; several, separated by commas, while one is replaced."""

    ledger_keep_bytes: int | None = None
    """What the ledger's entries may take in the store; older ones move to files in ``data``. None: 268435456 in
    ``meter serve``, and in a wrapped app nobody moves them."""
    store_bytes_max: int = 1_073_741_824
    """The embedded server's ``maxmemory``."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot go together."""
        if (self.webhook_url is None) is not (self.webhook_secret == ()):
            names = f"{variable('webhook_url')} and {variable('webhook_secret')}"
            raise SettingsError(f"{names} belong together, for a webhook is signed; set both, or none.")

    @property
    def archive(self) -> Path:
        """The folder to which the ledger's entries are exported, where no other is named."""
        return self.data / "archive"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], **flags: str | Path | None) -> "Settings":
        """Read every setting: from its flag, else from ``METER_<NAME>``, else its default.

        Raises:
            SettingsError: a value is not what its setting takes.
        """
        read: dict[str, Any] = {name: _setting(name, flags.get(name), environ) for name in _READ.keys() | flags.keys()}
        return cls(**{name: value for name, value in read.items() if value is not None})


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"METER_{name.upper()}"


def flag(name: str) -> str:
    """The command line's flag of a setting."""
    return f"--{name.replace('_', '-')}"


def moment(written: str) -> datetime:
    """Read a moment as RFC 3339 writes it: date, time and offset.

    Raises:
        ValueError: it is anything else.
    """
    return datetime.fromisoformat(_checked(written, _MOMENT.fullmatch(written)))


def load(written: str) -> Fraction:
    """Read a load: a plain number, exactly.

    Raises:
        ValueError: it is anything else.
    """
    return Fraction(_checked(written, _NUMBER.fullmatch(written)))


@dataclass(frozen=True, slots=True)
class _Reader:
    read: Callable[[str], object]
    """Turns what was written into the value, or raises ``ValueError``."""
    takes: str
    """The fix: what the setting takes."""
    secret: bool = False
    """What was written is never repeated in a message."""


def _setting(name: str, flagged: str | Path | None, environ: Mapping[str, str]) -> object:
    written = environ.get(variable(name)) if flagged is None else str(flagged)
    if not written:
        return None
    reader = _READ[name]
    try:
        return reader.read(written)
    except ValueError as error:
        source = variable(name) if flagged is None else flag(name)
        shown = "malformed" if reader.secret else repr(written[:80])
        raise SettingsError(f"{source} is {shown}; it takes {reader.takes}.") from error


def _checked(written: str, fine: object) -> str:
    if not fine:
        raise ValueError
    return written


def _store_url(written: str) -> str:
    url = urlsplit(written)
    place = url.netloc or url.path or url.scheme == "memory"
    nodes = url.netloc.rpartition("@")[2].split(",")
    return _checked(written, url.scheme in _STORE_SCHEMES and place and (nodes == [""] or all(map(_is_node, nodes))))


def _is_node(written: str) -> bool:
    node = urlsplit(f"//{written}")
    return node.hostname is not None and node.port != 0


def _upstream_url(written: str) -> str:
    url = urlsplit(written)
    plain = url.hostname and url.port != 0 and "@" not in url.netloc and "?" not in written and "#" not in written
    return _checked(written, url.scheme in ("http", "https") and plain and url.path in ("", "/")).rstrip("/")


def _addresses(written: str) -> tuple[str, ...]:
    return tuple(str(ip_network(one.strip(), strict=False)) for one in written.split(","))


def _seconds(written: str) -> float:
    return float(_checked(written, _NUMBER.fullmatch(written) and Fraction(written) > 0))


def _switch(written: str) -> bool:
    return _checked(written, written in ("on", "off")) == "on"


def _shaped(pattern: str, takes: str, *, secret: bool = False) -> _Reader:
    shape = re.compile(pattern, re.ASCII)
    return _Reader(lambda written: _checked(written, shape.fullmatch(written)), takes, secret)


def _whole(least: int, most: int, unit: str) -> _Reader:
    def read(written: str) -> int:
        return int(_checked(written, _WHOLE.fullmatch(written) and least <= int(written) <= most))

    return _Reader(read, f"a whole number{unit} from {least} to {most}")


_SWITCH = _Reader(_switch, "on or off")
_DURATION = _Reader(_seconds, "seconds above 0, as a plain number such as 10 or 0.5")
_PATH = _shaped(r"(?:/[A-Za-z0-9._-]+)+", "an absolute path of letters, digits and . _ - such as /credits")
_LINK = _shaped(r"[!#-;=?-Z\[\]_a-z~]{1,500}", "a URL, escaped as in a link")
_BYTES = _whole(1024, 2**50, " of bytes")

_READ: Mapping[str, _Reader] = {
    "redis": _Reader(
        _store_url, "the URL of a store such as redis://127.0.0.1:6379/0 or redis://a:7000,b:7000", secret=True
    ),
    "data": _Reader(Path, "a folder"),
    "policies": _Reader(Path, "a policy file or a folder of them"),
    "upstream": _Reader(_upstream_url, "a URL such as http://127.0.0.1:9000, without user, path, query or fragment"),
    "host": _shaped(r"[A-Za-z0-9.:_-]{1,255}", "an address or a host name such as 127.0.0.1"),
    "port": _whole(0, 65_535, ""),
    "workers": _whole(1, 256, ""),
    "load": _Reader(load, "a plain number such as 0.95"),
    "at": _Reader(moment, "a moment with its offset such as 2026-11-01T03:00:00Z"),
    "open_accounts": _shaped(r"[A-Za-z0-9._-]{1,64}", "the name of a plan"),
    "operator_token": _shaped(
        rf"[!-~]{{{TOKEN_CHARACTERS_MIN},512}}",
        f"at least {TOKEN_CHARACTERS_MIN} printable characters without spaces",
        secret=True,
    ),
    "account_path": _PATH,
    "operator_path": _PATH,
    "header_prefix": _shaped(r"[A-Za-z][A-Za-z0-9-]{0,38}-", "letters, digits and hyphens, with a hyphen at the end"),
    "ratelimit_headers": _SWITCH,
    "exhausted_status": _whole(400, 499, ""),
    "problems_url": _LINK,
    "billing_url": _LINK,
    "trusted_proxies": _Reader(_addresses, "addresses or networks separated by commas, such as 10.0.0.0/8,::1"),
    "access_log": _SWITCH,
    "head_seconds": _DURATION,
    "body_idle_seconds": _DURATION,
    "keep_alive_seconds": _DURATION,
    "drain_seconds": _DURATION,
    "upstream_connect_seconds": _DURATION,
    "upstream_answer_seconds": _DURATION,
    "head_bytes_max": _whole(1024, 2**20, " of bytes"),
    "body_bytes_max": _BYTES,
    "message_bytes_max": _whole(1024, 2**30, " of bytes"),
    "webhook_url": _Reader(receiver_url, "a URL such as https://example.com/hooks, without user", secret=True),
    "webhook_secret": _Reader(
        receiver_secrets, "secrets of 24 to 64 bytes, each as whsec_ and base64, separated by commas", secret=True
    ),
    "ledger_keep_bytes": _BYTES,
    "store_bytes_max": _BYTES,
}
