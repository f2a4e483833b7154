"""Files that a query names beside the logs: watchlists and external data, read into memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, json, parquet

from herdsight.errors import InputError
from herdsight.kql import plan

_DELIMITERS = {"csv": ",", "tsv": "\t", "psv": "|", "scsv": ";", "sohsv": "\x01", "txt": "\x00"}


@dataclass(frozen=True, slots=True)
class Watchlist:
    """A watchlist: its items as texts, by column."""

    name: str
    rows: pa.Table

    @property
    def columns(self) -> tuple[str, ...]:
        """Its own columns."""
        return tuple(self.rows.column_names)


def watchlists(files: Sequence[tuple[str, str]]) -> tuple[Watchlist, ...]:
    """Watchlists from (name, CSV file) pairs; the first line of a file names the columns.

    Raises:
        InputError: a file cannot be read.
    """
    return tuple(
        Watchlist(name, _texts(Path(path), ",", header=True, what=f"the watchlist {name!r}")) for name, path in files
    )


def external(node: plan.External, allowed: Mapping[str, str]) -> pa.Table:
    """The rows of a file that a query names, as texts (or, of JSON and Parquet, as they are there).

    Raises:
        InputError: the user has not allowed it, or it cannot be read.
    """
    if node.uri not in allowed:
        raise InputError(
            f"the query reads external data, {node.uri!r}, which is not allowed",
            hint=f"allow it with --external '{node.uri}' or, where it is an address, --external '{node.uri}=FILE'",
        )
    path = Path(allowed[node.uri])
    what = f"the external data {node.uri!r}"
    if node.format in _DELIMITERS:
        names = [field.name for field in node.fields]
        return _texts(path, _DELIMITERS[node.format], header=node.skip_first, what=what, names=names)
    read = json.read_json if node.format == "json" else parquet.read_table
    try:
        rows: pa.Table = read(str(path))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, what, error) from error
    missing = [pa.nulls(rows.num_rows, pa.string()) for field in node.fields if field.name not in rows.column_names]
    for field in node.fields:
        if field.name not in rows.column_names:
            rows = rows.append_column(field.name, missing.pop())
    return rows.select([field.name for field in node.fields])


def _texts(path: Path, delimiter: str, *, header: bool, what: str, names: Sequence[str] = ()) -> pa.Table:
    """All values of a delimited file as texts; with `names`, its first so many columns."""
    reading = csv.ReadOptions(skip_rows=1 if names and header else 0, autogenerate_column_names=bool(names))
    parsing = csv.ParseOptions(
        delimiter=delimiter, quote_char=False if delimiter == "\x00" else '"', newlines_in_values=True
    )
    try:
        head = csv.read_csv(path, reading, parsing, _converting([]))
        rows = csv.read_csv(path, reading, parsing, _converting(head.column_names))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, what, error) from error
    if not names:
        return rows
    width = min(len(names), rows.num_columns)
    columns = [
        *rows.columns[:width],
        *([pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])] * (len(names) - width)),
    ]
    return pa.table(columns, names=list(names))


def _converting(names: Sequence[str]) -> csv.ConvertOptions:
    return csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)


def _unreadable(path: Path, what: str, error: BaseException) -> InputError:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"cannot read {what} from {str(path)!r}: {first}")
