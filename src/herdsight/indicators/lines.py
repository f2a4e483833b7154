"""Lists and CSV: lines of text, each an indicator or a row with one."""

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from herdsight.indicators.model import Entry
from herdsight.indicators.records import Dialect, Layout, Row, is_heading, layout_of, of_rows

LONGEST_LINE = 65_536  # characters; what is longer is no row of any list
_FIRST = 200  # lines by which a text is recognised
_COMMENTS = ("#", "//", ";", "!")
_DELIMITERS = (",", "\t", ";", "|")
# What files of hosts have names point to, so that they reach nobody.
_NOWHERE = frozenset({"0.0.0.0", "127.0.0.1", "::", "::1"})  # noqa: S104

_QUOTED_LINES = 20  # that one row may span
_SHOWN = 100  # characters of what is refused

TOO_LONG = "a line that is too long"
BAD_QUOTES = "quotes that never close"
Lines = Callable[[], Iterable[str]]


def entries(lines: Lines) -> tuple[str, Iterator[Entry]]:
    """The form of a text, "CSV" or "list", and its entries. `lines` gives its lines, each time anew."""
    first = [line for line in islice(lines(), _FIRST) if len(line) <= LONGEST_LINE]
    named = _named(first)
    if named is None:
        return "list", _listed(lines())
    delimiter, layout, header = named
    return "CSV", of_rows(_rows(lines(), delimiter, header), layout)


# --- CSV ------------------------------------------------------------------------------------------------------------


def _named(first: Sequence[str]) -> tuple[str, Layout, str] | None:
    """The delimiter, the layout and the line of headings ("" for none) of a text that has columns."""
    data = [line for line in first if line.strip() and not line.lstrip().startswith(_COMMENTS)]
    for header in _candidates(first, data):
        for delimiter in _DELIMITERS:
            cells = _cells(header.strip().lstrip("#/;! "), delimiter)
            if is_heading(cells) and (delimiter in header or len(cells) == 1):
                rows = [_cells(line, delimiter) for line in data if line != header]
                layout = layout_of(cells, rows)
                if layout is not None and (len(cells) > 1 or header in data):
                    return delimiter, layout, header
    return _by_columns(data)


def _candidates(first: Sequence[str], data: Sequence[str]) -> Iterator[str]:
    """Lines that may name the columns: the first that is no comment, and the comments before it, the last first."""
    if data:
        yield data[0]
    stop = first.index(data[0]) if data else len(first)
    yield from (line for line in reversed(first[:stop]) if line.strip())


def _by_columns(data: Sequence[str]) -> tuple[str, Layout, str] | None:
    """Of a text without headings: columns, where most lines are parted alike and one column holds indicators."""
    for delimiter in (",", "\t", "|"):
        rows = [_cells(line, delimiter) for line in data]
        if rows and sum(len(row) > 1 for row in rows) >= 0.9 * len(rows):
            layout = layout_of((), rows)
            if layout is not None:
                return delimiter, layout, ""
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], Dialect, delimiter=delimiter), [])
    except csv.Error:
        return [line]


def _rows(lines: Iterable[str], delimiter: str, header: str) -> Iterator[Row]:
    for record in _records(_data(lines, header)):
        if record.fault:
            yield Row(record.line, (record.text[:_SHOWN],), record.fault)
            continue
        try:
            yield Row(record.line, next(csv.reader([record.text], Dialect, delimiter=delimiter)))
        except (csv.Error, StopIteration):
            yield Row(record.line, (record.text[:_SHOWN],), BAD_QUOTES)


@dataclass(slots=True)
class _Record:
    """The text of a row, and its first line; `fault`: why it is none."""

    line: int
    text: str
    fault: str | None = None


def _data(lines: Iterable[str], header: str) -> Iterator[_Record]:
    """The lines without comments and the first one that is like the headings."""
    waited = bool(header)
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            yield _Record(number, line[:_SHOWN], TOO_LONG)
        elif waited and line == header:
            waited = False
        elif line.strip() and not line.lstrip().startswith(_COMMENTS):
            yield _Record(number, line)


def _records(lines: Iterator[_Record]) -> Iterator[_Record]:
    """Lines joined where a quote goes on behind the end of one; one that never ends spoils its own line alone."""
    waiting: deque[_Record] = deque()
    while each := waiting.popleft() if waiting else next(lines, None):
        if each.fault or each.text.count('"') % 2 == 0:
            yield each
            continue
        joined = each.text
        more: list[_Record] = []
        while len(more) < _QUOTED_LINES and (following := waiting.popleft() if waiting else next(lines, None)):
            more.append(following)
            joined += following.text
            if following.fault or joined.count('"') % 2 == 0:
                break
        if joined.count('"') % 2 == 0 and not any(one.fault for one in more):
            yield _Record(each.line, joined)
        else:
            yield _Record(each.line, each.text, BAD_QUOTES)
            waiting.extendleft(reversed(more))


# --- lists ----------------------------------------------------------------------------------------------------------


def _listed(lines: Iterable[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            yield Entry(number, line[:_SHOWN], refused=TOO_LONG)
            continue
        text = line.strip()
        if text and not text.startswith(_COMMENTS):
            yield Entry(number, _first_word(text))


def _first_word(text: str) -> str:
    """The indicator of a line: what follows it after a blank is a comment, or a count."""
    words = text.split(None, 2)
    word = words[1] if len(words) > 1 and words[0] in _NOWHERE else words[0]
    return word.strip("\"',;")
