"""The command line, run in this process: arguments in; exit code, data and talk out."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from json import loads
from pathlib import Path

import pytest

from meter.cli import main

POLICY = """\
version: 1
operations:
  image.analyse: {title: AI analysis, credits: 100}
  other: {title: Anything else, credits: 1}
  users.list: {title: List users, credits: {base: 1, per: {query.limit: 0.01}, at_most: 100}}
  chat:
    title: Chat
    credits: {base: 0, per: {tokens: 0.002}, at_most: 50}
    meters: {tokens: {json: /usage/total_tokens}}
  health: {free: true}
routes:
  - {match: "POST /v1/images/{id}/analysis", operation: image.analyse}
  - {match: GET /v1/users, operation: users.list, when: {query: {limit: "*"}}}
  - {match: GET /v1/beta, operation: image.analyse, when: {header: {x-beta: "1"}}}
  - {match: POST /v1/chat, operation: chat}
  - {match: GET /health, operation: health}
  - {match: "/v1/{rest:path}", operation: other}
adjustments:
  - {name: off-peak, time: {from: "02:00", to: "07:00", zone: UTC}, multiply: 0.7}
  - {name: surge, load: {above: 0.9, until: 0.8, dwell: 30s}, multiply: 1.5}
  - {name: commitment, commitment: {100000: 0.8, 1000000: 0.6}}
plans:
  free: {included: 1000, period: month}
  pro: {included: 250000, period: month, price: "99", currency: USD}
  big: {included: 1000, period: month, commitment: 1000000}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    data: str
    talk: str

    def json(self) -> object:
        """The data, with exact numbers."""
        return loads(self.data, parse_float=Decimal)


Meter = Callable[..., Ended]


@pytest.fixture
def policies(tmp_path, monkeypatch) -> Path:
    """A policy folder that commands find by themselves."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "api.yaml").write_text(POLICY)
    monkeypatch.setenv("METER_POLICIES", str(folder))
    return folder


@pytest.fixture
def meter(capsys, monkeypatch) -> Meter:
    """Run ``meter`` with arguments."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        streams = capsys.readouterr()
        return Ended(code=int(left.value.code or 0), data=streams.out, talk=streams.err)

    return run
