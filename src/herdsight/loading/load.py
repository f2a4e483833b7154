"""Loading logs into an engine: every file looked at, every record either loaded or counted with the reason why not."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading.account import inputs_of, tallied
from herdsight.loading.copies import make_tables
from herdsight.loading.inserting import in_batches, insert_batch
from herdsight.loading.recognition import check_options, need_one, readings, tell_idle
from herdsight.loading.records import ADVANCE, Loaded, LogFile, Origin, Progress, ReadOptions, Tally
from herdsight.loading.relations import copied_relations, parquet_relations
from herdsight.loading.zones import check_zone
from herdsight.logs.files import found, shown_path
from herdsight.logs.formats import Scope
from herdsight.logs.packed.archives import Member, opened


def load(
    engine: DuckDbEngine,
    paths: Sequence[Path],
    options: ReadOptions | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Load every log under the paths into the engine.

    `progress` is told the file, its number from 0 and how many there are. The engine is not locked.

    Raises:
        InputError: a path that is not there, an option that names nothing, or no file that can be read.
        EngineError: memory or disk ran out.
    """
    options = options or ReadOptions()
    check_options(options)
    files = looked_at(
        (member for path in found(paths) for member in opened(path, shown_path(path), engine.folder)), options
    )
    need_one(files, paths)
    tell_idle(files, options)
    done = load_files(engine, files, options, progress)
    need_one(files, paths)
    return done


def looked_at(members: Iterable[Member], options: ReadOptions) -> list[LogFile]:
    """What the files are: their readings in order, each file an input of its own."""
    files: list[LogFile] = []
    for place, member in enumerate(members):
        files += readings(member, place, len(files), options)
    return files


def load_files(
    engine: DuckDbEngine, files: Sequence[LogFile], options: ReadOptions, progress: Progress | None = None
) -> Loaded:
    """Load files that were looked at, numbered from 0 in order. What became of each is noted in it.

    Raises:
        InputError: there is no such time zone.
        EngineError: memory or disk ran out.
    """
    check_zone(engine, options.zone)
    scope = Scope(_latest(), options.local, options.zone)
    make_tables(engine, files)
    for batch in in_batches(files, progress):
        insert_batch(engine, batch, scope)
    relations = [*copied_relations(engine, files)]
    tallies = {number: tally for each in relations for number, tally in tallied(engine, each).items()}
    in_place = [*parquet_relations(engine, files, scope, tallies)]
    return Loaded(
        inputs=inputs_of(files, tallies),
        relations=(*relations, *in_place),
        readable=tuple(each.path for each in files if each.is_readable and each.is_parquet),
        origins={each.number: Origin(each.input, each.table, _base(each, tallies), tuple(each.gaps)) for each in files},
        recognised={each.input: each.recognised for each in reversed(files) if each.is_readable},
    )


def _base(file: LogFile, tallies: Mapping[int, Tally]) -> int:
    return tallies.get(file.number, Tally()).base if file.base is None else file.base


def _latest() -> datetime:
    return (datetime.now(UTC) + ADVANCE).replace(tzinfo=None)
