"""A Zeek TSV.gz into the session table, against DuckDB's bare read_csv of the same file into Parquet."""

import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
from _measure import RUNS, folder, line, medians, report_as_child

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading import load
from herdsight.logs.writing import opened

ROWS = 2_000_000
_LEAST_RATIO, _MOST_MIB = 0.6, 1024
_MEMORY = "700MB"
_BATCH = 50_000
_FIELDS = (
    "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state local_orig"
    " local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents"
)

# One line of the log for row i; hash() makes it the same in every run.
_LINE = r"""
WITH lines AS (SELECT i FROM range(?, ?) AS t(i)), picked AS (SELECT i, CAST(hash(i, 9) % 60 AS INT) AS n FROM lines)
SELECT concat_ws(chr(9),
    printf('%.6f', 1700000000 + i * 0.04 + hash(i) % 1000000 / 1e6), printf('C%x', hash(i, 1)),
    '10.0.' || hash(i, 2) % 8 || '.' || hash(i, 3) % 250, 1024 + hash(i, 4) % 60000,
    (1 + hash(i, 5) % 220) || '.' || hash(i, 6) % 256 || '.' || hash(i, 7) % 256 || '.' || hash(i, 8) % 256,
    [80, 443, 53, 22, 5888][1 + n % 5], ['tcp', 'udp'][1 + n % 2],
    ['-', 'dns', 'http', 'ssl', 'ssl,http'][1 + n % 5], printf('%.6f', hash(i, 12) % 9000000 / 1e6),
    hash(i, 13) % 100000, hash(i, 14) % 1000000, ['SF', 'S0', 'REJ', 'RSTO', 'OTH', 'SHR'][1 + n % 6],
    'T', 'F', '0', ['ShADadFf', 'S', 'Dd', 'ShR'][1 + n % 4], hash(i, 17) % 99, hash(i, 18) % 99999,
    hash(i, 19) % 99, hash(i, 20) % 999999, '-')
FROM picked
"""


def make(path: Path, rows: int, start: int = 0) -> None:
    """A conn.log of one office from a row on; packed where its name ends in .gz. It is hundreds of MB unpacked."""
    connection = duckdb.connect()
    with opened(path) as file:
        file.write("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n")
        file.write("#fields\t" + _FIELDS.replace(" ", "\t") + "\n")
        for first in range(start, start + rows, _BATCH):
            found = connection.execute(_LINE, [first, min(first + _BATCH, start + rows)]).fetchall()
            file.writelines(f"{text}\n" for (text,) in found)


def main() -> None:
    """Print the lines, or do one side's work when called by itself."""
    if len(sys.argv) > 2:  # noqa: PLR2004 side and file
        report_as_child(_SIDES[sys.argv[1]](Path(sys.argv[2])))
        return
    rows, runs = (ROWS // 20, 1) if "--quick" in sys.argv else (ROWS, RUNS)
    with folder() as place:
        path = place / "conn.log.gz"
        make(path, rows)
        found = medians(__file__, {name: (name, str(path)) for name in _SIDES}, runs)
    what = f"Zeek TSV.gz into the session table, {rows:,} rows"
    speed, peak = found["bare"].seconds / found["load"].seconds, found["load"].peak_mib
    line(f"{what}: speed", f"{speed:.0%} of read_csv", f"at least {_LEAST_RATIO:.0%}", reached=speed >= _LEAST_RATIO)
    line(f"{what}: memory", f"{peak:,.0f} MiB", f"at most {_MOST_MIB:,} MiB", reached=peak <= _MOST_MIB)


def _load(path: Path) -> Callable[[], object]:
    engine = DuckDbEngine(_MEMORY)
    return lambda: _not_empty(load(engine, [path]).inputs[0].rows)


def _bare(path: Path) -> Callable[[], object]:
    connection = duckdb.connect(config={"memory_limit": _MEMORY})
    parquet = path.with_suffix(".parquet")
    read = "SELECT * FROM read_csv(?, delim = chr(9), header = false, skip = 6, quote = '', escape = '')"
    return lambda: connection.execute(f"COPY ({read}) TO '{parquet}'", [str(path)])


def _not_empty(rows: int) -> None:
    if not rows:
        raise AssertionError("a side found nothing")


_SIDES = {"load": _load, "bare": _bare}


if __name__ == "__main__":
    main()
