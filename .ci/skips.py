# noqa: INP001 - a script, not a package
"""Fail where a test was skipped that this machine could have run."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ALLOWED = (
    r"is not beside this repository",  # suites that stay in the shared folder run where they are
    r"could not be (downloaded|installed)",  # what tests fetch; a machine without a network can't
)
"""Reasons for which a test may be skipped, each found anywhere in what the test says."""


def unexplained(report: str) -> list[str]:
    """Name the skipped tests of a JUnit report whose reason is not an allowed one."""
    found = []
    for case in ET.fromstring(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        for skipped in case.iter("skipped"):
            reason = skipped.get("message", "")
            if skipped.get("type") != "pytest.xfail" and not any(re.search(one, reason) for one in ALLOWED):
                found.append(f"{case.get('classname')}.{case.get('name')}: {reason}")
    return found


def main() -> int:
    """Read the report that is named on the command line."""
    found = unexplained(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for line in found:
        sys.stderr.write(f"Skipped, although this machine could run it: {line}\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
