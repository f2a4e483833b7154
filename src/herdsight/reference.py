"""Files that a query names beside the logs: watchlists and external data, read into memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, json, parquet

from herdsight.errors import InputError
from herdsight.kql import plan
from herdsight.kql.binding.library import WATCHLIST_COLUMNS

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
    return tuple(_watchlist(name, Path(path)) for name, path in files)


def _watchlist(name: str, path: Path) -> Watchlist:
    what = f"the watchlist {name!r}"
    found = Watchlist(name, _texts(path, ",", header=True, what=what))
    names = (*found.columns, *(each.name for each in WATCHLIST_COLUMNS if each.name not in found.columns))
    seen: set[str] = set()
    for column in names:  # an engine does not tell names apart that differ in case alone
        if not column or column.lower() in seen:
            told = f"names the column {column!r} twice" if column else "has a column without a name"
            raise InputError(
                f"{what} {told}, in the first line of {str(path)!r}", hint="each column has a name of its own"
            )
        seen.add(column.lower())
    return found


def external(node: plan.External, allowed: Sequence[str]) -> pa.Table:
    """The rows of a file that a query names, as texts (or, of JSON and Parquet, as they are there).

    `allowed`: PATH, or ADDRESS=PATH for the file that stands for an address.

    Raises:
        InputError: the user has not allowed it, or it cannot be read.
    """
    path = _allowed(node.uri, allowed)
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


def _allowed(uri: str, allowed: Sequence[str]) -> Path:
    """The file that the user allows for what a query names; both of PATH and ADDRESS may have a `=` in them."""
    is_address = "://" in uri
    for each in allowed:
        if each.startswith(f"{uri}="):
            return Path(each.removeprefix(f"{uri}="))
        if not is_address and Path(each) == Path(uri):
            return Path(each)
    hint = f"allow it with --external '{uri}'"
    if is_address:
        hint = f"nothing is fetched from the network; name a copy of it with --external '{uri}=FILE'"
    raise InputError(f"the query reads external data, {uri!r}, which is not allowed", hint=hint)


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
    errno = error.errno if isinstance(error, OSError) else None
    first = os.strerror(errno) if errno else (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"cannot read {what} from {str(path)!r}: {first}")
