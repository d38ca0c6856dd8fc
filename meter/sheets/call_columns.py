"""Traffic from files as columns, for many calls: Parquet goes by DuckDB, and never becomes rows.

A Parquet file whose columns are not of the plain types, or in which anything is wrong, is read row by row instead: that
says what is wrong, and where.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from meter.credits import LIMIT, MICRO, Credits
from meter.economics.exact import EconomicsError, parse
from meter.economics.replay.columns import Coded, Columns, Measured, columns_of, joined
from meter.economics.replay.kinds import distinct
from meter.economics.replay.rule import Facts
from meter.policy.model import Policy
from meter.sheets.calls import REQUIRED, USAGE, calls
from meter.sheets.entries import is_ledger
from meter.sheets.extra import needed
from meter.sheets.left_out import LeftOut
from meter.sheets.rows import AT_MAX

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
NUMBERS = (*WHOLE, "DOUBLE")
NAMES = ("account", "operation", "plan")
AMOUNT = "DECIMAL(18,6)"
"""What holds every amount, to the micro-credit."""
MONEY = "DECIMAL(38,12)"
"""What measured costs are summed in."""


def traffic(paths: Iterable[Path], *, policy: Policy | None = None, left_out: LeftOut | None = None) -> Columns:
    """The calls of files, in order of time.

    Raises:
        SheetError: as ``calls``.
        EconomicsError: there is no call.
        OSError: a file can't be read.
    """
    found = list(paths)
    # Files of one ledger are read together: what one of them holds was given back in another.
    ledger = [path for path in found if is_ledger(path)]
    parts = [columns_of(calls(ledger))] if ledger else []
    return joined(parts + [_columns(path, policy, left_out) for path in found if not is_ledger(path)])


def _columns(path: Path, policy: Policy | None, left_out: LeftOut | None) -> Columns:
    fast = parquet_columns(path) if path.suffix.lower() == ".parquet" else None
    return columns_of(calls([path], policy=policy, left_out=left_out)) if fast is None else fast


def parquet_columns(path: Path) -> Columns | None:
    """The calls of a Parquet file in its own order; None where only its rows can say what they hold."""
    duckdb = needed("duckdb")
    path.open("rb").close()
    with duckdb.connect() as database:
        try:
            database.execute("SET threads = 1")
            database.execute("SET TimeZone = 'UTC'")
            return _read(database, path)
        except (duckdb.Error, EconomicsError):
            return None


def _read(database: Any, path: Path) -> Columns | None:  # noqa: ANN401 - DuckDB's connection has no stubs to rely on
    described = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    types = {name: kind for name, kind, *_ in described}
    if not _is_plain(types) or not _is_sound(database, path, types):
        return None
    enums = {"account": "", "operation": ""} | {
        name: "" for name in ("plan", "commitment", "load", "charged") if name in types
    }
    values = {name: _enumerated(database, path, name) for name in enums}
    if any(value != value.strip() for name in NAMES for value in values.get(name, ())):
        return None
    meters = [name for name in types if name.startswith(USAGE)]
    chosen = [
        f'{_second(types["at"])} AS "at"',
        f"CAST(CAST(credits AS {AMOUNT}) * {MICRO} AS BIGINT) AS micro",
        *(
            f"coalesce(enum_code({_quoted(name)}::VARCHAR::{_enum(name)})::INTEGER, -1) AS {_quoted(name)}"
            for name in enums
        ),
        *map(_quoted, meters),
    ]
    said = database.execute(f"SELECT {', '.join(chosen)} FROM read_parquet(?)", [str(path)]).fetchnumpy()  # noqa: S608 - columns' names are quoted
    return Columns(
        at=np.asarray(said["at"], np.int64),
        account=Coded(np.asarray(said["account"], np.int32), tuple(values["account"])),
        operation=Coded(np.asarray(said["operation"], np.int32), tuple(values["operation"])),
        micro=np.asarray(said["micro"], np.int64),
        facts=_facts(said, values),
        usage={name.removeprefix(USAGE): _units(said[name]) for name in meters},
        costs=_costs(database, path) if "cost" in types else {},
    )


def _is_plain(types: dict[str, str]) -> bool:
    amounts = [kind for name, kind in types.items() if name in ("credits", "commitment", "charged", "cost")]
    return (
        all(name in types for name in REQUIRED)
        and types["at"] in (*WHOLE, "TIMESTAMP WITH TIME ZONE")
        and all(types[name] == "VARCHAR" for name in ("account", "operation", "plan", "load") if name in types)
        and all(kind in NUMBERS or kind.startswith("DECIMAL") for kind in amounts)
        and all(kind in NUMBERS for name, kind in types.items() if name.startswith(USAGE))
    )


def _is_sound(database: Any, path: Path, types: dict[str, str]) -> bool:  # noqa: ANN401
    """Whether every row is a call, without a look at what it says."""
    least = [name for name in types if name in ("credits", "commitment", "charged", "cost") or name.startswith(USAGE)]
    faults = [
        *(f"{_quoted(name)} IS NULL" for name in REQUIRED),
        *(f"NOT isfinite({_quoted(name)}::DOUBLE) OR {_quoted(name)} < 0" for name in least),
        "trim(account) = '' OR trim(operation) = ''",
        f"CAST(credits AS {AMOUNT}) <> credits OR credits > {LIMIT // MICRO}",
        *(["charged > 1"] if "charged" in types else []),
        f"{_second(types['at'])} NOT BETWEEN 0 AND {AT_MAX}",
    ]
    asked = f"SELECT count(*) FROM read_parquet(?) WHERE {' OR '.join(f'({fault})' for fault in faults)}"  # noqa: S608 - as above
    (wrong,) = database.execute(asked, [str(path)]).fetchone()
    return not wrong


def _second(kind: str) -> str:
    return 'epoch_us("at") // 1000000' if kind not in WHOLE else '"at"::BIGINT'


def _enumerated(database: Any, path: Path, name: str) -> list[str]:  # noqa: ANN401
    """The distinct values of a column, which is an enum in the database from now on."""
    column = _quoted(name)
    asked = f"SELECT DISTINCT {column}::VARCHAR FROM read_parquet(?) WHERE {column} IS NOT NULL ORDER BY 1"  # noqa: S608
    values = [value for (value,) in database.execute(asked, [str(path)]).fetchall()]
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values or [""])
    database.execute(f"CREATE TYPE {_enum(name)} AS ENUM ({listed})")
    return values


def _enum(name: str) -> str:
    return f"of_{name}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _facts(said: dict[str, Any], values: dict[str, list[str]]) -> Coded[Facts]:
    """Which plan, commitment, load and share each call has: all that are there together, once."""
    names: list[str] = [name for name in ("plan", "commitment", "load", "charged") if name in values]
    keys = np.zeros(len(said["at"]), np.int64)
    for name in names:
        keys = keys * (len(values[name]) + 1) + np.asarray(said[name], np.int64) + 1
    codes, firsts = distinct(keys, prod(len(values[name]) + 1 for name in names))
    return Coded(codes.astype(np.int32), tuple(_fact(int(key), names, values) for key in keys[firsts]))


def _fact(key: int, names: list[str], values: dict[str, list[str]]) -> Facts:
    cells: dict[str, str] = {}
    for name in reversed(names):
        key, place = divmod(key, len(values[name]) + 1)
        if place:
            cells[name] = values[name][place - 1]
    micro = parse(cells.get("commitment", "0")) * MICRO
    if micro.denominator != 1 or micro > LIMIT:
        raise EconomicsError(f"{cells['commitment']} is no amount of credits.")
    return Facts(
        plan=cells.get("plan") or None,
        commitment=Credits(micro.numerator),
        load=frozenset(cells.get("load", "").split()),
        charged=parse(cells.get("charged", "1")),
    )


def _units(column: Any) -> Coded[Fraction | None]:  # noqa: ANN401
    """Units by code; 0 is of calls that say nothing."""
    missing = np.ma.getmaskarray(column)
    found, codes = np.unique(np.ma.getdata(column)[~missing], return_inverse=True)
    placed = np.zeros(len(column), np.int32)
    placed[~missing] = codes + 1
    return Coded(placed, (None, *(parse(repr(value)) for value in found.tolist())))


def _costs(database: Any, path: Path) -> dict[str, Measured]:  # noqa: ANN401
    asked = f"SELECT operation, count(cost), sum(CAST(cost AS {MONEY})) FROM read_parquet(?) GROUP BY 1"  # noqa: S608 - as above
    rows = database.execute(asked, [str(path)]).fetchall()
    return {name: Measured(calls=many, money=Fraction(money)) for name, many, money in rows if many}
