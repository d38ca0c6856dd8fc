"""The repository keeps its promises to somebody who has just cloned it."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (
    "scripts/test",
    "scripts/coverage",
    "scripts/check",
    "scripts/demo",
    "scripts/chaos",
    "scripts/mutants",
    ".ci/run",
)


def fake_python(folder: Path, name: str, real: str | None) -> None:
    """Put a Python on a PATH of our own: the real one under another name, or one that is too old."""
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f'#!/bin/sh\nexec {real} "$@"\n' if real else "#!/bin/sh\nexit 1\n")
    script.chmod(0o755)


def found(folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask scripts/lib.sh which Python it would take."""
    ask = ["/bin/sh", "-c", f'. "{ROOT}/scripts/lib.sh" && python_found', f"{ROOT}/scripts/test"]
    path = f"{folder}:{folder}/none"
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    return subprocess.run(ask, env={"PATH": path}, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("script", COMMANDS)
def test_a_command_can_be_called(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("script", [*COMMANDS, "scripts/lib.sh"])
def test_a_script_is_valid_shell(script: str) -> None:
    checked = subprocess.run(["/bin/sh", "-n", ROOT / script], capture_output=True, text=True, check=False)

    assert checked.stderr == ""


def test_a_newer_python_under_another_name_is_found(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3", None)
    fake_python(tmp_path / "bin", "python3.12", sys.executable)

    assert found(tmp_path / "bin").stdout == "python3.12\n"


def test_python3_comes_first_where_it_is_new_enough(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3", sys.executable)
    fake_python(tmp_path / "bin", "python3.12", sys.executable)

    assert found(tmp_path / "bin").stdout == "python3\n"


def test_without_a_new_enough_python_there_is_one_sentence(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3", None)

    said = found(tmp_path / "bin")

    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert "No Python 3.11 or newer" in said.stderr


@pytest.fixture
def environment() -> dict[str, Any]:
    """The functions of scripts/environment.py."""
    return runpy.run_path(str(ROOT / "scripts" / "environment.py"))


def test_a_second_run_installs_nothing(environment: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / ".meter-test").write_text("now")

    assert environment["installed"](tmp_path, "test", "now")


def test_a_larger_extra_holds_the_smaller_one(environment: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / ".meter-check").write_text("now")

    assert environment["installed"](tmp_path, "demo", "now")


def test_a_smaller_extra_does_not_hold_the_larger_one(environment: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / ".meter-demo").write_text("now")

    assert not environment["installed"](tmp_path, "test", "now")


def test_another_pyproject_installs_again(environment: dict[str, Any], tmp_path: Path) -> None:
    prints = set()
    for project in ("one", "two"):
        (tmp_path / "pyproject.toml").write_text(project)
        prints.add(environment["fingerprint"](tmp_path))

    assert len(prints) == 2


def test_a_clone_shares_its_own_folders() -> None:
    from meter import share

    assert (share.root(), share.folder("policies")) == (ROOT, ROOT / "policies")


def test_a_folder_that_does_not_ship_is_named() -> None:
    from meter import share

    with pytest.raises(FileNotFoundError, match=r"'recipes' is not among the folders that ship with meter"):
        share.folder("recipes")


def test_missing_programs_are_named_with_their_packages(
    environment: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    environment["find_programs"](["node", "nginx"])

    assert "apt-get install nginx nodejs" in capsys.readouterr().err


def test_no_file_names_an_index_of_packages() -> None:
    hosts = re.compile(r"pypi\.org|pythonhosted|--(extra-)?index-url|registry\.npmjs")
    places = [*COMMANDS, "scripts/environment.py", "scripts/lib.sh", "pyproject.toml", "Dockerfile"]

    assert [place for place in places if hosts.search((ROOT / place).read_text())] == []


def test_ci_runs_the_checks_and_then_the_readmes_test_command() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert [line for line in lines if line.startswith("scripts/")] == ["scripts/check", "scripts/test"]


@pytest.mark.parametrize(
    ("reason", "count"),
    [("asgiwrap is not beside this repository", 0), ("nginx is not on this machine", 1)],
    ids=["allowed", "could-have-run"],
)
def test_ci_finds_a_skipped_test_that_could_have_run(tmp_path: Path, reason: str, count: int) -> None:
    report = tmp_path / "tests.xml"
    report.write_text(
        f'<testsuite><testcase classname="a" name="b"><skipped type="pytest.skip" message="{reason}"/></testcase>'
        '<testcase classname="a" name="c"/></testsuite>'
    )

    checked = subprocess.run(
        [sys.executable, ROOT / ".ci" / "skips.py", report], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stderr.count("\n")) == (count, count)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """docker-compose.yml, its merge keys applied."""
    made: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
    return made


def test_nothing_but_the_gateways_port_is_published(compose: dict[str, Any]) -> None:
    published = {name: service.get("ports") for name, service in compose["services"].items()}

    assert published == {"gateway": ["127.0.0.1:${METER_PORT:-8000}:8000"], "upstream": None, "store": None}


@pytest.mark.parametrize(
    "option",
    ["--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction", "--maxmemory 512mb", "--requirepass"],
)
def test_the_composed_store_keeps_what_it_acknowledged(compose: dict[str, Any], option: str) -> None:
    assert option in compose["services"]["store"]["command"][-1]


def test_the_composed_store_has_a_volume_and_every_service_30_seconds(compose: dict[str, Any]) -> None:
    graces = {service["stop_grace_period"] for service in compose["services"].values()}

    assert (compose["services"]["store"]["volumes"], graces) == (["store:/data"], {"30s"})


def test_the_gateway_waits_for_a_healthy_store_and_upstream(compose: dict[str, Any]) -> None:
    awaited = compose["services"]["gateway"]["depends_on"]

    assert {name: one["condition"] for name, one in awaited.items()} == dict.fromkeys(
        ("store", "upstream"), "service_healthy"
    )


def test_no_secret_is_written_into_the_compose_file(compose: dict[str, Any]) -> None:
    values = [value for service in compose["services"].values() for value in service.get("environment", {}).values()]
    secrets = [value for value in values if "PASSWORD" in value or "TOKEN" in value]

    assert len(secrets) == 3
    assert all("${" in value for value in secrets)


def test_every_setting_of_the_compose_file_is_one_that_meter_reads(compose: dict[str, Any]) -> None:
    from meter.settings import Settings

    given = compose["services"]["gateway"]["environment"]
    read = {f"METER_{name.upper()}" for name in Settings.__dataclass_fields__}

    assert set(given) <= read


@pytest.mark.parametrize("target", ["gateway", "example"])
def test_an_image_runs_as_nobody_in_particular_and_watches_its_health(target: str) -> None:
    stage = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = next(one for one in stage if one.splitlines()[0].endswith(f"AS {target}")).splitlines()

    assert [line for line in lines if line.startswith("USER")][-1] == "USER meter"
    assert any(line.startswith("HEALTHCHECK") for line in lines)


def test_every_fragment_of_the_changelog_has_a_kind_and_a_sentence() -> None:
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    odd = [
        path.name
        for path in fragments
        if not re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md", path.name)
        or not path.read_text().strip().endswith(".")
    ]

    assert odd == []
