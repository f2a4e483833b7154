"""All analytics over sessions in Parquet, as a hunt runs them: their time beside one bare GROUP BY, lopsided data too.

Bars: the table of pairs and all analytics together at most 5 times the GROUP BY over 10 million sessions of 50,000
hosts and 1 million pairs, under 4 GB; and no more on one busy pair, one busy server or one wide scanner than a sort
costs. `--quick` takes a twentieth of the rows; `--large` ten times as many, evenly spread, which must finish under
24 GB. Each analytic is measured alone as well, with the table of pairs that it needs.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
from _measure import folder, in_child, line, medians, report_as_child
from sqlglot import exp

from herdsight import tables
from herdsight.analytics import ANALYTICS, Sight
from herdsight.analytics.pairs import made
from herdsight.tables import NETWORK_SESSION, ColumnType

ROWS = 10_000_000
_RUNS = 3
_MOST_TIMES, _MOST_MIB, _MOST_LARGE_MIB = 5, 4096, 24 * 1024

_DAY = 86_400_000_000  # microseconds
# Who calls whom, by the number of a session, of `rows` in all: hosts h, places d, ports p, and whether from outside.
SHAPES: Mapping[str, Callable[[int], str]] = {
    "even": lambda rows: (
        f"hash(i) % {rows // 200} AS h, hash(hash(i) % {rows // 200}, i % 20) % {rows // 10} AS d, 443 AS p"
    ),
    "busy pair": lambda rows: f"i % 2 * (hash(i) % {rows // 200}) AS h, i % 2 * (hash(i, 1) % 1000) AS d, 443 AS p",
    "busy server": lambda rows: f"hash(i) % {rows // 10} AS h, 0 AS d, 443 AS p",
    "wide scanner": lambda rows: f"0 AS h, i % {rows // 10} AS d, 23 AS p",
}
_COLUMNS = {
    "EventType": "'NetworkSession'",
    "NetworkProtocol": "'TCP'",
    "EventResult": "CASE WHEN hash(i, 2) % 10 = 0 THEN 'Failure' ELSE 'Success' END",
    "EventCount": "1",
    "SrcPortNumber": "CAST(1024 + hash(i, 3) % 60000 AS INTEGER)",
    "DstPortNumber": "CAST(p AS INTEGER)",
    "SrcBytes": "CAST(hash(i, 4) % 10000 AS BIGINT)",
    "DstBytes": "CAST(hash(i, 5) % 100000 AS BIGINT)",
    "SrcPackets": "CAST(hash(i, 4) % 100 AS BIGINT)",
    "DstPackets": "CAST(hash(i, 5) % 100 AS BIGINT)",
    "NetworkDuration": "CAST(hash(i, 6) % 10000 AS INTEGER)",
}


def main() -> None:
    """Print the lines, or do one side's work when called by itself."""
    if len(sys.argv) > 3:  # noqa: PLR2004 side, name, file
        report_as_child(lambda: _SIDES[sys.argv[1]](sys.argv[2], Path(sys.argv[3])))
        return
    with folder() as place:
        if "--large" in sys.argv:
            _finish(_made(place, "even", ROWS * 10), ROWS * 10)
            return
        rows, runs = (ROWS // 20, 1) if "--quick" in sys.argv else (ROWS, _RUNS)
        for shape in SHAPES:
            _compare(shape, _made(place, shape, rows), rows, runs)


def _finish(file: Path, rows: int) -> None:
    found = in_child(__file__, "hunt", ",".join(_names()), str(file))
    target, reached = f"under {_MOST_LARGE_MIB:,} MiB", found.peak_mib < _MOST_LARGE_MIB
    line(f"all, even, {rows:,} sessions", f"{found.seconds:.0f} s, {found.peak_mib:,.0f} MiB", target, reached=reached)


def _names() -> list[str]:
    """The analytics that sessions alone can be asked by."""
    return [each.name for each in ANALYTICS if NETWORK_SESSION in each.reads and not each.beside]


def _compare(shape: str, file: Path, rows: int, runs: int) -> None:
    asked = {"pairs": "", **{name: name for name in _names()}, "all": ",".join(_names())}
    sides = {"bare": ("bare", "-", str(file)), **{side: ("hunt", names, str(file)) for side, names in asked.items()}}
    found = medians(__file__, sides, runs)
    for side in asked:
        times = found[side].seconds / found["bare"].seconds
        line(
            f"{side}, {shape}, {rows:,} sessions",
            f"{times:.1f}x, {found[side].peak_mib:,.0f} MiB",
            f"under {_MOST_MIB:,} MiB" if side != "all" else f"at most {_MOST_TIMES}x, {_MOST_MIB:,} MiB",
            reached=found[side].peak_mib < _MOST_MIB and (side != "all" or times <= _MOST_TIMES),
        )


def _made(place: Path, shape: str, rows: int) -> Path:
    file = place / f"{shape.replace(' ', '-')}.parquet"
    inbound = shape == "busy server"
    near, far = ("Dst", "Src") if inbound else ("Src", "Dst")
    inside, outside = ("d", "h") if inbound else ("h", "d")
    columns = {
        "TimeGenerated": f"TIMESTAMP '2026-03-01' + to_microseconds(CAST(hash(i, 7) % {_DAY} AS BIGINT))",
        "NetworkDirection": "'Inbound'" if inbound else "'Outbound'",
        f"{near}IpAddr": _address("10", inside),
        f"{far}IpAddr": _address("203", outside),
        **_COLUMNS,
    }
    named = ", ".join(f"{tree} AS {name}" for name, tree in columns.items())
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {named} FROM (SELECT i, {SHAPES[shape](rows)} FROM range({rows}) AS r(i))) TO '{file}' (FORMAT parquet)"  # noqa: E501
        )
    return file


def _address(first: str, number: str) -> str:
    return f"'{first}.' || ({number} // 65536) || '.' || ({number} // 256 % 256) || '.' || ({number} % 256)"


def _bare(_: str, file: Path) -> None:
    with duckdb.connect() as connection:
        connection.sql(
            f"SELECT SrcIpAddr, DstIpAddr, DstPortNumber, COUNT(*) FROM '{file}' GROUP BY ALL"
        ).to_arrow_table()


def _hunt(names: str, file: Path) -> None:
    """The table of pairs and these analytics, by their names between commas, on one connection."""
    asked = [each for each in ANALYTICS if each.name in names.split(",")]
    with duckdb.connect(config={"memory_limit": "4GB", "temp_directory": f"{file}.spill"}) as connection:
        there = set(connection.sql(f"SELECT * FROM '{file}' LIMIT 0").columns)
        named = ", ".join(
            each.name if each.name in there else f"{_EMPTY.get(each.type, 'NULL')} AS {each.name}"
            for each in tables.table(NETWORK_SESSION).columns
        )
        connection.execute(f"CREATE SCHEMA kept; CREATE VIEW kept.{NETWORK_SESSION} AS SELECT {named} FROM '{file}'")
        connection.execute(made("kept").sql(dialect="duckdb"))

        def run(tree: exp.Expr) -> pa.Table:
            answer: pa.Table = connection.sql(tree.sql(dialect="duckdb")).to_arrow_table()
            return answer

        for each in asked:
            each.find(Sight(run, "kept", frozenset({NETWORK_SESSION}), lambda _: {}, {}))


_EMPTY = {ColumnType.STRING: "''"}
_SIDES = {"bare": _bare, "hunt": _hunt}

if __name__ == "__main__":
    main()
