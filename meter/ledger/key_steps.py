"""API keys, and the limits of accounts and keys, in Redis or Valkey: one script a step."""

import asyncio
from collections.abc import Sequence

from meter.ledger import names, records, scripts
from meter.ledger.limits import Level, Limits
from meter.ledger.promise import KeyRecord, Word
from meter.ledger.scripts import Script
from meter.ledger.shards import Shards


class KeySteps(Shards):
    """What is asked of keys and of limits."""

    _actor: tuple[str, ...] = ()
    """Who asks for changes, as the last argument of their steps, where that is known."""

    async def create_key(
        self,
        account: str,
        *,
        key_hash: str,
        hint: str,
        expires_at: int | None,
        op: str,
        operations: Sequence[str] = (),
    ) -> Word:
        """Store a key's hash in its account's slot."""
        for operation in operations:
            names.check_operation(operation.removesuffix("*"))
        args = (key_hash, hint, str(expires_at or 0), ",".join(operations) or "-")
        return await self._key_step(scripts.KEY_CREATE, account, op, (key_hash,), *args)

    async def rotate_key(
        self, account: str, key_hash: str, *, new_hash: str, hint: str, overlap_seconds: int, op: str
    ) -> Word:
        """Put a new key in the place of one, which lives on for some seconds; both are one to every limit."""
        args = (new_hash, hint, str(overlap_seconds))
        return await self._key_step(scripts.KEY_ROTATE, account, op, (key_hash, new_hash), *args)

    async def revoke_key(self, shard: int, key_hash: str, *, op: str) -> Word:
        """Make a key unknown from the next charge on."""
        names.check_label(op)
        keys = (names.api_key_key(shard, key_hash), names.ledger_key(shard))
        return (await self._store.ask(scripts.KEY_REVOKE, keys, (op, str(shard), *self._actor))).word

    async def find_key(self, shard: int, key_hash: str) -> KeyRecord | None:
        """The record of a key: a hint only; the charge decides."""
        args = (self._store.tag(), str(shard))
        answer = await self._store.ask(scripts.KEY, (names.api_key_key(shard, key_hash),), args)
        return None if answer.word is Word.UNKNOWN else records.key(key_hash, answer.rest)

    async def keys_of(self, account: str) -> tuple[KeyRecord, ...]:
        """All keys of an account, the oldest first."""
        names.check_account_id(account)
        shard = self.shard_of(account)
        keys = (names.api_keys_key(shard, account),)
        _, hashes = await self._store.ask_list(scripts.KEYS, keys, (self._store.tag(), account))
        found = await asyncio.gather(*(self.find_key(shard, key_hash) for key_hash in hashes))
        return tuple(sorted((key for key in found if key), key=lambda key: (key.created_at, key.key_hash)))

    async def set_limits(self, account: str, limits: Limits, *, op: str, key_hash: str | None = None) -> Word:
        """Set or take away what may be drawn at an account, or by an API key of it and those that it was rotated to."""
        names.check_account_id(account)
        names.check_label(op)
        shard, level = self.shard_of(account), account
        if key_hash is not None:
            key = await self.find_key(shard, key_hash)
            if key is None or key.account != account:
                return Word.UNKNOWN
            level = key.level
        keys = (
            names.account_key(shard, account),
            names.op_key(shard, op),
            names.ledger_key(shard),
            names.limits_key(shard, account),
        )
        args = (op, account, level, *records.caps(limits), *self._actor)
        return (await self._store.ask(scripts.LIMIT, keys, args)).word

    async def levels(self, account: str, *, aside: bool = False) -> tuple[Level, ...]:
        """All levels that have limits, of the account's root and of all below it, keys last."""
        names.check_account_id(account)
        shard = self.shard_of(account)
        keys, args = (names.limits_key(shard, account), names.ledger_key(shard)), (self._store.tag(), account)
        _, parts = await self._store.ask_list(scripts.LIMITS, keys, args, aside=aside)
        found = [records.level(name, text) for name, text in zip(parts[::2], parts[1::2], strict=True)]
        return tuple(sorted(found, key=lambda level: (":" in level.name, level.name)))

    async def _key_step(self, script: Script, account: str, op: str, hashes: tuple[str, ...], *args: str) -> Word:
        names.check_account_id(account)
        names.check_label(op)
        shard = self.shard_of(account)
        keys = (
            names.account_key(shard, account),
            *(names.api_key_key(shard, key_hash) for key_hash in hashes),
            names.api_keys_key(shard, account),
            names.ledger_key(shard),
        )
        return (await self._store.ask(script, keys, (op, account, *args, *self._actor))).word
