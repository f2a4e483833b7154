"""A hunt with twelve rules over ten million sessions: time against reading the kept columns once, and memory."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
from _measure import RUNS, folder, line, medians, report_as_child

from herdsight.hunting.hunt import hunt
from herdsight.rules.reading import RuleFile, shipped_rules
from herdsight.telemetry import Options

ROWS = 10_000_000
_RULES = 12
_MEMORY = "2GB"
_MOST_MIB = 3 * 1024


def make(path: Path, rows: int) -> None:
    """A day of sessions of 2,000 inside hosts with the outside, one in twenty from there, as Defender exports them."""
    connection = duckdb.connect()
    connection.execute(
        f"""
        COPY (
            SELECT
                TIMESTAMP '2026-03-01' + to_microseconds(CAST(i AS BIGINT) * 86400000000 // {rows}) AS TimeGenerated,
                'device' || hash(i, 1) % 2000 || '.corp.example' AS DeviceName,
                CASE WHEN hash(i, 2) % 20 = 0 THEN 'InboundConnectionAccepted' WHEN hash(i, 3) % 10 < 8
                    THEN 'ConnectionSuccess' ELSE 'ConnectionFailed' END AS ActionType,
                '10.' || hash(i, 1) % 8 || '.' || hash(i, 1) % 250 || '.7' AS LocalIP,
                (1024 + hash(i, 4) % 60000)::INT AS LocalPort,
                '45.' || hash(i, 5) % 40 || '.' || hash(i, 6) % 250 || '.' || hash(i, 7) % 10 AS RemoteIP,
                [443, 80, 53, 8443, 4444, 993, 22, 5222][CAST(1 + hash(i, 8) % 8 AS INTEGER)]::INT AS RemotePort,
                'Public' AS RemoteIPType,
                'Tcp' AS Protocol,
                ['chrome.exe', 'svchost.exe', 'agent.exe', 'updater.exe'][CAST(1 + hash(i, 9) % 4 AS INTEGER)]
                    AS InitiatingProcessFileName,
                (hash(i, 10) % 20000)::BIGINT AS InitiatingProcessId,
                'user' || hash(i, 1) % 2000 AS InitiatingProcessAccountName,
                'run.exe --profile ' || hash(i, 11) % 50 AS InitiatingProcessCommandLine
            FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)
        """
    )


def rules(count: int) -> list[RuleFile]:
    """The shipped rules as often as it takes, each under a name of its own, once a day."""
    shipped = shipped_rules()
    chosen = [shipped[number % len(shipped)] for number in range(count)]
    return [
        replace(
            each,
            slug=f"{each.slug}-{number}",
            rule=each.rule.model_copy(update={"queryFrequency": each.rule.queryPeriod}),
        )
        for number, each in enumerate(chosen)
    ]


def main() -> None:
    """Print the lines, or do one side's work when called by itself."""
    if len(sys.argv) > 2:  # noqa: PLR2004 side and file
        report_as_child(_SIDES[sys.argv[1]](Path(sys.argv[2])))
        return
    rows, runs = (ROWS // 20, 1) if "--quick" in sys.argv else (ROWS, min(RUNS, 3))
    with folder() as place:
        path = place / "sessions.parquet"
        make(path, rows)
        found = medians(__file__, {name: (name, str(path)) for name in _SIDES}, runs)
    what = f"Hunt with {_RULES} rules, {rows:,} sessions"
    ratio = found["twelve"].seconds / found["three"].seconds
    line(f"{what}: time", f"{found['twelve'].seconds:.1f} s", "(for information)", reached=True)
    line(f"{what}: time against three rules", f"{ratio:.2f}x", "(for information)", reached=True)
    peak = found["twelve"].peak_mib
    line(f"{what}: memory", f"{peak:,.0f} MiB", f"at most {_MOST_MIB:,} MiB", reached=peak <= _MOST_MIB)


def _hunt(count: int) -> Callable[[Path], Callable[[], object]]:
    return lambda path: lambda: hunt([path], Options(memory=_MEMORY), rules=rules(count))


_SIDES = {"twelve": _hunt(_RULES), "three": _hunt(3)}


if __name__ == "__main__":
    main()
