"""An installed wheel can do what the clone can: policies, examples and scripts are inside."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, timeout=300)
    return next(folder.glob("asgi_meter-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment that has the wheel, and this one's packages, but not the clone."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, timeout=300)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "present.pth").write_text(sysconfig.get_paths()["purelib"])
    return folder / "bin"


def run(installed: Path, folder: Path, *command: str) -> str:
    environment = {"PATH": f"{installed}:{os.environ['PATH']}", "NO_COLOR": "1"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_wheel_holds_everything_that_is_no_code(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    scripts = {str(path.relative_to(ROOT)) for path in (ROOT / "meter").rglob("*.lua")}
    shared = {
        f"meter/_share/{path.relative_to(ROOT)}"
        for name in ("policies", "examples")
        for path in (ROOT / name).rglob("*.*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert scripts | shared | {"meter/py.typed"} <= packed
    assert scripts


def test_the_wheel_runs_without_the_clone(installed: Path, tmp_path: Path) -> None:
    where = run(installed, tmp_path, "python", "-c", "import meter; print(meter.__file__)")

    assert Path(where.strip()).is_relative_to(installed.parent)


def test_the_schema_is_printed_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    assert "properties" in json.loads(run(installed, tmp_path, "meter", "schema"))


@pytest.mark.parametrize("policy", [".", "data-api", "llm-api"])
def test_the_packaged_policies_are_fine(installed: Path, tmp_path: Path, policy: str) -> None:
    ask = "from meter import share; print(share.folder('policies'))"
    policies = Path(run(installed, tmp_path, "python", "-c", ask).strip())

    run(installed, tmp_path, "meter", "check", "--policies", str(policies / policy))

    assert policies.is_relative_to(installed.parent)


def test_the_example_starts_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    load = (
        "import sys; from meter import share; sys.path.insert(0, str(share.root()));"
        "from examples import image_api; print(image_api.__file__, len(image_api.app.routes))"
    )
    where, routes = run(installed, tmp_path, "python", "-c", load).split()

    assert (Path(where).is_relative_to(installed.parent), int(routes)) == (True, 7)


def test_the_demo_can_be_asked_for_help_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    assert "--once" in run(installed, tmp_path, "meter", "demo", "--help")
