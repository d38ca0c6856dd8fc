"""What the documents say is so: every block of code is run, loaded or compared with what really comes."""

import ast
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "changelog.d/README.md")),
    *(ROOT / "policies").rglob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]
PROVEN = {
    "scripts/demo": "tests/demo/test_demo.py::test_a_bounded_run_makes_its_calls_and_ends_well",
    "scripts/test": "tests/test_repository.py::test_ci_runs_the_checks_and_then_the_readmes_test_command",
    "scripts/mutants": "tests/mutants/test_mutants.py::test_the_command_says_of_a_mutant_what_became_of_it",
    "scripts/prove": "tests/proof/test_proof.py::test_the_books_are_right_whatever_befalls_them",
    "scripts/chaos": "tests/end_to_end/test_chaos.py::test_a_short_run_leaves_the_books_right_and_says_what_it_did",
    "scripts/coverage": "tests/test_repository.py::test_ci_runs_the_checks_and_then_the_readmes_test_command",
    "scripts/check": "tests/test_repository.py::test_ci_runs_the_checks_and_then_the_readmes_test_command",
    ".ci/run": "tests/test_repository.py::test_ci_finds_a_skipped_test_that_could_have_run",
}
"""Commands of the documents that cannot be run inside the tests, each with the test that stands for it."""
STAGED = {
    "docs/audit.md": "tests/cli/test_audit.py::test_the_document_shows_what_is_really_printed",
    "docs/use.md": "tests/cli/test_pricing_commands.py::test_the_document_on_versions_shows_what_is_really_printed",
}
"""Documents whose sessions need a store or a policy with something in it, each with the test that runs them."""
READY_SECONDS_MAX = 60
POLL_SECONDS = 0.05
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of a document."""

    document: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.number}"


def all_blocks() -> list[Block]:
    found = []
    for path in DOCUMENTS:
        for number, (language, text) in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")), 1):
            name = str(path.relative_to(ROOT))
            found.append(Block(document=name, number=number, language=language, text=text))
    return found


BLOCKS = all_blocks()


def each(language: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", [one for one in BLOCKS if one.language == language], ids=str)


def sessions() -> list[Block]:
    return [one for one in BLOCKS if one.language == "console"]


def readme(language: str) -> str:
    """The README's one block of a language."""
    (text,) = (one.text for one in BLOCKS if (one.document, one.language) == ("README.md", language))
    return text


def shell(folder: Path, command: str, **variables: str) -> str:
    """Run a line as somebody in ``folder`` would, with ``meter`` on the path."""
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def environment(**variables: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("METER_")}
    return {**plain, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200", **variables}


@contextmanager
def running(folder: Path, command: str, ready: str, **variables: str) -> Iterator[str]:
    """Run a server until the end of the block; its URL."""
    log = folder / f"{len(list(folder.iterdir()))}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            cwd=folder,
            env=environment(**variables),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield url_of(process, log, ready)
    finally:
        process.terminate()
        process.wait(60)


def url_of(process: subprocess.Popen[bytes], log: Path, ready: str) -> str:
    give_up = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < give_up and process.poll() is None:
        if said := re.search(rf"{ready} (http://\S+)", log.read_text()):
            return said[1]
        time.sleep(POLL_SECONDS)
    pytest.fail(f"{process.args!r} did not start: {log.read_text()}")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like the repository's root, and may be written to."""
    for name in ("policies", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_of_a_language_that_is_proved_here(block: Block) -> None:
    assert block.language in {"bash", "console", "http", "json", "python", "yaml"}


@each("json")
def test_the_account_that_the_documents_show_has_the_names_that_it_really_has(block: Block) -> None:
    from meter.gateway.account_view import credits_object, json_text
    from tests.gateway.test_account_view import statement

    shown, real = json.loads(block.text)["data"], json.loads(json_text(credits_object(statement())))

    assert list(shown) == list(real)
    assert list(shown["grants"][0]) == list(real["grants"][0])
    assert shown["granted"] == shown["consumed"] + shown["reserved"] + shown["remaining"]


@each("yaml")
def test_every_policy_of_the_documents_loads(block: Block, tmp_path: Path) -> None:
    from meter.policy.load import load

    (tmp_path / "policy.yaml").write_text(block.text)

    assert load(tmp_path).operations


@pytest.mark.parametrize("block", [one for one in sessions() if one.document not in STAGED], ids=str)
def test_every_session_of_the_documents_prints_what_it_shows(block: Block) -> None:
    for typed, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        assert shell(ROOT, typed) == shown


@each("bash")
def test_every_command_of_the_documents_is_run_somewhere(block: Block) -> None:
    lines = [line.partition("#")[0].strip() for line in block.text.splitlines()]

    assert [line for line in lines if line not in PROVEN and line not in gateway_lines()] == []


@pytest.mark.parametrize("test", sorted({*PROVEN.values(), *STAGED.values()}))
def test_the_test_that_stands_for_a_command_exists(test: str) -> None:
    path, _, name = test.partition("::")

    assert f"def {name}(" in (ROOT / path).read_text()


def gateway_lines() -> list[str]:
    """The commands of the README's gateway, in their order."""
    text = "".join(one.text for one in BLOCKS if (one.document, one.language) == ("README.md", "bash"))
    return [line.partition("#")[0].strip() for line in text.splitlines() if line.startswith(("meter ", "curl "))]


def test_the_gateways_commands_lead_to_a_metered_answer(clone: Path, store_url: str) -> None:
    Image.new("RGB", (32, 32), "red").save(clone / "photo.jpg")
    api = "python -m uvicorn --port 0 examples.image_api:app"
    serve, create, make_key, call = gateway_lines()
    with (
        running(clone, api, "running on") as upstream,
        running(
            clone,
            serve.replace("http://127.0.0.1:9000", upstream),
            "listening on",
            METER_PORT="0",
            METER_REDIS=store_url,
            METER_DATA=str(clone / "data"),
        ) as gateway,
    ):
        shell(clone, create, METER_REDIS=store_url)
        key = json.loads(shell(clone, f"{make_key} --json", METER_REDIS=store_url))["key"]
        answer = json.loads(shell(clone, call.replace("http://127.0.0.1:8000", gateway), KEY=key))

    assert answer["meta"]["credits_remaining"] == 50_000 - answer["meta"]["credits_consumed"]


@pytest.fixture
def wrapped(clone: Path, store_url: str) -> Iterator[httpx.Response]:
    """What the README's app answers, served as it says."""
    (clone / "app.py").write_text(readme("python"))
    drill = {"METER_AT": "2026-11-22T10:00:00Z", "METER_DATA": str(clone / "data"), "METER_REDIS": store_url}
    with running(clone, "python -m uvicorn --port 0 app:app", "running on", **drill) as url:
        yield httpx.post(f"{url}/v1/images/7/analysis")


def test_the_wrapped_app_answers_as_the_picture_shows(wrapped: httpx.Response) -> None:
    head, _, body = readme("http").partition("\n\n")
    status, *headers = head.splitlines()
    answered = {f"{name}: {value}" for name, value in wrapped.headers.multi_items()}

    assert status == f"HTTP/1.1 {wrapped.status_code} {wrapped.reason_phrase}"
    assert {timeless(header) for header in headers} <= {timeless(header) for header in answered}
    assert timeless(body.strip()) == timeless(wrapped.text)


def timeless(text: str) -> str:
    """The text without what depends on the day."""
    return re.sub(r"t=\d+", "t=N", re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "MOMENT", text))


def test_the_apps_of_the_readme_and_of_the_examples_are_one() -> None:
    example = ast.parse((ROOT / "examples" / "wrap_an_app.py").read_text())
    shown = ast.parse(readme("python"))

    assert [ast.unparse(one.body) for one in functions(example)] == [ast.unparse(one.body) for one in functions(shown)]


def functions(tree: ast.Module) -> list[Any]:
    found = [one for one in tree.body if isinstance(one, ast.AsyncFunctionDef)]
    for one in found:
        one.body = [step for step in one.body if not isinstance(step, ast.Expr)]
    return [ast.Module(body=one.body, type_ignores=[]) for one in found]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    links = LINK.findall(path.read_text(encoding="utf-8"))

    assert [link for link in links if not (path.parent / link).exists()] == []


def settings_rows() -> Iterator[str]:
    """A row for every setting, from its field's default and description."""
    from meter.settings import Settings

    source = ast.parse((ROOT / "meter" / "settings.py").read_text(encoding="utf-8"))
    (fields,) = (one.body for one in source.body if isinstance(one, ast.ClassDef) and one.name == "Settings")
    defaults = Settings()
    for field, described in pairwise(fields):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(described, ast.Expr):
            name, text = field.target.id, ast.literal_eval(described.value)
            meaning = " ".join(text.split()).replace("``", "`")
            yield f"| `METER_{name.upper()}` | {written(getattr(defaults, name))} | {meaning} |"


def written(default: object) -> str:
    if isinstance(default, bool):
        return "`on`" if default else "`off`"
    return "" if default in (None, ()) else f"`{default}`"


def test_every_setting_is_documented_as_it_is() -> None:
    rows = [line for line in (ROOT / "docs" / "settings.md").read_text().splitlines() if line.startswith("| `METER_")]

    assert rows == list(settings_rows())
