"""An issuer's keys (RFC 7517): read from a file or a URL, kept, and read again when a token names one that is new.

Whoever can send tokens can make up names of keys; so they cause one reading a minute, however many they send.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

log = logging.getLogger("meter")

BYTES_MAX = 262_144
"""How long a key set may be."""
READ_SECONDS_MAX = 2.0
"""How long a reading may take."""
FRESH_SECONDS = 600
"""After which keys are read again, so that one which its issuer has withdrawn is believed no longer than that."""
KEPT_SECONDS = 3600
"""How long keys are believed that can't be read again."""
AGAIN_SECONDS = 60
"""Between two readings, where there are keys."""
RETRY_SECONDS = 1
"""Between two readings, where there are none."""

Jwk = Mapping[str, Any]
Fetch = Callable[[], Awaitable[bytes]]
"""Gives the text of a key set; raises ``KeysUnavailable`` and nothing else."""


class KeysUnavailable(Exception):
    """The keys can't be read; the message is a sentence for the operator."""


class KeySet:
    """The keys of one issuer."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Sequence[Jwk] = ()
        self._read_at = self._tried_at = float("-inf")
        self._trouble: str | None = None
        self._reading: asyncio.Task[None] | None = None

    async def named(self, kid: str | None) -> Sequence[Jwk]:
        """The keys of a name; without a name the only key, where there is but one.

        Raises:
            KeysUnavailable: nobody can tell, since the keys can't be read.
        """
        if self._age > FRESH_SECONDS:
            await self._refresh()
        if not self._found(kid):
            await self._refresh()
        found = self._found(kid)
        if self._trouble is not None and not found:
            raise KeysUnavailable(self._trouble)
        return found

    @property
    def _age(self) -> float:
        return self._clock() - self._read_at

    def _found(self, kid: str | None) -> Sequence[Jwk]:
        if self._age > KEPT_SECONDS:
            return ()
        if kid is None:
            return self._keys if len(self._keys) == 1 else ()
        return [key for key in self._keys if key.get("kid") == kid]

    async def _refresh(self) -> None:
        """Read the keys again, unless that was done a moment ago; all who wait, wait for one reading."""
        reading = self._reading
        if reading is None or reading.done() or reading.get_loop() is not asyncio.get_running_loop():
            pause = AGAIN_SECONDS if self._age <= KEPT_SECONDS else RETRY_SECONDS
            if self._clock() - self._tried_at < pause:
                return
            self._tried_at = self._clock()
            reading = self._reading = asyncio.create_task(self._read())
        await asyncio.shield(reading)

    async def _read(self) -> None:
        try:
            self._keys = signing_keys(await self._fetch())
            self._read_at, self._trouble = self._clock(), None
        except KeysUnavailable as error:
            self._trouble = str(error)
            log.warning("%s", error)


def fetch_of(place: str, folder: Path) -> Fetch:
    """What reads a key set: from a URL, or from a file, which a relative name has in ``folder``."""

    async def fetched() -> bytes:
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                text = await (_downloaded(place) if "://" in place else asyncio.to_thread(_beginning, folder / place))
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            what = str(error) or type(error).__name__
            raise KeysUnavailable(f"The keys of tokens can't be read from {place}: {what}.") from error
        if len(text) > BYTES_MAX:
            raise KeysUnavailable(f"The keys of tokens at {place} are longer than {BYTES_MAX} bytes.")
        return text

    return fetched


def signing_keys(text: bytes) -> Sequence[Jwk]:
    """The keys of a set that may sign.

    Raises:
        KeysUnavailable: the text is no key set, or has none of them.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KeysUnavailable("The keys of tokens are not a JSON text.") from error
    keys = document.get("keys") if isinstance(document, dict) else None
    found = [key for key in keys if isinstance(key, dict) and _signs(key)] if isinstance(keys, list) else []
    if not found:
        raise KeysUnavailable("The key set of tokens has no key that signs.")
    return found


def _signs(key: Jwk) -> bool:
    operations = key.get("key_ops")
    return key.get("use", "sig") == "sig" and (not isinstance(operations, list) or "verify" in operations)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES_MAX + 1)


async def _downloaded(url: str) -> bytes:
    """The body at a URL, of which nobody reads more than a key set may have; redirects lead nowhere."""
    text = b""
    async with (
        httpx.AsyncClient(timeout=READ_SECONDS_MAX, trust_env=False, follow_redirects=False) as client,
        client.stream("GET", url, headers={"accept": "application/json"}) as answer,
    ):
        if not answer.is_success:
            raise httpx.HTTPError(f"it answers {answer.status_code}")
        async for chunk in answer.aiter_bytes(65_536):
            text += chunk
            if len(text) > BYTES_MAX:
                break
    return text
