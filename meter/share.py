"""Where the files are that ship beside the code: the ready policies and the examples.

In a clone they stand in its root; a wheel carries them inside the package.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PACKAGED = _PACKAGE / "_share"


def root() -> Path:
    """The folder that holds all of them; put it on the import path to import ``examples``."""
    return _PACKAGED if _PACKAGED.is_dir() else _PACKAGE.parent


def folder(name: str) -> Path:
    """One of them: ``policies`` or ``examples``.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    found = root() / name
    if not found.is_dir():
        raise FileNotFoundError(f"{name!r} is not among the folders that ship with meter; looked in {root()}.")
    return found
