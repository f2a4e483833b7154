"""DuckDB, the embedded engine: bounded memory, a private spill folder, and no way out to files once it is locked."""

import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
from sqlglot import exp

from herdsight.errors import EngineError

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
        self._connection.execute(files("herdsight.engines").joinpath("duckdb.sql").read_text(encoding="utf-8"))

    @property
    def folder(self) -> Path:
        """The private folder: for files that must live as long as the engine."""
        return Path(self._folder.name)

    def sql(self, tree: exp.Expr) -> str:
        """The tree as DuckDB's SQL, to read."""
        return tree.sql(dialect="duckdb", pretty=True)

    def run(self, tree: exp.Expr) -> pa.Table:
        """Run a query and return its rows.

        Raises:
            EngineError: memory, disk or a value stood in the way.
        """
        sql = tree.sql(dialect="duckdb")
        rows: pa.Table = self._interruptible(lambda: self._connection.sql(sql).to_arrow_table())
        return rows

    def execute(self, tree: exp.Expr) -> None:
        """Run a statement that returns nothing: a table made, rows inserted, a view declared.

        Raises:
            EngineError: memory, disk or a value stood in the way.
        """
        sql = tree.sql(dialect="duckdb")
        self._interruptible(lambda: self._connection.execute(sql))

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


def _as_engine_error(error: duckdb.Error) -> EngineError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(f"out of memory: {_first_line(error)}", hint="allow more with --memory")
    return EngineError(_first_line(error))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
