"""Files that a query names beside the logs: watchlists and external data, read into memory."""

import csv
import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from herdsight.errors import InputError
from herdsight.kql import plan
from herdsight.kql.binding.library import WATCHLIST_COLUMNS
from herdsight.trees import json_text

_DELIMITERS = {"csv": ",", "tsv": "\t", "psv": "|", "scsv": ";", "sohsv": "\x01"}
_UNQUOTED = ("tsv", "sohsv")  # formats in which a quote is a character like others


class _Plain(csv.excel):
    quoting = csv.QUOTE_NONE


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


_MOST_COLUMNS = 1_000  # a query may have twice as many


def _watchlist(name: str, path: Path) -> Watchlist:
    what = f"the watchlist {name!r}"
    _check_regular(path, what)
    found = Watchlist(name, _named(path, what))
    if len(found.columns) > _MOST_COLUMNS:
        raise InputError(f"{what} has {len(found.columns):,} columns, of which {_MOST_COLUMNS:,} are read at most")
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
    """The rows of a file that a query names, as texts (of Parquet, as they are there).

    `allowed`: PATH, or ADDRESS=PATH for the file that stands for an address.

    Raises:
        InputError: the user has not allowed it, or it cannot be read.
    """
    path = _allowed(node.uri, allowed)
    what = f"the external data {node.uri!r}"
    _check_regular(path, what)
    if node.format == "parquet":
        return _columns(path, node, what)
    if node.format == "json":
        return _table(_objects(path, node, what), node)
    return _table(_lines(path, node.format, what), node)


def _columns(path: Path, node: plan.External, what: str) -> pa.Table:
    """The columns of a Parquet file that the query names; one that it lacks is null."""
    try:
        rows: pa.Table = parquet.read_table(str(path))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, what, error) from error
    lacking = pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
    columns = [rows[field.name] if field.name in rows.column_names else lacking for field in node.fields]
    plain = [pa.array(_texts(each.to_pylist())) if pa.types.is_nested(each.type) else each for each in columns]
    return pa.table(plain, names=[field.name for field in node.fields])


def _objects(path: Path, node: plan.External, what: str) -> Iterator[Sequence[str | None]]:
    """The objects of a JSON file, one a line or however they stand, arrays of them too; each as its values' texts."""
    try:
        with _opened(path) as file:
            text = file.read()
        for value in _values(text):
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    yield _texts(each.get(field.name) for field in node.fields)
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, what, error) from error


def _values(text: str) -> Iterator[object]:
    """The JSON values that stand one behind the other in a text."""
    decoder, begin = json.JSONDecoder(), 0
    while found := _NOT_BLANK.search(text, begin):
        value, begin = decoder.raw_decode(text, found.start())
        yield value


_NOT_BLANK = re.compile(r"[^\s,]")


def _texts(values: Iterable[object]) -> list[str | None]:
    """JSON values as texts: a string is its own."""
    return [value if isinstance(value, str) or value is None else json_text(value) for value in values]


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


def _lines(path: Path, form: str, what: str) -> Iterator[Sequence[str]]:
    """The records of a text file, each as its values; of a text alone each line is a value, or the whole of it."""
    try:
        with _opened(path) as file:
            if form == "raw":
                yield (file.read(),)
            elif form == "txt":
                yield from ((line.rstrip("\r\n"),) for line in file if line.strip())
            else:
                dialect = _Plain if form in _UNQUOTED else csv.excel
                yield from filter(None, csv.reader(file, dialect, delimiter=_DELIMITERS[form]))
    except (OSError, csv.Error) as error:
        raise _unreadable(path, what, error) from error


def _opened(path: Path) -> TextIO:
    opened = gzip.open if path.suffix == ".gz" else open
    return cast(TextIO, opened(path, "rt", encoding="utf-8-sig", errors="replace", newline=""))


def _table(records: Iterator[Sequence[str | None]], node: plan.External) -> pa.Table:
    """The records' first values, as many as there are columns; what a record lacks is null, what is more is dropped."""
    if node.skip_first:
        next(records, None)
    names = [field.name for field in node.fields]
    lacking = [None] * len(names)
    columns = zip(*([*record, *lacking][: len(names)] for record in records), strict=True)
    arrays = [pa.array(column, pa.string()) for column in columns] or [pa.nulls(0, pa.string())] * len(names)
    return pa.Table.from_arrays(arrays, names=names)


def _named(path: Path, what: str) -> pa.Table:
    """All values of a CSV file as texts, under the names in its first line."""
    parsing = arrow_csv.ParseOptions(newlines_in_values=True)
    try:
        head = arrow_csv.read_csv(path, None, parsing, _converting([]))
        return arrow_csv.read_csv(path, None, parsing, _converting(head.column_names))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, what, error) from error


def _converting(names: Sequence[str]) -> arrow_csv.ConvertOptions:
    return arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)


def _check_regular(path: Path, what: str) -> None:
    """Raise where a path is there and no file: it may have no end, or nobody who writes to it."""
    if path.exists() and not path.is_file():
        raise InputError(f"cannot read {what} from {str(path)!r}: not a regular file")


_OTHER_WIDTH = re.compile(r"Expected (\d+) columns, got (\d+)")  # so Arrow says


def _unreadable(path: Path, what: str, error: BaseException) -> InputError:
    errno = error.errno if isinstance(error, OSError) else None
    first = os.strerror(errno) if errno else (str(error).strip() or type(error).__name__).splitlines()[0]
    if width := _OTHER_WIDTH.search(first):
        first = f"its first line has {width[1]} values and another {width[2]}"
    if first == "Empty CSV file":
        first = "it is empty"
    return InputError(f"cannot read {what} from {str(path)!r}: {first}")
