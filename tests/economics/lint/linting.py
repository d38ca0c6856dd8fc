"""The linter over texts: what tests of its rules share."""

from meter.economics.lint.declared import declared
from meter.economics.lint.finding import Finding
from meter.economics.lint.linter import Linted, lint
from meter.economics.lint.openapi import endpoints
from meter.economics.lint.outline import outline
from meter.economics.lint.subject import Economics, Subject
from meter.policy.compile import Source, compile_policy
from meter.policy.mistakes import PolicyError

FILE = "policy.yaml"
YEAR = 2026


def subject(policy: str, beside: str = "", document: str = "") -> Subject:
    """A policy whose version is left out, with what is declared beside it and the API's document."""
    text = f"version: 1\n{policy}"
    try:
        compiled = compile_policy([Source(file=FILE, text=text)])
    except PolicyError as error:
        if error.rest is None:
            raise
        compiled = error.rest
    return Subject(
        policy=compiled,
        economics=declared(beside, "economics.yaml") if beside else Economics(),
        endpoints=endpoints(document, "openapi.yaml") if document else None,
        year=YEAR,
        places=outline(text, FILE),
    )


def linted(policy: str, beside: str = "", document: str = "") -> Linted:
    """All that the linter says of a policy."""
    return lint(subject(policy, beside, document))


def found(code: str, policy: str, beside: str = "", document: str = "") -> list[Finding]:
    """What one rule finds."""
    return [one for one in linted(policy, beside, document).findings if one.code == code]
