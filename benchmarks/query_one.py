"""Query 1 of the page, as KQL through Herdsight, against SQL written by hand, on the same DuckDB and Parquet."""

import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
from _measure import RUNS, folder, line, medians, report_as_child

from herdsight import query
from herdsight.querying import compiled, run
from herdsight.telemetry import Options, Telemetry

ROWS = 10_000_000
_MEMORY = "700MB"
_MOST_RATIO, _MOST_MIB = 1.2, 1024

KQL = """
let quiet = dynamic(["svchost.exe", "SearchIndexer.exe", "MicrosoftEdgeUpdate.exe", "OneDrive.exe", "Teams.exe",
    "outlook.exe", "msedge.exe", "chrome.exe", "firefox.exe"]);
DeviceNetworkEvents
| where Timestamp > ago(24h)
| where ActionType == "ConnectionSuccess" and RemoteIPType == "Public"
| where not(InitiatingProcessFileName has_any (quiet))
| where not(RemotePort in (dynamic([80, 443, 53])))
| summarize ConnectionCount = count(), FirstSeen = min(Timestamp), LastSeen = max(Timestamp),
    DurationMinutes = datetime_diff('minute', max(Timestamp), min(Timestamp)),
    SampleCommandLine = any(InitiatingProcessCommandLine)
    by DeviceName, InitiatingProcessAccountName, InitiatingProcessFileName, InitiatingProcessId, RemoteIP, RemotePort
| where ConnectionCount >= 12 and DurationMinutes >= 30
| extend ConnectionsPerHour = toreal(ConnectionCount) / (toreal(DurationMinutes) / 60.0)
| where ConnectionsPerHour >= 4 and ConnectionsPerHour <= 120
| sort by ConnectionCount desc
"""

# The same meaning, as a person who knows DuckDB would write it.
SQL = r"""
WITH groups AS (
    SELECT DeviceName, InitiatingProcessAccountName, InitiatingProcessFileName, InitiatingProcessId,
        RemoteIP, RemotePort, count(*) AS n, min(Timestamp) AS first, max(Timestamp) AS last,
        any_value(InitiatingProcessCommandLine) AS command
    FROM read_parquet(?)
    WHERE Timestamp > (SELECT max(Timestamp) FROM read_parquet(?)) - INTERVAL 24 HOURS
      AND ActionType = 'ConnectionSuccess' AND RemoteIPType = 'Public'
      AND NOT regexp_matches(InitiatingProcessFileName, '(?i)(?:^|[^\pL\pN])(?:svchost\.exe|SearchIndexer\.exe|'
          || 'MicrosoftEdgeUpdate\.exe|OneDrive\.exe|Teams\.exe|outlook\.exe|msedge\.exe|chrome\.exe|firefox\.exe)'
          || '(?:$|[^\pL\pN])')
      AND (RemotePort IS NULL OR RemotePort NOT IN (80, 443, 53))
    GROUP BY ALL)
SELECT *, n / (date_diff('minute', first, last) / 60.0) AS an_hour FROM groups
WHERE n >= 12 AND date_diff('minute', first, last) >= 30 AND an_hour BETWEEN 4 AND 120 ORDER BY n DESC
"""


def make(path: Path, rows: int) -> None:
    """A day of 2,000 devices: many processes call many addresses once or twice; 500 beacons make 1 % of the rows."""
    connection = duckdb.connect()
    connection.execute(
        f"""
        COPY (
            WITH numbered AS (SELECT i, i % 100 = 0 AS is_beacon, hash(i) % 500 AS beacon FROM range({rows}) t(i))
            SELECT
                TIMESTAMP '2026-03-01' + to_microseconds(CAST(i AS BIGINT) * 86400000000 // {rows}) AS Timestamp,
                'device' || CASE WHEN is_beacon THEN beacon ELSE hash(i, 0) % 2000 END || '.corp.example' AS DeviceName,
                CASE WHEN is_beacon OR hash(i, 1) % 10 < 7 THEN 'ConnectionSuccess' ELSE 'ConnectionFailed' END
                    AS ActionType,
                CASE WHEN is_beacon THEN '46.1.' || beacon % 250 || '.7'
                    ELSE '45.' || hash(i, 2) % 40 || '.' || hash(i, 3) % 250 || '.' || hash(i, 9) % 10 END AS RemoteIP,
                CASE WHEN is_beacon THEN 4444
                    ELSE [443, 80, 53, 8443, 4444, 993, 22, 5222][CAST(1 + hash(i, 4) % 8 AS INTEGER)] END::INT
                    AS RemotePort,
                CASE WHEN is_beacon OR hash(i, 5) % 10 < 8 THEN 'Public' ELSE 'Private' END AS RemoteIPType,
                CASE WHEN is_beacon THEN 'updater.exe' ELSE ['chrome.exe', 'svchost.exe', 'agent.exe', 'updater.exe',
                    'msedge.exe', 'python.exe'][CAST(1 + hash(i, 6) % 6 AS INTEGER)] END
                    AS InitiatingProcessFileName,
                CASE WHEN is_beacon THEN 4242 ELSE hash(i, 7) % 20000 END::BIGINT AS InitiatingProcessId,
                'user' || CASE WHEN is_beacon THEN beacon ELSE hash(i, 0) % 2000 END AS InitiatingProcessAccountName,
                'c:\\program files\\app\\run.exe --profile ' || hash(i, 8) % 50 AS InitiatingProcessCommandLine
            FROM numbered) TO '{path}' (FORMAT parquet)
        """
    )


def main() -> None:
    """Print the lines, or do one side's work when called by itself."""
    if len(sys.argv) > 2:  # noqa: PLR2004 side and file
        report_as_child(_SIDES[sys.argv[1]](Path(sys.argv[2])))
        return
    rows, runs = (ROWS // 20, 1) if "--quick" in sys.argv else (ROWS, RUNS)
    with folder() as place:
        path = place / "events.parquet"
        make(path, rows)
        found = medians(__file__, {name: (name, str(path)) for name in _SIDES}, runs)
    what = f"Query 1 as KQL, {rows:,} rows of Parquet"
    ratio, whole = (found[name].seconds / found["sql"].seconds for name in ("kql", "whole"))
    line(f"{what}: time", f"{ratio:.2f}x SQL by hand", f"at most {_MOST_RATIO}x", reached=ratio <= _MOST_RATIO)
    line(f"{what}: with opening the file", f"{whole:.2f}x SQL by hand", "(for information)", reached=True)
    peak = found["whole"].peak_mib
    line(f"{what}: memory", f"{peak:,.0f} MiB", f"at most {_MOST_MIB:,} MiB", reached=peak <= _MOST_MIB)


def _kql(path: Path) -> Callable[[], object]:
    telemetry = Telemetry([path], Options(memory=_MEMORY))
    return lambda: _not_empty(len(run(telemetry, compiled(KQL)[0].query.relation)))


def _whole(path: Path) -> Callable[[], object]:
    return lambda: _not_empty(len(query(KQL, path, memory=_MEMORY)))


def _sql(path: Path) -> Callable[[], object]:
    connection = duckdb.connect(config={"memory_limit": _MEMORY})
    return lambda: _not_empty(len(connection.execute(SQL, [str(path)] * 2).fetchall()))


def _not_empty(rows: int) -> None:
    if not rows:
        raise AssertionError("a side found nothing")


_SIDES = {"kql": _kql, "whole": _whole, "sql": _sql}


if __name__ == "__main__":
    main()
