"""DuckDB, the embedded engine: bounded memory, a private spill folder, and no way out to files once it is locked."""

import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from inspect import Parameter as Param
from inspect import Signature
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType
from sqlglot import exp

from herdsight import prelude
from herdsight.engines.layout import laid_out
from herdsight.engines.prelude import Prelude
from herdsight.errors import EngineError
from herdsight.tables import ColumnType

DEFAULT_MEMORY = "4GB"


class DuckDbEngine:
    """One private DuckDB database in a folder of its own, which is removed with it.

    `memory` is DuckDB's memory limit ("4GB"); what does not fit is spilled to the folder. `threads` is the number of
    cores to use, by default all.
    """

    name = "duckdb"

    def __init__(self, memory: str = DEFAULT_MEMORY, threads: int | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="herdsight-", ignore_cleanup_errors=True)
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "temp_directory": str(Path(self._folder.name, "spill")),
            "threads": threads or os.cpu_count() or 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "error_on_division_by_zero": False,  # KQL: an integer division by zero is null
        }
        try:
            self._connection = duckdb.connect(str(Path(self._folder.name, "tables.duckdb")), config=config)
        except duckdb.Error as error:
            self._folder.cleanup()
            raise EngineError(
                f"DuckDB does not start: {_first_line(error)}", hint="check --memory and --threads"
            ) from error
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="duckdb")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._prelude = Prelude("duckdb_prelude", self._connection.execute, self._register)

    @property
    def folder(self) -> Path:
        """The private folder: for files that must live as long as the engine."""
        return Path(self._folder.name)

    def sql(self, tree: exp.Expr) -> str:
        """The tree as DuckDB's SQL, to read."""
        return laid_out(tree, "duckdb")

    def run(self, tree: exp.Expr) -> pa.Table:
        """Run a query and return its rows.

        Raises:
            EngineError: memory, disk or a value stood in the way.
        """
        sql = self._statement(tree)
        rows: pa.Table = self._interruptible(lambda: self._connection.sql(sql).to_arrow_table())
        return rows

    def first(self, tree: exp.Expr, most: int) -> tuple[pa.Table, int]:
        """Run a query and return its first rows, `most` at most, and how many there are; the others are let go.

        Raises:
            EngineError: memory, disk or a value stood in the way.
        """
        sql = self._statement(tree)
        found: tuple[pa.Table, int] = self._interruptible(
            lambda: _first_rows(self._connection.sql(sql).to_arrow_reader(_BATCH), most)
        )
        return found

    def execute(self, tree: exp.Expr) -> None:
        """Run a statement that returns nothing: a table made, rows inserted, a view declared.

        Raises:
            EngineError: memory, disk or a value stood in the way.
        """
        sql = self._statement(tree)
        self._interruptible(lambda: self._connection.execute(sql))

    def _statement(self, tree: exp.Expr) -> str:
        """The tree as SQL whose functions are all declared."""
        sql = tree.sql(dialect="duckdb")
        self._prelude.provide(sql)
        return sql

    def _register(self, name: str) -> None:
        function = prelude.find(name)
        if function is None:
            return  # a name in a text; or DuckDB says that there is no such function
        self._connection.create_function(
            name,
            _vectorised(function),
            [_TYPES[parameter.type] for parameter in function.parameters],
            _TYPES[function.result],
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
        )

    def put(self, name: str, rows: pa.Table) -> None:
        """Make rows in memory readable under a name, in place of what had it."""
        self._connection.register(name, rows)

    def lock(self, readable: Iterable[Path] = ()) -> None:
        """Close every way out: from now on no statement reads or writes a file but `readable` and the spill folder."""
        self._connection.execute("SET allowed_paths = ?", [[str(path.resolve()) for path in readable]])
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def _interruptible(self, work: Callable[[], Any]) -> Any:
        """Work that a Ctrl-C ends: DuckDB does not always look for one, so it works beside the thread that does."""
        future = self._worker.submit(work)
        try:
            return future.result()
        except duckdb.Error as error:
            raise _as_engine_error(error) from error
        except KeyboardInterrupt:
            self._connection.interrupt()
            wait([future])
            raise

    def close(self) -> None:
        """Close the database and remove its folder."""
        self._worker.shutdown()
        self._connection.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_BATCH = 100_000  # rows that are in memory at a time, where most of them are only counted


def _first_rows(batches: pa.RecordBatchReader, most: int) -> tuple[pa.Table, int]:
    kept, count = [], 0
    for batch in batches:
        if count < most:
            kept.append(batch.slice(0, most - count))
        count += batch.num_rows
    return pa.Table.from_batches(kept, batches.schema), count


_TYPES: dict[ColumnType, str] = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.DYNAMIC: "VARCHAR",
    ColumnType.LONG: "BIGINT",
    ColumnType.REAL: "DOUBLE",
    ColumnType.BOOL: "BOOLEAN",
    ColumnType.DATETIME: "TIMESTAMP",
}
_ARROW = {
    ColumnType.STRING: pa.string(),
    ColumnType.DYNAMIC: pa.string(),
    ColumnType.LONG: pa.int64(),
    ColumnType.REAL: pa.float64(),
    ColumnType.BOOL: pa.bool_(),
    ColumnType.DATETIME: pa.timestamp("us"),
}


def _vectorised(function: prelude.Function) -> Callable[..., Any]:
    """The function over Arrow columns, as DuckDB calls it."""

    def over(*columns: Any) -> Any:
        results = function.column([column.to_pylist() for column in columns])
        return pa.array(results, _ARROW[function.result])

    # DuckDB reads how many columns the function takes from its signature, and would evaluate its annotations.
    names = (f"column_{position}" for position in range(len(function.parameters)))
    over.__signature__ = Signature([Param(name, Param.POSITIONAL_ONLY) for name in names])  # type: ignore[attr-defined]
    return over


def _as_engine_error(error: duckdb.Error) -> EngineError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(f"out of memory: {_first_line(error)}", hint="allow more with --memory")
    if "expression depth limit" in str(error):
        return EngineError("the query nests deeper than the engine reads", hint="split it with let or extend")
    before, own, what = _first_line(error).partition(_OWN)
    return EngineError(what if own else before)


_OWN = "herdsight: "  # begins what the prelude itself complains of


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
