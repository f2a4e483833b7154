"""The head of a file: its first bytes, decompressed, which is all that recognition looks at."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from herdsight.logs.packed.packing import Compression, compression_of, plain_blocks

HEAD_BYTES = 64 * 1024  # enough for a header of 2,000 columns, or for dozens of JSON records
_BLOCK = 1 << 20
_LONGEST_FIRST_LINE = 8 << 20
_PARQUET = b"PAR1"
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """One column of a Parquet file: its Arrow type, and whether any of its values can be missing."""

    type: str
    nullable: bool


@dataclass(frozen=True)
class Head:
    """The first bytes of one file.

    `data` is what they decompress to, `complete` whether that is the whole file, `encoding` None where the text is
    plain UTF-8, `parquet` the columns of a Parquet file, which has no text.
    """

    data: bytes
    compression: Compression = Compression.NONE
    complete: bool = True
    encoding: str | None = None
    parquet: Mapping[str, StoredColumn] | None = None

    @cached_property
    def text(self) -> str:
        """Its text; bytes that are none stand as U+FFFD."""
        return self.data.decode(self.encoding or "utf-8", errors="replace")

    @property
    def has_mixed_line_ends(self) -> bool:
        """Whether some lines end as on Windows and others do not."""
        return 0 < self.data.count(b"\r\n") < self.data.count(b"\n")

    def lines(self) -> list[str]:
        """Its whole lines, without their ends; a last line that the head cuts off is left out."""
        return list(self._lines)

    def objects(self) -> Iterator[dict[str, object]]:
        """The JSON objects that stand one a line; other lines are passed over."""
        return iter(self._objects)

    # Every format looks at them, so they are worked out once.
    @cached_property
    def _lines(self) -> list[str]:
        lines = self.text.replace("\r\n", "\n").split("\n")
        return lines if self.complete else lines[:-1]

    @cached_property
    def _objects(self) -> list[dict[str, object]]:
        values = (_json(line) for line in self._lines if line.lstrip().startswith("{"))
        return [value for value in values if isinstance(value, dict)]


def _json(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def read_head(path: Path) -> Head:
    """The head of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is packed, or Parquet, and broken from the start.
    """
    with path.open("rb") as file:
        first = file.read(HEAD_BYTES)
        compression = compression_of(first)
        is_plain = compression is Compression.NONE and not first.startswith(_PARQUET)
        while is_plain and _wants_more(first) and (more := file.read(_BLOCK)):
            first += more
    if first.startswith(_PARQUET):
        return Head(b"", parquet=_parquet_columns(path))
    if compression is Compression.NONE:
        return _head(first, compression, complete=len(first) < HEAD_BYTES)
    data = _first_plain(path, compression)
    return _head(data, compression, complete=len(data) < HEAD_BYTES)


def _wants_more(data: bytes | bytearray) -> bool:
    """Whether the first line is longer than a head: a record may be, up to what is read of a line."""
    return HEAD_BYTES <= len(data) < _LONGEST_FIRST_LINE and b"\n" not in data


def _first_plain(path: Path, compression: Compression) -> bytes:
    data = bytearray()
    try:
        for block in plain_blocks(path, compression):
            data += block
            if len(data) >= HEAD_BYTES and not _wants_more(data):
                break
    except EOFError as error:
        if not data:
            raise ValueError(str(error)) from error
    return bytes(data)


def _head(data: bytes, compression: Compression, *, complete: bool) -> Head:
    encoding = next((name for bom, name in _BOMS.items() if data.startswith(bom)), None)
    return Head(data, compression, complete, encoding)


def _parquet_columns(path: Path) -> dict[str, StoredColumn]:
    try:
        with pq.ParquetFile(path) as file:
            schema, metadata = file.schema_arrow, file.metadata
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"a Parquet file that is broken: {str(error).splitlines()[0]}") from error
    full = _never_missing(metadata)
    return {field.name: StoredColumn(str(field.type), field.name not in full) for field in schema}


def _never_missing(metadata: pq.FileMetaData) -> set[str]:
    """The columns whose statistics count no missing value in any row group."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    places = range(metadata.num_columns)
    return {
        metadata.schema.column(place).path for place in places if all(_is_full(group.column(place)) for group in groups)
    }


def _is_full(chunk: pq.ColumnChunkMetaData) -> bool:
    statistics = chunk.statistics if chunk.is_stats_set else None
    if statistics is None or not statistics.has_null_count:  # type: ignore[attr-defined] # the stubs lack it
        return False
    return bool(statistics.null_count == 0)
