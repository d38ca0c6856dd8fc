"""Names in the ledger: what an account, a grant and an operation may be called, and the keys that hold them.

All keys of one root account carry one hash tag, so that a step on them is atomic on a cluster too. Whoever adds a key
adds it here, and to the list of what never expires in the tests.
"""

import re
from zlib import crc32

SHARDS = 256
"""Fixed when a store is created: its record says the number, and a start with another one is refused."""

STORE = "{meter}:store"
NOTICES_READ = "{meter}:notices:read"
"""Up to where the entries of each shard were looked at for notices."""
NOTICES_DUE = "{meter}:notices:due"
"""Accounts that are looked at again at a second, whether they change or not."""

_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}(?:/[A-Za-z0-9._-]{1,64}){0,3}", re.ASCII)
_GRANT = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_OPERATION = re.compile(r"[A-Za-z0-9._:/-]{1,64}", re.ASCII)
_ACTOR = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9._:/-]{1,256}", re.ASCII)
_STREAM_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,16}", re.ASCII)
_OURS = ("period:", "adjustment:", "rollover:", "trial:")


class BadName(ValueError):
    """A name that the ledger can't take; the message is a sentence with the name and the fix."""


def is_account_id(text: str) -> bool:
    """Whether this can name an account: up to four parts of letters, digits, ``.``, ``_``, ``-``, joined by ``/``."""
    return _ACCOUNT.fullmatch(text) is not None


def check_account_id(text: str) -> None:
    """Refuse what can't name an account.

    Raises:
        BadName: it can't.
    """
    if not is_account_id(text):
        raise BadName(
            f"{text[:80]!r} can't name an account; use one to four parts of at most 64 letters, digits, '.', '_' or "
            "'-', joined by '/'."
        )


def check_grant_id(text: str) -> None:
    """Refuse what can't name a grant of somebody else than the ledger.

    Raises:
        BadName: it can't.
    """
    if not _GRANT.fullmatch(text):
        raise BadName(f"{text[:80]!r} can't name a grant; use at most 64 letters, digits, '.', '_', '-' or ':'.")
    if text.startswith(_OURS):
        raise BadName(f"{text!r} is a name that the ledger gives to grants of its own; don't begin with {_OURS}.")


def is_own_grant(text: str) -> bool:
    """Whether the ledger gave this name to a grant of its own: the included credits of a period, or an adjustment."""
    return text.startswith(_OURS)


def check_operation(text: str) -> None:
    """Refuse what can't name an operation of a policy.

    Raises:
        BadName: it can't.
    """
    if not _OPERATION.fullmatch(text):
        raise BadName(
            f"{text[:80]!r} can't name an operation; use at most 64 letters, digits, '.', '_', '-', ':', '/'."
        )


def check_label(text: str) -> None:
    """Refuse what can't name a step in an entry.

    Raises:
        BadName: it can't.
    """
    if not _LABEL.fullmatch(text):
        raise BadName(f"{text[:80]!r} can't name a step; use at most 256 letters, digits, '.', '_', '-', ':' or '/'.")


def check_actor(text: str) -> None:
    """Refuse what can't name who asked for a change.

    Raises:
        BadName: it can't.
    """
    if not _ACTOR.fullmatch(text):
        raise BadName(f"{text[:80]!r} can't name an actor; use at most 64 letters, digits, '.', '_', '-' or ':'.")


def check_stream_id(text: str) -> None:
    """Refuse what is no id of an entry.

    Raises:
        BadName: it isn't.
    """
    if not _STREAM_ID.fullmatch(text):
        raise BadName(f"{text[:80]!r} is no id of an entry; one looks like 1732269600000-0.")


def position(stream_id: str) -> tuple[int, int]:
    """Where a stream id stands among others."""
    milliseconds, _, sequence = stream_id.partition("-")
    return int(milliseconds), int(sequence)


def shard_of(account: str, shards: int = SHARDS) -> int:
    """Where an account lives: with all the accounts of its root."""
    return crc32(root_of(account).encode()) % shards


def account_key(shard: int, account: str) -> str:
    """The account's terms, period, grants and counters."""
    return f"{{meter:{shard}}}:account:{account}"


def used_key(shard: int, account: str) -> str:
    """What an account used in this period, by operation."""
    return f"{{meter:{shard}}}:used:{account}"


def op_key(shard: int, op: str) -> str:
    """What became of an operation; forgotten after fifteen minutes."""
    return f"{{meter:{shard}}}:op:{op}"


def api_key_key(shard: int, key_hash: str) -> str:
    """An API key, by its hash."""
    return f"{{meter:{shard}}}:key:{key_hash}"


def api_keys_key(shard: int, account: str) -> str:
    """The hashes of an account's API keys."""
    return f"{{meter:{shard}}}:keys:{account}"


def limits_key(shard: int, account: str) -> str:
    """The limits of an account's root, and of all below it."""
    return f"{{meter:{shard}}}:limits:{root_of(account)}"


def check_payer(account: str, payer: str) -> None:
    """Refuse a payer that does not stand above its member.

    Raises:
        BadName: it does not.
    """
    if not account.startswith(f"{payer}/"):
        raise BadName(
            f"{payer[:80]!r} can't pay for {account!r}; an account above it can, such as {root_of(account)!r}."
        )


def root_of(account: str) -> str:
    """The first part of an account's path."""
    return account.partition("/")[0]


def holds_key(shard: int) -> str:
    """The open holds of a shard, by their expiry."""
    return f"{{meter:{shard}}}:holds"


def leader_key(task: str) -> str:
    """Which worker does a task for all; forgotten when its term is over."""
    return f"{{meter}}:leader:{task}"


def beat_key(worker: str) -> str:
    """How often a worker was here; forgotten a day after it was here last."""
    return f"{{meter}}:beat:{worker}"


def idem_key(shard: int, digest: str) -> str:
    """The claim on an idempotency key, by the digest of account and key; forgotten after a day."""
    return f"{{meter:{shard}}}:idem:{digest}"


def idems_key(shard: int, account: str) -> str:
    """The digests of an account's live idempotency keys, by the second at which each is forgotten."""
    return f"{{meter:{shard}}}:idems:{account}"


def answers_key(shard: int, account: str) -> str:
    """The answers that are kept for an account, by the digests of their keys."""
    return f"{{meter:{shard}}}:answers:{account}"


def answered_key(shard: int, account: str) -> str:
    """The digests of the keys that have an answer, the oldest answer first."""
    return f"{{meter:{shard}}}:answered:{account}"


def accounts_key(shard: int) -> str:
    """The ids of a shard's accounts."""
    return f"{{meter:{shard}}}:accounts"


def ledger_key(shard: int) -> str:
    """The stream of a shard's entries."""
    return f"{{meter:{shard}}}:ledger"


def told_key(shard: int, account: str) -> str:
    """What was told of an account in its period, and how often a purchase was asked for."""
    return f"{{meter:{shard}}}:told:{account}"


def notices_key(shard: int) -> str:
    """The last notices of a shard."""
    return f"{{meter:{shard}}}:notices"


def letters_key(shard: int) -> str:
    """What is to be delivered of a shard, and what could not be, by the ids of the letters."""
    return f"{{meter:{shard}}}:letters"


def waiting_key(shard: int) -> str:
    """The letters of a shard that wait, by the second at which each is due."""
    return f"{{meter:{shard}}}:letters:waiting"


def dead_key(shard: int) -> str:
    """The letters of a shard that were given up, by the second at which that was."""
    return f"{{meter:{shard}}}:letters:dead"
