"""What the extra ``analytics`` brings, for whoever has it."""

from importlib import import_module
from typing import Any


class ExtraMissing(Exception):
    """A library of the extra ``analytics`` is not installed; the message says how to install it."""


def needed(library: str) -> Any:  # noqa: ANN401 - a module is whatever it holds
    """Import a library of the extra.

    Raises:
        ExtraMissing: it is not installed.
    """
    try:
        return import_module(library)
    except ImportError as error:
        raise ExtraMissing(f'This needs {library}; install it with: pip install "asgi-meter[analytics]"') from error
