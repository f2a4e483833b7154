"""Records as tables: what a script or a notebook takes from a hunt."""

from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Record = TypeVar("Record", bound=BaseModel)


class Records(tuple[Record, ...]):
    """A tuple of records that can also be had as one table, a row a record; parts of a record are structs and lists."""

    __slots__ = ()

    def to_arrow(self) -> "pa.Table":
        """The records as an Arrow table. Bags whose keys differ from record to record become JSON text."""
        import pyarrow as pa

        return pa.Table.from_pylist([_row(record) for record in self])

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


def _row(record: BaseModel) -> dict[str, Any]:
    return {name: _value(value) for name, value in record.model_dump(mode="python").items()}


def _value(value: object) -> object:
    """A field's value in Arrow's terms; a bag, whose keys are not the same in every record, as JSON text."""
    if isinstance(value, dict):
        import json

        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, tuple):
        return [_value(part) for part in value]
    return value


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "<br>".join(escape(str(part)) for part in value)
    return "" if value is None else escape(str(value))
