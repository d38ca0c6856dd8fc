"""The table of outcomes, as the documents print it, is the one in the code."""

import re
from fractions import Fraction
from pathlib import Path

from meter.policy.ends import CHARGE_DEFAULT, MEANINGS, NEVER_CHARGED, End, table_of

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "use.md"
ROW = re.compile(r"^\| (?:`(\w+)`)? ?\| (.+) \| (full|none)(, always)? \|$", re.MULTILINE)


def test_the_documents_print_the_table_that_holds() -> None:
    rows = [(end, meaning, share) for end, meaning, share, _ in ROW.findall(DOCUMENT.read_text("utf-8"))]
    never = [("", meaning, "none") for meaning in NEVER_CHARGED]
    ends = [(end.value, MEANINGS[end], "full" if CHARGE_DEFAULT[end] else "none") for end in End]

    assert rows == never + ends


def test_a_304_is_charged_as_a_3xx_unless_it_is_named() -> None:
    tenth = Fraction(1, 10)

    assert table_of({End.REDIRECTION: tenth})[End.NOT_MODIFIED] == tenth
    assert table_of({End.REDIRECTION: tenth, End.NOT_MODIFIED: Fraction(0)})[End.NOT_MODIFIED] == 0
