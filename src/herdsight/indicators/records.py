"""Tables of indicators, as CSV or as JSON records: which column is what, by its heading or else by what it holds."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from herdsight.indicators.kinds import confidence_of, label_of, meant, moment_of
from herdsight.indicators.misp import typed
from herdsight.indicators.model import REVOKED, Entry, RefusalError, Way
from herdsight.indicators.values import place_of

# Headings, the likeliest first; of `-`, `_`, blanks and capitals none counts. ThreatFox, URLhaus, Feodo Tracker,
# SSLBL, MISP's CSV, Sentinel's table and OTX are among those that call them so.
_VALUES = (
    *("iocvalue", "indicator", "indicatorvalue", "observablevalue", "ioc", "value", "observable", "networkipv4"),
    *("url", "dstip", "destip", "destinationip", "ip", "ipaddress", "ipaddr", "ipv4", "ipv6", "address", "cidr"),
    *(
        "network",
        "subnet",
        "netblock",
        "range",
        "domain",
        "domainname",
        "fqdn",
        "hostname",
        "host",
        "srcip",
        "sourceip",
    ),
)
_TYPES = ("ioctype", "indicatortype", "observablekey", "observabletype", "type", "kind")
_LABELS = (
    *("malwareprintable", "malware", "malwarefamily", "family", "threatname", "signature", "threat", "threattype"),
    *("listingreason", "campaign", "label", "labels", "tags", "tag", "name", "description", "comment", "note"),
)
_CONFIDENCES = ("confidencelevel", "confidence", "score")
_PORTS = ("dstport", "destport", "port")
_SINCE = ("validfrom", "firstseenutc", "firstseen", "dateadded", "date", "created")
_UNTIL = ("validuntil", "expires", "expiry", "expiration", "expirationdate", "expirationdatetime")
_REVOKED = ("revoked", "isrevoked", "isdeleted")
_FOR_DETECTION = ("toids",)
_HEADINGS = frozenset((*_VALUES, *_TYPES))

_SAMPLE = 100  # rows by which columns are told where no heading does
_ENOUGH = 0.5  # of them that must hold an indicator

_OTHER = re.compile(r"[^a-z0-9]")


def heading(text: str) -> str:
    """A heading as headings are compared."""
    return _OTHER.sub("", text.lower())


def is_heading(cells: Sequence[str]) -> bool:
    """Whether a row names columns, one of them that of indicators or of their types."""
    return any(heading(cell) in _HEADINGS for cell in cells) and not any(_holds(cell) for cell in cells)


@dataclass(frozen=True, slots=True)
class Layout:
    """The number of each column that counts, None where there is none."""

    value: int
    type: int | None = None
    label: int | None = None
    confidence: int | None = None
    port: int | None = None
    since: int | None = None
    until: int | None = None
    revoked: int | None = None
    for_detection: int | None = None
    exact: bool = False
    way: Way = Way.ANY


def layout_of(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Layout | None:
    """Which column is what; None where none holds indicators. `names` may be empty."""
    known = {heading(name): number for number, name in reversed(list(enumerate(names)))}

    def of(wanted: Iterable[str]) -> int | None:
        return next((known[each] for each in wanted if each in known), None)

    value = of(_VALUES)
    if value is None:
        value = _by_content(rows)
    if value is None:
        return None
    exact, way = _meaning(names[value] if names else "")
    return Layout(
        value, of(_TYPES), of(_LABELS), of(_CONFIDENCES), of(_PORTS), of(_SINCE), of(_UNTIL), of(_REVOKED),
        of(_FOR_DETECTION), exact, way
    )  # fmt: skip


def _meaning(name: str) -> tuple[bool, Way]:
    """Whether the values under a heading are names without those under them, and where attacks came from."""
    try:
        found = meant(name)
    except RefusalError:
        return False, Way.ANY
    return found.exact, found.way


def _by_content(rows: Sequence[Sequence[str]]) -> int | None:
    """The column most of whose first cells hold an indicator; the first of equals."""
    sample = rows[:_SAMPLE]
    width = max((len(row) for row in sample), default=0)
    counts = [sum(1 for row in sample if number < len(row) and _holds(row[number])) for number in range(width)]
    best = max(range(width), key=lambda number: (counts[number], -number), default=None)
    return best if best is not None and counts[best] >= _ENOUGH * len(sample) else None


def _holds(cell: str) -> bool:
    try:
        place_of(cell)
    except RefusalError:
        return False
    return True


@dataclass(slots=True)
class Row:
    """A row and its line; `fault`: why it cannot be read."""

    line: int
    cells: Sequence[str]
    fault: str | None = None


def of_rows(rows: Iterable[Row], layout: Layout) -> Iterator[Entry]:
    """The entries of rows."""
    for row in rows:
        entry = _entry(row, layout)
        kind = _cell(row.cells, layout.type)
        if row.fault:
            yield Entry(row.line, " ".join(row.cells)[:100], refused=row.fault)
        elif _cell(row.cells, layout.revoked).lower() in {"true", "1", "yes"}:
            yield replace(entry, refused=REVOKED)
        elif kind:
            detects = _cell(row.cells, layout.for_detection).lower() not in {"0", "false", "no"}
            yield from typed(entry, kind, for_detection=detects)
        else:
            yield entry


def _entry(given: Row, layout: Layout) -> Entry:
    row = given.cells
    port = _cell(row, layout.port)
    return Entry(
        given.line,
        _cell(row, layout.value),
        label_of(_cell(row, layout.label)),
        confidence_of(_cell(row, layout.confidence)),
        moment_of(_cell(row, layout.since)),
        moment_of(_cell(row, layout.until)),
        int(port) if port.isdecimal() and len(port) <= 5 else 0,  # noqa: PLR2004
        layout.way,
        layout.exact,
    )


def _cell(row: Sequence[str], number: int | None) -> str:
    return row[number].strip() if number is not None and number < len(row) else ""


def of_objects(objects: Sequence[Mapping[str, object]]) -> Iterator[Entry] | None:
    """The entries of JSON records; None where none of their fields holds indicators."""
    names = list(dict.fromkeys(name for each in objects[:_SAMPLE] for name in each))
    rows = [[_text(each.get(name)) for name in names] for each in objects]
    layout = layout_of(names, rows)
    return None if layout is None else of_rows((Row(number, row) for number, row in enumerate(rows, 1)), layout)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value[:5]))
    return "" if value is None else str(value)


class Dialect(csv.excel):
    """CSV as feeds write it: blanks may stand behind a comma."""

    skipinitialspace = True
