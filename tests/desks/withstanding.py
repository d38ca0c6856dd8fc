"""Both APIs under schemathesis, over a real socket: whatever their documents allow, and much that they don't, is sent.

No answer is a 500, each is one that the document knows, in the shape that it gives, and without a credential there is
none. What a document can't say, such as which plans there are, may be refused: so valid data need not be accepted.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from meter.credits import parse
from meter.gateway.asgi import ASGIApp
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from tests.conftest import STEP_SECONDS
from tests.support.asgi import until

EXAMPLES = int(os.environ.get("METER_API_EXAMPLES", "2"))
"""Of each endpoint, and of each way to look for them."""
RUN_SECONDS_MAX = 60 + 10 * EXAMPLES
SMALL = Terms(plan="small", included=parse("1000"), period=PeriodUnit.MONTH)
ONE_CREDENTIAL = "identity: {header: X-API-Key, bearer: false}\n"
"""The check that credentials are asked for takes one of them away, and knows of one."""


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an app that runs already, on a port of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
    running = asyncio.create_task(server.serve([listener]))
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def run(url: str, header: str, *, examples: int, folder) -> tuple[int, str]:
    """Let schemathesis send what it thinks of; its exit code, and what it said."""
    code = "import sys; from schemathesis.cli import schemathesis; schemathesis()"
    options = [
        *("--header", header, "--max-examples", str(examples), "--seed", "1", "--request-timeout", str(STEP_SECONDS)),
        *("--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "all", "--continue-on-failure"),
        *("--generation-database", "none"),
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, "run", url, *options),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(RUN_SECONDS_MAX):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
