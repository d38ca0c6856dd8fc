"""Reading accounts and holds exactly as they are stored, for an audit; nothing is written, and no call waits for it."""

from collections.abc import Mapping, Sequence

from meter.ledger import names, records, scripts
from meter.ledger.audit.stored import FIELDS, HoldsStored, Stored, hold_stored, stored
from meter.ledger.limits import Level
from meter.ledger.promise import Word
from meter.ledger.shards import Shards


class Inspection(Shards):
    """What an audit asks the store."""

    async def stored(self, account: str) -> Stored | None:
        """An account as it is stored, and the place in its shard's stream that made it so; None where there is none.

        Raises:
            Unreadable: a field is not what a script would write.
        """
        shard = self.shard_of(account)
        keys = (names.account_key(shard, account), names.used_key(shard, account), names.ledger_key(shard))
        answer, parts = await self._store.ask_list(
            scripts.AUDIT, keys, (self._store.tag(), account, ",".join(FIELDS)), aside=True
        )
        return None if answer.word is Word.UNKNOWN else stored(account, answer.rest, parts)

    async def grants_stored(self, account: str, ids: Sequence[str]) -> Mapping[str, str]:
        """The facts of grants that an account has or had, as they are stored, without the second of their creation."""
        names.check_account_id(account)
        keys = (names.account_key(self.shard_of(account), account),)
        _, facts = await self._store.ask_list(scripts.GRANTS, keys, (self._store.tag(), account, *ids), aside=True)
        return {one: text.partition(" ")[2] for one, text in zip(ids, facts, strict=True) if text}

    async def levels_stored(self, root: str) -> tuple[str, Mapping[str, Level]]:
        """The limits of a root and of all below it, and the place in the stream that made them so."""
        shard = self.shard_of(root)
        keys, args = (names.limits_key(shard, root), names.ledger_key(shard)), (self._store.tag(), root)
        answer, parts = await self._store.ask_list(scripts.LIMITS, keys, args, aside=True)
        read = zip(parts[::2], parts[1::2], strict=True)
        return answer.rest, {name: records.level(name, text) for name, text in read}

    async def holds_stored(self, shard: int, members: Sequence[str]) -> HoldsStored:
        """What is stored of operations, each given as ``account|op``."""
        keys = [names.holds_key(shard), names.ledger_key(shard)]
        keys += [names.op_key(shard, member.partition("|")[2]) for member in members]
        args = (self._store.tag(), str(shard), *members)
        answer, parts = await self._store.ask_list(scripts.AUDIT_HOLDS, keys, args, aside=True)
        read = zip(members, parts[::2], parts[1::2], strict=True)
        return HoldsStored(position=answer.rest, now=answer.now, holds=tuple(hold_stored(*one) for one in read))
