"""Records as tables: what a script or a notebook takes from a hunt."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from html import escape
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Record = TypeVar("Record", bound=BaseModel)


class Records(tuple[Record, ...], Generic[Record]):  # noqa: SLOT001 it knows its kind
    """A tuple of records that can also be had as one table, a row a record; its columns do not depend on the rows."""

    kind: type[BaseModel]

    @classmethod
    def of(cls, kind: type[Record]) -> Callable[[Iterable[Record]], "Records[Record]"]:
        """What makes records of that kind of a series of them."""

        def make(records: Iterable[Record]) -> Records[Record]:
            made: Records[Record] = cls(records)
            made.kind = kind
            return made

        return make

    def to_arrow(self) -> "pa.Table":
        """The records as an Arrow table: lists are lists, times are in UTC, and bags and records are JSON text."""
        import pyarrow as pa

        fields = [pa.field(name, _arrow_type(field.annotation)) for name, field in self.kind.model_fields.items()]
        return pa.Table.from_pylist([_row(record) for record in self], schema=pa.schema(fields))

    def to_pandas(self) -> "pd.DataFrame":
        """The records as a pandas frame.

        Raises:
            ImportError: pandas is not installed (`pip install 'herdsight[dataframes]'`).
        """
        return self.to_arrow().to_pandas()

    def to_polars(self) -> "pl.DataFrame":
        """The records as a polars frame.

        Raises:
            ImportError: polars is not installed (`pip install 'herdsight[dataframes]'`).
        """
        import polars as pl

        frame = pl.from_arrow(self.to_arrow())
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 a table makes a frame
        return frame

    def _repr_html_(self) -> str:
        """A table for a notebook."""
        if not self:
            return "<p>none</p>"
        rows = [_row(record) for record in self]
        head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
        body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row.values())}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _arrow_type(annotation: object) -> "pa.DataType":
    """The Arrow type of a field; what is no plain value is JSON text."""
    import pyarrow as pa

    plain: dict[object, pa.DataType] = {
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        datetime: pa.timestamp("us", "UTC"),
    }
    if annotation in plain:
        return plain[annotation]
    parts = [part for part in get_args(annotation) if part not in (type(None), Ellipsis)]
    if get_origin(annotation) is UnionType or (get_origin(annotation) not in (None, tuple, dict, Literal) and parts):
        return _arrow_type(parts[0])  # X | None, and Annotated[X, ...]
    if get_origin(annotation) is tuple:
        return pa.list_(_arrow_type(parts[0]))
    return pa.string()


def _row(record: BaseModel) -> dict[str, Any]:
    return {name: _value(getattr(record, name)) for name in type(record).model_fields}


def _value(value: object) -> object:
    """A field's value in Arrow's terms; a bag, whose keys are not the same in every record, as JSON text."""
    match value:
        case BaseModel():
            return value.model_dump_json()
        case dict():
            return json.dumps(value, default=str, ensure_ascii=False)
        case tuple():
            return [_value(part) for part in value]
        case StrEnum():
            return value.value
        case _:
            return value


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "<br>".join(escape(str(part)) for part in value)
    return "" if value is None else escape(str(value))
