"""Query 3 of the page, as KQL through the interval join, against the join as SQL says it, on one busy host."""

import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
from _measure import RUNS, Figure, folder, in_child, line, medians, report_as_child

from herdsight.querying import compiled, run
from herdsight.telemetry import Options, Telemetry

EACH = 200_000  # connections each way
_MEMORY = "1GB"
_LEAST_RATIO, _MOST_MIB, _MOST_GROWTH = 20, 1536, 2.6

KQL = """
let span = 5m;
let came = DeviceNetworkEvents
    | where Timestamp > ago(24h)
    | where ActionType == "InboundConnectionAccepted" and RemoteIPType == "Public"
    | project CameAt = Timestamp, DeviceName, CameFrom = RemoteIP;
let went = DeviceNetworkEvents
    | where Timestamp > ago(24h)
    | where ActionType == "ConnectionSuccess" and RemoteIPType == "Public"
    | where RemotePort !in (80, 443, 53)
    | project WentAt = Timestamp, DeviceName, WentTo = RemoteIP, InitiatingProcessFileName;
came
| join kind=inner went on DeviceName
| where WentAt between (CameAt .. (CameAt + span))
| where CameFrom != WentTo
| summarize Pairs = count(), Sources = make_set(CameFrom, 10), Targets = make_set(WentTo, 10)
    by DeviceName, InitiatingProcessFileName
| where Pairs >= 3
"""

SQL = """
WITH came AS (SELECT * FROM read_parquet(?) WHERE ActionType = 'InboundConnectionAccepted' AND RemoteIPType = 'Public'),
    went AS (SELECT * FROM read_parquet(?) WHERE ActionType = 'ConnectionSuccess' AND RemoteIPType = 'Public'
        AND RemotePort NOT IN (80, 443, 53))
SELECT went.DeviceName, went.InitiatingProcessFileName, count(*) AS pairs,
    list(DISTINCT came.RemoteIP)[1:10] AS sources, list(DISTINCT went.RemoteIP)[1:10] AS targets
FROM came JOIN went ON came.DeviceName = went.DeviceName
    AND went.Timestamp BETWEEN came.Timestamp AND came.Timestamp + INTERVAL 5 MINUTES
    AND came.RemoteIP <> went.RemoteIP
GROUP BY ALL HAVING count(*) >= 3
"""


def make(path: Path, each: int) -> None:
    """A day of one host with so many connections in and as many out, at random times and from random addresses."""
    duckdb.connect().execute(
        f"""
        COPY (SELECT
            TIMESTAMP '2026-03-01' + to_microseconds(CAST(hash(i) % 86400000000 AS BIGINT)) AS Timestamp,
            'gateway' AS DeviceName,
            CASE WHEN i % 2 = 0 THEN 'InboundConnectionAccepted' ELSE 'ConnectionSuccess' END AS ActionType,
            'Public' AS RemoteIPType,
            '45.' || hash(i, 2) % 250 || '.' || hash(i, 3) % 250 || '.9' AS RemoteIP,
            CAST(4000 + hash(i, 4) % 1000 AS INTEGER) AS RemotePort,
            CASE WHEN i % 2 = 0 THEN '' ELSE 'service' END AS InitiatingProcessFileName
        FROM range({2 * each}) t(i)) TO '{path}' (FORMAT parquet)
        """
    )


def main() -> None:
    """Print the lines, or do one side's work when called by itself."""
    if len(sys.argv) > 2:  # noqa: PLR2004 side and file
        report_as_child(_SIDES[sys.argv[1]](Path(sys.argv[2])))
        return
    each, runs = (EACH // 10, 1) if "--quick" in sys.argv else (EACH, RUNS)
    with folder() as place:
        single, double = place / "single.parquet", place / "double.parquet"
        make(single, each)
        make(double, 2 * each)
        ours = medians(__file__, {"single": ("kql", str(single)), "double": ("kql", str(double))}, runs)
        naive = in_child(__file__, "sql", str(single))  # once: it takes minutes
    _report(each, ours["single"], ours["double"], naive)


def _report(each: int, single: Figure, double: Figure, naive: Figure) -> None:
    what = f"Query 3 as KQL, {each:,} connections each way"
    ratio, growth = naive.seconds / single.seconds, double.seconds / single.seconds
    line(f"{what}: time", f"{ratio:.0f}x faster", f"at least {_LEAST_RATIO}x the join", reached=ratio >= _LEAST_RATIO)
    peak = single.peak_mib
    line(f"{what}: memory", f"{peak:,.0f} MiB", f"at most {_MOST_MIB:,} MiB", reached=peak <= _MOST_MIB)
    line(
        f"{what}: twice as many", f"{growth:.2f}x the time", f"at most {_MOST_GROWTH}x", reached=growth <= _MOST_GROWTH
    )


def _kql(path: Path) -> Callable[[], object]:
    telemetry = Telemetry([path], Options(memory=_MEMORY))
    return lambda: _one(len(run(telemetry, compiled(KQL)[0].query.relation)))


def _sql(path: Path) -> Callable[[], object]:
    connection = duckdb.connect(config={"memory_limit": "20GB"})
    return lambda: _one(len(connection.execute(SQL, [str(path)] * 2).fetchall()))


def _one(rows: int) -> None:
    if rows != 1:
        raise AssertionError(f"{rows} groups, where there is one")


_SIDES = {"kql": _kql, "sql": _sql}


if __name__ == "__main__":
    main()
