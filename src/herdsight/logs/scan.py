"""The engine's own vectorised readers as SQL trees: delimited text, JSON, Parquet."""

import json
from collections.abc import Mapping

from sqlglot import exp

from herdsight.logs.formats import Layout, Shape, Source
from herdsight.tables import ROW_COLUMN
from herdsight.trees import call, column, named, number, text

VARCHAR = "VARCHAR"
_PLACE = "place"


def position(index: int) -> str:
    """The name under which the value at that place of a line is read: the file's own names may repeat or clash."""
    return f"c{index}"


def lines(source: Source, layout: Layout, *, padded: bool = False) -> exp.Table:
    """Delimited text or CSV, each value under the name of its position; a line of another width is refused.

    With `padded`, a line that has too few values is a row, in which the others are NULL.
    """
    quote = '"' if layout.shape is Shape.CSV else ""
    options: dict[str, exp.Expr] = {
        "auto_detect": exp.false(),
        "columns": _columns({position(index): VARCHAR for index in range(len(layout.fields))}),
        "header": exp.false(),
        "skip": number(layout.skip),
        "delim": text(layout.delimiter),
        "quote": text(quote),
        "escape": text(quote),
        "strict_mode": exp.true(),
        "store_rejects": exp.true(),
        "compression": text(source.compression.value),
    }
    if padded:
        options["null_padding"] = exp.true()
    if layout.missing:
        options["nullstr"] = exp.array(*map(text, layout.missing))
    return _scan("read_csv", source, options)


def objects(source: Source, shape: Shape, columns: Mapping[str, str]) -> exp.Expr:
    """JSON objects; `columns` are the keys to read and the types to read them as. A malformed line has only NULLs."""
    if source.staged is not None:
        return _staged_objects(source.staged, columns)
    options: dict[str, exp.Expr] = {
        "columns": _columns(columns),
        "format": text({Shape.JSON_LINES: "newline_delimited", Shape.JSON_ARRAY: "array"}.get(shape, "unstructured")),
        "compression": text(source.compression.value),
        # Of an array or a document, the reader cannot skip a malformed part; of lines, it can.
        "ignore_errors": exp.true() if shape is Shape.JSON_LINES else exp.false(),
    }
    return _scan("read_json", source, options)


def _staged_objects(staged: exp.Select, columns: Mapping[str, str]) -> exp.Expr:
    kinds = {name: _json_type(exp.DataType.build(kind, dialect="duckdb")) for name, kind in columns.items()}
    found = named(call("json_transform", column("record"), text(json.dumps(kinds))), "found")
    inner = exp.select(found, column(_PLACE), column(ROW_COLUMN)).from_(staged.subquery("staged"))
    members = (named(call("struct_extract", column("found"), text(name)), name) for name in columns)
    return exp.select(*members, column(_PLACE), column(ROW_COLUMN)).from_(inner.subquery("whole")).subquery("objects")


def _json_type(kind: exp.DataType) -> object:
    """A type as json_transform has it: an object, an array, or a name."""
    if kind.is_type(exp.DataType.Type.STRUCT):
        return {each.name: _json_type(each.args["kind"]) for each in kind.expressions}
    if kind.is_type(exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        return [_json_type(kind.expressions[0])]
    return kind.sql(dialect="duckdb")


def whole_objects(source: Source, shape: Shape, name: str) -> exp.Expr:
    """JSON values, each as a whole under that name; a malformed line is NULL."""
    if source.staged is not None:
        record = named(column("record"), name)
        return exp.select(record, column(_PLACE), column(ROW_COLUMN)).from_(source.staged.subquery("staged")).subquery()
    options: dict[str, exp.Expr] = {
        "columns": _columns({name: "JSON"}),
        "format": text("newline_delimited" if shape is Shape.JSON_LINES else "array"),
        "records": text("false"),
        "compression": text(source.compression.value),
        "ignore_errors": exp.true() if shape is Shape.JSON_LINES else exp.false(),
    }
    return _scan("read_json", source, options)


def parquet(source: Source) -> exp.Table:
    """Parquet files of one schema, scanned in place."""
    return exp.Table(this=call("read_parquet", _paths(source)))


def file_number(source: Source) -> exp.Expr:
    """The number of the file that a row came from."""
    if len(source.files) == 1:
        return exp.Cast(this=number(source.files[0]), to=exp.DataType.build("INT"))
    numbers = exp.array(*(exp.Cast(this=number(each), to=exp.DataType.build("INT")) for each in source.files))
    place = exp.Add(this=place_of(source), expression=number(1))
    return call("list_extract", numbers, exp.Cast(this=place, to=exp.DataType.build("BIGINT")))


def place_of(source: Source) -> exp.Expr:
    """The place, from 0, among the source's files of the one that a row came from."""
    return exp.column("file_index") if source.staged is None else column(_PLACE)


def row_numbers(source: Source) -> list[exp.Expr]:
    """The column with the numbers of rows, where the source has one."""
    return [] if source.staged is None else [column(ROW_COLUMN)]


def struct_type(columns: Mapping[str, str]) -> str:
    """The type text of an object that has those members."""
    members = (
        exp.ColumnDef(this=exp.to_identifier(name, quoted=True), kind=exp.DataType.build(kind, dialect="duckdb"))
        for name, kind in columns.items()
    )
    return exp.DataType(this=exp.DataType.Type.STRUCT, expressions=list(members), nested=True).sql(dialect="duckdb")


def list_type(kind: str) -> str:
    """The type text of an array of those."""
    return f"{kind}[]"


def _paths(source: Source) -> exp.Expr:
    return exp.array(*(text(str(path)) for path in source.paths))


def _columns(columns: Mapping[str, str]) -> exp.Struct:
    return exp.Struct(
        expressions=[exp.PropertyEQ(this=text(name), expression=text(kind)) for name, kind in columns.items()]
    )


def _scan(reader: str, source: Source, options: Mapping[str, exp.Expr]) -> exp.Table:
    named = (exp.EQ(this=exp.to_identifier(name), expression=value) for name, value in options.items())
    return exp.Table(this=call(reader, _paths(source), *named))
