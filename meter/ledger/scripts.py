"""The Lua scripts: one file a step, each put together with the parts that it says it uses.

A script's header is its signature. Whoever adds a step adds its file, and its name here.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

_USES = re.compile(r"^-- uses: (.*)$", re.MULTILINE)
_FOLDER = files("meter.ledger") / "scripts"


Reply = str | list[str]
"""What a script replies."""


@dataclass(frozen=True, slots=True)
class Script:
    """One step as the store runs it."""

    name: str
    text: str
    sha: str

    @property
    def plain_text(self) -> str:
        """The text without the first line that says what kind of script it is: fakeredis can't read that."""
        return self.text.partition("\n")[2]


def script(name: str, text: str) -> Script:
    """Name a text by what the store will know it as."""
    return Script(name=name, text=text, sha=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def load(name: str) -> Script:
    """Put one step together: its first line, then the step with each part where it says that it uses it.

    The first line says what kind of script it is. With one, a full store refuses the script before it starts.
    """
    written = (_FOLDER / f"{name}.lua").read_text("utf-8")
    kind, _, body = written.partition("\n") if written.startswith("#!") else ("#!lua", "", written)
    return script(name, kind + "\n" + _USES.sub(_parts, body))


def _parts(uses: re.Match[str]) -> str:
    return "\n".join((_FOLDER / "parts" / f"{part}.lua").read_text("utf-8") for part in uses[1].split())


CHARGE = load("charge")
HOLD = load("hold")
EXTEND = load("extend")
SETTLE = load("settle")
RELEASE = load("release")
EXPIRE_HOLD = load("expire_hold")
HOLDS = load("holds")
LEASE = load("lease")
POST = load("post")
LATE = load("late")
LATE_END = load("late_end")
REFUND = load("refund")
REFUND_ENTRY = load("refund_entry")
VOID = load("void")

IDEM_CLAIM = load("idem_claim")
IDEM_TAKE = load("idem_take")
IDEM_FINISH = load("idem_finish")
IDEM_DROP = load("idem_drop")
IDEM_RENEW = load("idem_renew")

OPEN = load("open")
RENEW = load("renew")
GRANT = load("grant")
GRANTS = load("grants")
REVOKE = load("revoke")
TERMS = load("terms")
STATUS = load("status")
LIMIT = load("limit")
LIMITS = load("limits")
ACCOUNT = load("account")
STATEMENT = load("statement")
PIN = load("pin")
OPENED = load("opened")
ACCOUNTS = load("accounts")

KEY_CREATE = load("key_create")
KEY_ROTATE = load("key_rotate")
KEY_REVOKE = load("key_revoke")
KEY = load("key")
KEYS = load("keys")

ENTRIES = load("entries")
ENTRIES_OF = load("entries_of")
CHECKPOINT = load("checkpoint")
TRIM = load("trim")
SIZE = load("size")
STORE = load("store")
BEAT = load("beat")
STATES = load("states")
AUDIT = load("audit")
AUDIT_HOLDS = load("audit_holds")
LEAD = load("lead")

TELL = load("tell")
ASK = load("ask")
LOOK = load("look")
TAIL = load("tail")
NOTICES = load("notices")
NOTICES_READ = load("notices_read")
NOTICES_KEEP = load("notices_keep")
LETTER_TAKE = load("letter_take")
LETTER_DONE = load("letter_done")
LETTER_FAILED = load("letter_failed")
LETTER_AGAIN = load("letter_again")

LOAD_REPORT = load("load_report")
LOAD_PUBLISH = load("load_publish")
