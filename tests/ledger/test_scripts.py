"""The scripts by themselves: what they refuse whoever asks, and how they are put together."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from meter.ledger import scripts
from meter.ledger.engine import RedisLedger
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.scripts import Script
from tests.ledger.books import charged, lot, opened, order, stands

FOLDER = Path(scripts.__file__).parent / "scripts"
ALL = sorted(path.stem for path in FOLDER.glob("*.lua"))

NO_AMOUNTS = [
    *("nan", "inf", "-inf", "0x10", "1e3", " 5 ", "5 ", "-5", "+5", "5.0", "", "5\n", "5\x00", "٥"),
    *("9007199254740992", "9007199254740993", "99999999999999999", "00000000000000005"),
]


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=repr)
async def test_a_price_that_is_no_amount_is_refused_by_the_script_itself(ledger: RedisLedger, amount: str) -> None:
    account = await opened(ledger)
    placed = order(ledger, account, amount)  # type: ignore[arg-type]

    with pytest.raises(LedgerUnavailable, match="the amount is not a whole number") as caught:
        await ledger.charge(placed)
    assert not caught.value.fate_unknown
    assert (await stands(ledger)).remaining == 100


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=repr)
@pytest.mark.parametrize("field", ["amount", "priority", "cost_basis"])
async def test_a_grant_with_a_number_that_is_none_is_refused_by_the_script_itself(
    ledger: RedisLedger, field: str, amount: str
) -> None:
    await opened(ledger)

    with pytest.raises(LedgerUnavailable, match="an amount of the grant is not a whole number"):
        await ledger.grant("acme", replace(lot("a"), **{field: amount}))
    assert (await stands(ledger)).remaining == 100


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=repr)
async def test_a_refund_of_what_is_no_amount_is_refused_by_the_script_itself(ledger: RedisLedger, amount: str) -> None:
    await charged(ledger, await opened(ledger), 30)
    entry = (await ledger.entries(ledger.shard_of("acme")))[-1][0]

    with pytest.raises(LedgerUnavailable, match="an id or an amount of the refund is malformed"):
        await ledger.refund_entry(entry, account="acme", op="r:1", reason="x", amount=amount)  # type: ignore[arg-type]
    assert (await stands(ledger)).remaining == 70


@pytest.mark.parametrize("amount", [10**14, 2**53 - 1], ids=str)
async def test_large_amounts_are_written_in_digits(ledger: RedisLedger, amount: int) -> None:
    account = await opened(ledger, included=2**53 - 1)
    await charged(ledger, account, amount)
    text = (await ledger.entries(ledger.shard_of("acme")))[-1][1]

    assert f'"amount":"{amount}"' in text
    assert f'"after":"{2**53 - 1 - amount}"' in text
    assert (await stands(ledger)).remaining == 2**53 - 1 - amount


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({"quote": "[]"}, "the quote is not a JSON object", id="a list"),
        pytest.param({"quote": '{"a":"' + "x" * 3072 + '"}'}, "at most 3 KiB", id="a quote too long"),
    ],
)
async def test_a_quote_that_would_break_its_entry_is_refused(ledger: RedisLedger, more: dict, said: str) -> None:
    account = await opened(ledger)

    with pytest.raises(LedgerUnavailable, match=said):
        await ledger.charge(replace(order(ledger, account), **more))


@pytest.mark.parametrize("name", ALL)
def test_every_script_says_its_keys_and_arguments_and_what_it_answers(name: str) -> None:
    text = (FOLDER / f"{name}.lua").read_text()

    assert re.search(r"KEYS", text)
    assert re.search(r"^-- (ARGV|ARGV\[1\])", text, re.MULTILINE)
    assert re.search(r"^-- (Replies|Returns)", text, re.MULTILINE)


COMPILE = """
import sys
from lupa.{version} import LuaRuntime
from meter.ledger import scripts
load = LuaRuntime().eval("function(text) return (loadstring or load)(text) ~= nil end")
print([name for name in sys.argv[1:] if not load(scripts.load(name).plain_text)])
"""


@pytest.mark.parametrize("version", ["lua51", "lua54"])
def test_every_script_is_valid_in_old_and_new_lua(version: str) -> None:
    """In a process of its own: two Luas in one crash."""
    command = [sys.executable, "-c", COMPILE.format(version=version), *ALL]
    broken = subprocess.run(command, capture_output=True, text=True, check=True)

    assert broken.stdout == "[]\n"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.lua")), ids=lambda path: path.stem)
def test_no_script_writes_a_number_by_tostring(path: Path) -> None:
    code = re.sub(r"--.*", "", path.read_text())

    assert "tostring" not in code
    assert "INCRBYFLOAT" not in code


def test_every_script_has_the_first_line_by_which_a_full_store_refuses_it_before_it_starts() -> None:
    loaded = [one for one in vars(scripts).values() if isinstance(one, Script)]

    assert all(one.text.startswith("#!lua") for one in loaded)
    assert not any(one.plain_text.startswith("#!") for one in loaded)
