"""An audit's report, as JSON and for people."""

from msgspec import Raw

from meter.cli.printing import counted, show, show_table
from meter.gateway.account_view import JsonObject
from meter.ledger.audit.finding import MEANINGS, Finding, Invariant, shown
from meter.ledger.audit.report import Report

SHOWN_MAX = 100
"""So many findings are printed for people."""


def report_object(report: Report) -> JsonObject:
    """Shape a report for scripts, with exact numbers."""
    return {
        "clean": not report.findings,
        "accounts": report.accounts,
        "accounts_from_checkpoint": report.from_checkpoint,
        "entries": report.entries,
        "operations": report.operations,
        "holds_open": report.holds,
        "invariants": [_invariant_object(report, invariant) for invariant in Invariant],
        "findings": [_finding_object(finding) for finding in report.findings],
    }


def show_report(report: Report) -> None:
    """Print a report for people."""
    looked_at = (report.accounts, report.entries, report.operations, report.holds)
    show_table("", ("accounts", "entries", "operations", "holds open"), [looked_at])
    if report.from_checkpoint:
        show(
            f"{counted(report.from_checkpoint, 'account')} from the last checkpoint on: earlier entries were not read, "
            "or one is missing."
        )
    rows = [(invariant, MEANINGS[invariant], _verdict(report, invariant)) for invariant in Invariant]
    show_table("", ("", "what must hold", ""), rows)
    for finding in report.findings[:SHOWN_MAX]:
        _show_finding(finding)
    show(_conclusion(report))


def _show_finding(finding: Finding) -> None:
    show(f"{finding.invariant} {finding.account}")
    show(f"   {finding.says}")
    show(f"   To do: {finding.fix}")


def _verdict(report: Report, invariant: Invariant) -> str:
    found = report.of(invariant)
    return counted(len(found), "finding") if found else "holds"


def _conclusion(report: Report) -> str:
    if not report.findings:
        return "Everything holds."
    accounts = len({finding.account for finding in report.findings})
    more = len(report.findings) - SHOWN_MAX
    rest = f" {more} are not shown: --json has all of them." if more > 0 else ""
    return f"{counted(len(report.findings), 'finding')} in {counted(accounts, 'account')} of {report.accounts}.{rest}"


def _invariant_object(report: Report, invariant: Invariant) -> JsonObject:
    findings = len(report.of(invariant))
    return {"id": invariant, "says": MEANINGS[invariant], "holds": not findings, "findings": findings}


def _finding_object(finding: Finding) -> JsonObject:
    return {
        "invariant": finding.invariant,
        "account": finding.account,
        "entry": finding.entry,
        "says": finding.says,
        "fix": finding.fix,
        "expected": _number(finding.expected),
        "found": _number(finding.found),
    }


def _number(micro: int | None) -> Raw | None:
    return None if micro is None else Raw(shown(micro).encode())
