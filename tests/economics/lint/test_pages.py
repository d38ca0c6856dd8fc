"""Every rule has a page, and what the page shows is so: the first example lights the rule, and the second doesn't."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from meter.economics.lint.declared import declared
from meter.economics.lint.linter import REFUSED, lint, refused
from meter.economics.lint.openapi import endpoints
from meter.economics.lint.outline import outline
from meter.economics.lint.rules import RULES
from meter.economics.lint.subject import Economics, Subject
from meter.policy.load import load
from meter.policy.mistakes import PolicyError

DOCUMENTS = Path(__file__).resolve().parents[3] / "docs"
PAGES = DOCUMENTS / "rules"
BLOCK = re.compile(r"^(```|~~~)yaml\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
"""A policy that loads is fenced with backticks, since all documents' policies are loaded; the rest with tildes."""
YEAR = 2026
LINES_MAX = 46

by_code = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


class Example(NamedTuple):
    """A policy, what is declared beside it, and the API's document; each empty where the page shows none."""

    policy: str = ""
    economics: str = ""
    document: str = ""

    def after(self, text: str) -> "Example":
        """This example with the blocks of a text in place of its own."""
        shown = self
        for _, block in BLOCK.findall(text):
            shown = shown._replace(**{kind(block): block})
        return shown


def kind(block: str) -> str:
    """What a block is, by the keys that only such a one has."""
    if re.search(r"^(operations|routes):", block, re.MULTILINE):
        return "policy"
    return "document" if re.search(r"^paths:", block, re.MULTILINE) else "economics"


def page(code: str) -> str:
    return (PAGES / f"{code}.md").read_text(encoding="utf-8")


def halves(text: str) -> tuple[str, str]:
    """What a page shows of the mistake, and of its fix."""
    wrong, heading, fixed = text.partition("\n## Fixed\n")
    assert heading
    return wrong, fixed


def examples(code: str) -> tuple[Example, Example]:
    """What lights a rule, and the same after its fix."""
    wrong, fixed = halves(page(code))
    shown = Example().after(wrong)
    return shown, shown.after(fixed)


def lit(example: Example, folder: Path) -> set[str]:
    """The codes of all that the linter finds in an example."""
    path = folder / "policy.yaml"
    path.write_text(example.policy, encoding="utf-8")
    try:
        policy, mistakes = load(path), ()
    except PolicyError as error:
        policy, mistakes = error.rest, error.mistakes
    if policy is None:
        return {one.code for one in refused(mistakes)}
    subject = Subject(
        policy=policy,
        economics=declared(example.economics, "economics.yaml") if example.economics else Economics(),
        endpoints=endpoints(example.document, "openapi.yaml") if example.document else None,
        year=YEAR,
        places=outline(example.policy, str(path)),
    )
    return {one.code for one in lint(subject, mistakes=mistakes).findings}


def companions(text: str) -> set[str]:
    """The rules that a page says are lit beside its own."""
    return set(re.findall(r"\[(MTR\d+)\]\(MTR\d+\.md\)", text))


def test_every_rule_has_a_page_and_every_page_a_rule():
    codes = {REFUSED, *(rule.code for rule in RULES)}

    assert {path.stem for path in PAGES.iterdir()} == codes


def test_the_document_has_a_line_for_every_rule():
    text = (DOCUMENTS / "lint.md").read_text(encoding="utf-8")
    lines = [f"| [{one.code}](rules/{one.code}.md) | {one.name} | {one.severity} | {one.title} |" for one in RULES]

    assert [line for line in lines if line not in text] == []


@by_code
def test_a_page_says_what_its_rule_is(rule):
    text = page(rule.code)

    assert text.startswith(f"# {rule.code} {rule.name}\n\n{rule.title}.\n")
    assert f"*{rule.severity}*" in text
    assert len(text.splitlines()) <= LINES_MAX


@by_code
def test_a_page_says_what_its_rule_has_to_be_told(rule):
    wrong, _ = halves(page(rule.code))

    assert [need for need in rule.needs if str(need).partition(" (")[0] not in wrong] == []


@pytest.mark.parametrize("code", [REFUSED, *(rule.code for rule in RULES)])
def test_the_first_example_lights_the_rule_and_the_second_does_not(code, tmp_path):
    wrong, fixed = examples(code)
    beside = companions(page(code))

    assert lit(wrong, tmp_path) - beside == {code}
    assert lit(fixed, tmp_path) - beside == set()


def test_the_rules_titles_are_sentences_without_their_stop():
    assert [rule.title for rule in RULES if not rule.title[0].isupper() or rule.title.endswith(".")] == []
