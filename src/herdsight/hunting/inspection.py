"""What logs are, before anything is looked for in them: a line for each file, with what could be done with it."""

from collections.abc import Sequence
from pathlib import Path

from herdsight.analytics import ANALYTICS
from herdsight.errors import InputError
from herdsight.findings.model import Input, Inspected, Inspection, Rejected
from herdsight.hunting.analysing import unable
from herdsight.hunting.detections import Detection, detections_of, why_not
from herdsight.hunting.indicated import indicated
from herdsight.indicators import read_indicators
from herdsight.rules.reading import shipped_rules
from herdsight.telemetry import DEFAULTS, Options, Progress, Telemetry, sources
from herdsight.version import VERSION


def inspect(paths: Sequence[Path | str], options: Options = DEFAULTS, progress: Progress | None = None) -> Inspection:
    """Read the logs and say of every file what it is, what of it was read, and which detections it can carry.

    Raises:
        InputError: no file could be recognised, or an option is wrong.
        EngineError: memory or disk stood in the way.
    """
    places = sources(paths, options)
    if not places:
        raise InputError("there are no logs to inspect", hint="name files or folders, or a store with --store")
    lists = read_indicators(options.indicators)
    detections = detections_of(shipped_rules(), options)
    with Telemetry(places, options, progress) as telemetry:
        indicated(telemetry, lists)
        filled, rejected, tables = telemetry.filled(), telemetry.rejected(), telemetry.tables_of
        carried = {each: _carried(each, detections, telemetry) for each in set(tables.values())}
        files = tuple(
            Inspected(
                **each.model_dump(),
                recognised=telemetry.recognised.get(number),
                columns=filled.get(number, ()),
                samples=_samples(each, rejected.get(number, {})),
                detections=carried[tables[number]] if each.rows else (),
            )
            for number, each in enumerate(telemetry.inputs)
        )
        return Inspection(herdsight=VERSION, files=files)


def _carried(own: frozenset[str], detections: Sequence[Detection], telemetry: Telemetry) -> tuple[str, ...]:
    """The detections that rows of those tables can carry, alone."""
    spans = {name: span for name, span in telemetry.spans.items() if own & telemetry.carriers(name)}
    rules = (each.file.slug for each in detections if why_not(each, spans) is None)
    return (*rules, *(each.name for each in ANALYTICS if unable(each, telemetry, spans) is None))


def _samples(file: Input, rows: dict[str, tuple[int, ...]]) -> tuple[Rejected, ...]:
    """Each reason with the first records that it applies to, where these are known."""
    return tuple(
        Rejected(reason=reason, count=count, records=rows.get(reason, ())) for reason, count in file.reasons.items()
    )
