"""The first rows behind a finding, in few words: what they share is said once, what the finding says not again."""

from collections.abc import Iterator, Mapping, Sequence

from herdsight.findings.model import Finding
from herdsight.output.parts import value_words
from herdsight.output.values import dynamic
from herdsight.output.words import times_to_read

_MOST_ROWS = 3  # of the few that a finding carries; the command below them shows all


def evidence_facts(finding: Finding) -> Iterator[tuple[str, str]]:
    """How many rows there are, and the first ones by file and row."""
    places = [f"{row.get('file', '')}:{row.get('row', '')}" for row in finding.evidence.rows[:_MOST_ROWS]]
    rows = [_cells(row) for row in finding.evidence.rows[:_MOST_ROWS]]
    shared = _shared(rows) if len(rows) > 1 else {}
    telling = {name: words for name, words in shared.items() if words not in _said(finding)}
    which = f"; the first {len(rows)}" if len(rows) < finding.count else ","
    yield "rows", f"{finding.count:,}" + (f"{which} all with {_joined(telling)}" if telling else "")
    for place, row in zip(places, rows, strict=True):
        own = {name: words for name, words in row.items() if name not in shared}
        yield "", f"{place}  {_joined(own)}".rstrip()


def _said(finding: Finding) -> set[str]:
    """What the block of the finding has told already."""
    ports = map(str, finding.ports)
    return {finding.host, finding.process or "", finding.account or "", *finding.remotes, *ports}


def _cells(row: Mapping[str, object]) -> dict[str, str]:
    """Name and words of what is not empty; a time that stands under several names is shown once."""
    cells: dict[str, str] = {}
    for name, value in _fields(row):
        words = times_to_read(value_words(value))
        is_time = words != value_words(value)
        if words and not (is_time and words in cells.values()):
            cells[name] = words
    return cells


def _fields(row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The columns, and in place of a bag of properties its properties."""
    for name, value in row.items():
        if name in {"file", "row"}:
            continue
        bag = _bag(value)
        yield from ((f"{name}.{key}" if key in row else key, part) for key, part in bag.items())
        if not bag:
            yield name, value


def _bag(value: object) -> Mapping[str, object]:
    bag = dynamic(value) if isinstance(value, str) and value.startswith("{") else None
    return bag if isinstance(bag, dict) else {}


def _shared(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {name: words for name, words in rows[0].items() if all(row.get(name) == words for row in rows)}


def _joined(cells: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={words}" for name, words in cells.items())
