"""The entries that both have written, compared as they come."""

import json

from meter.ledger.names import shard_of
from tests.ledger.machine.steps import ACCOUNTS, Steps

AMOUNTS = ("delta", "after", "amount", "overage", "spent", "held", "back", "extra", "asked")
FACTS = ("grant", "operation", "of", "entry", "until", "by", "owner", "lease", "seq", "path", "limits", "notice")


class EntrySteps(Steps):
    """Reads the ledger."""

    def read_on(self) -> None:
        """Compare what was written since the last time, and learn the ids that the store gave."""
        fresh = self.fresh_entries()
        expected = self.model.entries[len(self.read) :]

        for number, (stream_id, _) in enumerate(fresh, len(self.read)):
            self.read[number] = stream_id
        assert [shape(entry) for _, entry in fresh] == [told(entry, self.read) for entry in expected]

    def fresh_entries(self) -> list[tuple[str, dict]]:
        """New entries of all shards; a step writes to one shard only."""
        last = {shard_of(self.model.entries[number]["account"]): at for number, at in self.read.items()}
        found = []
        for shard in sorted({shard_of(name) for name in ACCOUNTS}):
            page = self.wait(self.ledger.entries(shard, last.get(shard, ""), 1000))
            found += [(stream_id, json.loads(text)) for stream_id, text in page]
        return found


def shape(entry: dict) -> dict:
    """An entry of the store, in whole numbers."""
    kept = {name: entry[name] for name in ("kind", "account", "op", "at", "period")}
    kept |= {name: int(entry[name]) for name in AMOUNTS if name in entry}
    kept |= {name: pairs(entry[name]) for name in ("taken", "to", "drawn") if name in entry}
    return kept | {name: entry[name] for name in FACTS if name in entry}


def told(entry: dict, read: dict[int, str]) -> dict:
    """An entry of the model, with the ids that the store gave."""
    return entry | ({"entry": read[entry["entry"]]} if "entry" in entry else {})


def pairs(text: str) -> list[tuple[str, int]]:
    return [(grant, int(amount)) for grant, _, amount in (part.partition("=") for part in text.split(",") if part)]
