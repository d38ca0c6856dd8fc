"""How findings are written: for people, for editors, for scripts, for GitHub, and as SARIF."""

from collections.abc import Callable, Mapping

from meter.cli.economics.lint_options import Format
from meter.cli.printing import counted, show, show_json
from meter.economics.lint.finding import Finding, Severity
from meter.economics.lint.linter import REFUSED, Linted
from meter.economics.lint.rules import RULES
from meter.gateway.account_view import JsonObject

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


Texts = Mapping[str, str]
"""The files that findings stand in, by name."""


def write(linted: Linted, texts: Texts, how: Format) -> None:
    """Print findings."""
    _WRITERS[how](linted, texts)


def _full(linted: Linted, texts: Texts) -> None:
    for finding in linted.findings:
        place = finding.place
        number = str(place.line)
        margin = " " * len(number)
        show(f"{finding.severity}[{finding.code}]: {finding.problem}")
        show(f"{margin}--> {place}")
        lines = texts.get(place.file, "").splitlines()
        if place.line <= len(lines):
            show(f"{margin} |")
            show(f"{number} | {lines[place.line - 1].replace(chr(9), ' ')}")
            show(f"{margin} | {' ' * (place.column - 1)}^")
        show(f"{margin} = fix: {finding.fix}")
        show(f"{margin} = see: docs/rules/{finding.code}.md ({finding.name})")
        show("")
    show(_summary(linted))


def _concise(linted: Linted, _: Texts) -> None:
    for finding in linted.findings:
        show(str(finding))


def _json(linted: Linted, _: Texts) -> None:
    skipped = [{"code": rule.code, "needs": [str(need) for need in needs]} for rule, needs in linted.skipped]
    show_json({"findings": [_object(finding) for finding in linted.findings], "skipped": skipped})


def _object(finding: Finding) -> JsonObject:
    place = finding.place
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "problem": finding.problem,
        "fix": finding.fix,
        "page": f"docs/rules/{finding.code}.md",
    }


def _github(linted: Linted, _: Texts) -> None:
    """Workflow commands: GitHub shows each at its line of the pull request."""
    for finding in linted.findings:
        place = finding.place
        properties = f"file={_property(place.file)},line={place.line},col={place.column}"
        title = _property(f"{finding.code} {finding.name}")
        show(
            f"::{_GITHUB[finding.severity]} {properties},title={title}::{_message(f'{finding.problem}; {finding.fix}')}"
        )


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(linted: Linted, _: Texts) -> None:
    """SARIF 2.1.0 (OASIS), as code scanning takes it."""
    rules = [_sarif_rule(rule.code, rule.name, rule.title, rule.severity) for rule in RULES]
    refused = _sarif_rule(REFUSED, "refused-policy", "The gateway refuses the policy", Severity.ERROR)
    driver = {"name": "meter", "rules": [refused, *rules]}
    indexes = {rule["id"]: index for index, rule in enumerate([refused, *rules])}
    results = [_result(finding, indexes[finding.code]) for finding in linted.findings]
    show_json(
        {
            "$schema": SARIF,
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
        }
    )


def _sarif_rule(code: str, name: str, title: str, severity: Severity) -> JsonObject:
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": f"{title}."},
        "help": {
            "text": f"{title}. What it means and the fix: docs/rules/{code}.md",
            "markdown": f"{title}. What it means and the fix: [{code}](docs/rules/{code}.md)",
        },
        "defaultConfiguration": {"level": _LEVELS[severity]},
    }


def _result(finding: Finding, index: int) -> JsonObject:
    place = finding.place
    region = {"startLine": place.line, "startColumn": place.column}
    location = {"artifactLocation": {"uri": _uri(place.file)}, "region": region}
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.problem}; {finding.fix}"},
        "locations": [{"physicalLocation": location}],
    }


def _uri(file: str) -> str:
    """A file's name as a relative URI reference, or as an absolute URI where it is absolute (RFC 3986)."""
    from urllib.parse import quote  # noqa: PLC0415 - one format alone needs it

    return f"file://{quote(file)}" if file.startswith("/") else quote(file, safe="/")


def _summary(linted: Linted) -> str:
    counts = [sum(finding.severity is severity for finding in linted.findings) for severity in Severity]
    errors, warnings, infos = counts
    if not linted.findings:
        return "Nothing found."
    said = [counted(errors, "error"), counted(warnings, "warning"), counted(infos, "remark")]
    return f"Found {', '.join(said[:2])} and {said[2]}."


_WRITERS: Mapping[Format, Callable[[Linted, Texts], None]] = {
    Format.FULL: _full,
    Format.CONCISE: _concise,
    Format.JSON: _json,
    Format.GITHUB: _github,
    Format.SARIF: _sarif,
}
