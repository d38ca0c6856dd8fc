"""A pytest plugin that runs somebody's Starlette suite with every app metered.

    METERED_SUITE=folder METER_REDIS=unix:///… pytest -p tests.support.metered_suite path/to/their/tests

Without ``METERED_SUITE`` it changes nothing. ``METERED_SUITE`` is the folder for the policy and for what must survive.
"""

import os
from pathlib import Path
from typing import Any

from starlette import testclient

from meter.app import MeterMiddleware
from meter.settings import Settings

POLICY = """
version: 1
meta: headers
unmatched: call
operations:
  call: {title: Any call, credits: 1}
plans:
  tester: {included: 1000000, period: month}
"""

FOLDER = os.environ.get("METERED_SUITE")


def wrap(folder: Path, url: str) -> None:
    """Have every ``TestClient`` meter its app."""
    (folder / "policy.yaml").write_text(POLICY)
    settings = Settings(redis=url, data=folder / "data", policies=folder / "policy.yaml", open_accounts="tester")
    plain = testclient.TestClient.__init__

    def metered(self: testclient.TestClient, app: Any, *args: Any, **options: Any) -> None:
        inner = app if testclient._is_asgi3(app) else testclient._WrapASGI2(app)
        plain(self, MeterMiddleware(inner, settings=settings, identify=lambda _: "tester"), *args, **options)

    testclient.TestClient.__init__ = metered  # type: ignore[method-assign]


if FOLDER:
    wrap(Path(FOLDER), os.environ["METER_REDIS"])
