"""What one does with a store: import logs into it, and look after it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import InputError
from herdsight.findings.model import Imported, StoreChange, StoreInfo, Verified
from herdsight.store import upkeep
from herdsight.store.folder import WAIT, make_store, need_store, opened_to_write
from herdsight.store.importing import Engine, add
from herdsight.store.upkeep import Dropping
from herdsight.telemetry import DEFAULTS, Options, Progress, read_options

__all__ = ["Dropping", "compact_store", "drop_from_store", "import_logs", "store_info", "verify_store"]

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Say nothing."""


def import_logs(  # noqa: PLR0913 - each is an option of the command
    paths: Sequence[Path | str],
    store: Path | str,
    options: Options = DEFAULTS,
    *,
    wait: float = WAIT,
    say: Say = _silent,
    progress: Progress | None = None,
) -> Imported:
    """Import all that is new under the paths into a store, which is made where there is none.

    `wait`: seconds to wait for another process that writes to it; `say` is told while that takes.

    Raises:
        InputError: a path is not there or holds no log, an option is wrong, the store is in use, or the disk is full.
        EngineError: memory ran out.
    """
    if not paths:
        raise InputError("there are no logs to import", hint="name files or folders")
    read, folder = read_options(options), Path(store)
    make_store(folder)
    with opened_to_write(folder, wait, say) as opened:
        return add(opened, [Path(each) for each in paths], read, Engine(options.memory, options.threads), progress)


def store_info(store: Path | str) -> StoreInfo:
    """What a store holds.

    Raises:
        InputError: it is no store.
    """
    return upkeep.info(Path(store))


def verify_store(store: Path | str, progress: Progress | None = None) -> Verified:
    """Whether each Parquet file of a store is there as it was written.

    Raises:
        InputError: it is no store.
    """
    return upkeep.verify(Path(store), progress)


def compact_store(
    store: Path | str, *, wait: float = WAIT, say: Say = _silent, progress: Progress | None = None
) -> StoreChange:
    """Put the small Parquet files of one day together.

    Raises:
        InputError: it is no store, or others use it for longer than `wait` seconds.
        EngineError: the disk is full, or memory ran out.
    """
    need_store(Path(store))
    with opened_to_write(Path(store), wait, say) as opened, DuckDbEngine() as engine:
        return upkeep.compact(opened, engine, progress)


def drop_from_store(
    store: Path | str, dropping: Dropping, *, dry_run: bool = False, wait: float = WAIT, say: Say = _silent
) -> StoreChange:
    """Let go of what `dropping` names; with `dry_run`, only say how much that is.

    Raises:
        InputError: it is no store, what is named is not in it, or others use it for longer than `wait` seconds.
        EngineError: the disk is full, or memory ran out.
    """
    need_store(Path(store))
    with opened_to_write(Path(store), wait, say) as opened, DuckDbEngine() as engine:
        return upkeep.drop(opened, engine, dropping, dry_run=dry_run)
