"""The document of the wire names every refusal that there is, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTED = re.compile(r"^\| (\d{3}) \| `(\w+)` \|", re.MULTILINE)
REFUSED = re.compile(r"answers\.refusal\(\s*(\d{3}), \"(\w+)\"")
ANSWERED = re.compile(r"_problem\(\s*(\d{3}|self\.exhausted_status),\s*\"(\w+)\"")


def test_every_refusal_is_documented_with_its_status() -> None:
    texts = [place.read_text() for place in (ROOT / "meter" / "gateway").rglob("*.py")]
    answered = {
        (status.replace("self.exhausted_status", "402"), code)
        for text in texts
        for status, code in ANSWERED.findall(text) + REFUSED.findall(text)
    }

    assert set(DOCUMENTED.findall((ROOT / "docs" / "http.md").read_text())) == answered
