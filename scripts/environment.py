# noqa: INP001 - a script, not a package
"""Make the repository's virtual environment, once; run by whatever Python the machine has.

Standard library only. A stamp remembers what was installed, so that the second run starts at once; it changes with
``pyproject.toml``, the folder and the Python. pip uses the index that the machine is configured for.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("demo", "test", "check")
"""Each contains those before it."""
DEBIAN = {"cc": "gcc", "nginx": "nginx", "node": "nodejs", "npm": "npm", "redis-server": "redis-server"}
"""The Debian package of each program."""
INSTALL_SECONDS_MAX = 900


class SetUpError(Exception):
    """What stops the set-up: a sentence with the fix."""


def say(sentence: str) -> None:
    """Talk to whoever waits, on standard error."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def fingerprint(root: Path) -> str:
    """Name everything that an installed environment depends on."""
    facts = [(root / "pyproject.toml").read_bytes(), str(root).encode(), sys.version.encode()]
    return hashlib.sha256(b"\0".join(facts)).hexdigest()


def installed(venv: Path, extra: str, wanted: str) -> bool:
    """Whether the extra, or one that contains it, is in the environment as it is wanted."""
    stamps = [venv / f".meter-{name}" for name in EXTRAS[EXTRAS.index(extra) :]]
    return any(stamp.is_file() and stamp.read_text() == wanted for stamp in stamps)


def prepare(root: Path, extra: str) -> None:
    """Make the environment ready with an extra; one process at a time.

    Raises:
        SetUpError: the environment can't be made, or pip failed.
    """
    venv = root / ".venv"
    with (root / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint(root)
        if installed(venv, extra, wanted):
            return
        say(f"Installing meter[{extra}] into {venv}; this takes a minute or two, once.")
        if not any(installed(venv, smaller, wanted) for smaller in EXTRAS):
            _make(venv)
        _install(root, venv, extra)
        (venv / f".meter-{extra}").write_text(wanted)


def _install(root: Path, venv: Path, extra: str) -> None:
    """Install the package, editable, with the extra."""
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not _done([*pip, "--editable", f"{root}[{extra}]"]):
        raise SetUpError(f"pip could not install meter[{extra}]; its words are above. Mend that and run again.")


def _make(venv: Path) -> None:
    """Make an empty environment; Debian keeps what that needs in a package of its own."""
    make = [sys.executable, "-m", "venv", "--clear", str(venv)]
    if _done(make):
        return
    package = f"python3.{sys.version_info.minor}-venv"
    if not (_apt([package]) and _done(make)):
        raise SetUpError(f"{sys.executable} can't make a virtual environment; install the package {package}.")


def find_programs(programs: list[str]) -> None:
    """Install the system's programs that are missing, where that is possible; say it where it is not."""
    missing = [name for name in programs if not shutil.which(name)]
    if not missing:
        return
    packages = sorted({DEBIAN[name] for name in missing})
    if _apt(packages):
        return
    say(
        f"Not on this machine: {', '.join(missing)}. The tests that need them are skipped and say so; "
        f"as root, `apt-get install {' '.join(packages)}` brings them."
    )


def _apt(packages: list[str]) -> bool:
    """Install Debian packages, if this process may."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"Installing {', '.join(packages)} by apt-get.")
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    return _done(["apt-get", "update", "--quiet"]) and _done(install)


def _done(command: list[str]) -> bool:
    """Run a command with its output on standard error; whether it succeeded."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return not subprocess.run(  # noqa: S603 - the commands are this file's own
            command, stdout=sys.stderr, env=environment, timeout=INSTALL_SECONDS_MAX, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        say(f"`{' '.join(command)}` took more than {INSTALL_SECONDS_MAX} s and was stopped.")
        return False


def main() -> int:
    """Read the command line: an extra, then programs."""
    parser = argparse.ArgumentParser(description="Make .venv ready with an extra of pyproject.toml.")
    parser.add_argument("extra", choices=EXTRAS)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of: {', '.join(DEBIAN)}")
    given = parser.parse_args()
    try:
        find_programs(given.programs)
        prepare(ROOT, given.extra)
    except SetUpError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
