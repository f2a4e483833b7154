"""Flows as Argus' `ra` prints them with a delimiter: the binetflow files of CTU, and any other choice of columns.

What columns there are, and what states mean, is told by ra(1); that a state of TCP flags has the source's before the
underscore and the destination's behind it, by its option -Z b.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from herdsight.logs.flows.flow import Flows, matches, sessions, spelled
from herdsight.logs.flows.printed import BYTE, FlowTable, Packed, Texts
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import file_number, lines
from herdsight.logs.values import reason
from herdsight.logs.writing import opened
from herdsight.tables import NETWORK_SESSION
from herdsight.trees import call, column, number, text

HEADER_AGAIN = "header repeated"

_PRODUCT = "Argus"
_DELIMITERS = (",", "\t")
_LOOKED_AT = 50  # lines of the head

# The titles that ra prints over the columns that are read.
_TITLES = {
    "begin": ("StartTime",),
    "end": ("LastTime",),
    "duration": ("Dur",),
    "src": ("SrcAddr",),
    "src_port": ("Sport",),
    "dst": ("DstAddr",),
    "dst_port": ("Dport",),
    "protocol": ("Proto",),
    "state": ("State",),
    "src_bytes": ("SrcBytes",),
    "dst_bytes": ("DstBytes",),
    "all_bytes": ("TotBytes",),
    "src_packets": ("SrcPkts",),
    "dst_packets": ("DstPkts",),
    "all_packets": ("TotPkts",),
}
_APPLICATIONS = ("rtp", "rtcp")
_REQUIRED = ("begin", "src", "dst", "protocol")
_TELLING = frozenset({"Dir", "State", "TotBytes", "TotPkts", "SrcBytes", "SrcPkts", "Sport"})

# What stands in a file without titles: CTU's columns, and ra's own choice. More may follow.
_CTU = ("StartTime", "Dur", "Proto", "SrcAddr", "Sport", "Dir", "DstAddr", "Dport", "State", "sTos", "dTos")
_CTU_COUNTS = ("TotPkts", "TotBytes")
_CTU_MORE = ("SrcBytes", "SrcPkts")  # as far as the columns that follow hold counts; a label may follow at once
_RA = ("StartTime", "Flgs", "Proto", "SrcAddr", "Sport", "Dir", "DstAddr", "Dport", "TotPkts", "TotBytes", "State")

_DATED = re.compile(r"\d{4}[/-]\d\d[/-]\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d(:?\d\d)?)?|\d{9,10}(\.\d+)?")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d(\.\d+)?")
_ZONED = re.compile(r".*:\d\d(\.\d+)?([+-]\d\d(:?\d\d)?| ?[A-Za-z].*)|\d+(\.\d+)?")
_END = re.compile(r"(?!\d+\.?\d*$).*[.:].*")  # an address, a host's full name, or a MAC address, and no number
_ARROW = re.compile(r" *(get_message +)?(<?[-|o?]>?|who(-has)?) *")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_NAMED_PORT = re.compile(r"[A-Za-z][\w.-]*")
_NO_DATE = "an Argus log whose times have no date"
_PORT_NAMES = "ports that are written as names are not read: print them as numbers, with ra -n"

# --- What states mean -------------------------------------------------------------------------------------------------

# ra(1): accepted, established, connected, closed; requested or initial, so nothing came back. TIM (timed out) tells
# neither.
_ESTABLISHED = ("ACC", "EST", "CON", "CLO", "FIN")
_UNANSWERED = ("REQ", "INT")
# ICMP queries, of which the answer is counted in the same flow, and messages that are answers.
_QUERIES = ("ECO", "TST", "IRQ", "MAS")
_ANSWERS = ("ECR", "TSR", "IRR", "MSR")
_RESET = "RST"  # of a request, or of a connection that was open: the packets tell
_HANDSHAKE = 3  # packets that a TCP connection takes to be established
# ra -z: s a request, S its acknowledgement, E established, f F C closing and closed, R reset.
_OPENED = r"sS[EfFCR]*|[sSEfFCR]*E[sSEfFCR]*"
_REFUSED = r"sR?"


def recognise(head: Head) -> Layout | None:
    """The titles of ra's columns, or, without them, lines of a known order with an arrow between two addresses."""
    if head.parquet is not None:
        return None
    looked_at = [line for line in islice(head.lines(), _LOOKED_AT) if line.strip()]
    return next((found for each in _DELIMITERS if (found := _recognised(looked_at, each))), None)


def _recognised(looked_at: Sequence[str], delimiter: str) -> Layout | None:
    records = list(_split(looked_at, delimiter))
    if not records:
        return None
    titles = tuple(each.strip().lstrip("\ufeff") for each in records[0])
    if _is_titled(titles):
        return _layout(titles, records[1:], delimiter, skip=1)
    guessed = next((names for each in records if (names := _untitled(each))), None)
    return _layout(guessed, [each for each in records if len(each) == len(guessed)], delimiter) if guessed else None


def _split(looked_at: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    for line in looked_at:
        try:
            yield next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            continue


def _is_titled(titles: Sequence[str]) -> bool:
    found = spelled(titles, _TITLES)
    return "src" in found and "dst" in found and not _TELLING.isdisjoint(titles)


def _untitled(record: Sequence[str]) -> tuple[str, ...] | None:
    """The titles that a record without them has by its order, or None where it does not look like a flow."""
    for known, lead in ((_CTU + _CTU_COUNTS, len(_CTU)), (_RA, len(_RA) - 3)):
        if len(record) < len(known) or not _is_flow(dict(zip(known, record, strict=False))):
            continue
        if not all(_NUMBER.fullmatch(each) for each in record[lead : lead + 2]):
            continue
        more = _more(record[len(known) :]) if known[: len(_CTU)] == _CTU else ()
        rest = (f"column {place}" for place in range(len(known) + len(more) + 1, len(record) + 1))
        return (*known, *more, *rest)
    return None


def _is_flow(record: dict[str, str]) -> bool:
    timed = _DATED.fullmatch(record["StartTime"].strip()) and _NUMBER.fullmatch(record.get("Dur", "0").strip() or "0")
    ended = all(_END.fullmatch(record[end].strip()) for end in ("SrcAddr", "DstAddr"))
    return bool(timed and ended and _ARROW.fullmatch(record["Dir"]))


def _more(rest: Sequence[str]) -> tuple[str, ...]:
    counts = 0
    while counts < min(len(rest), len(_CTU_MORE)) and _NUMBER.fullmatch(rest[counts].strip()):
        counts += 1
    return _CTU_MORE[:counts]


def _layout(titles: tuple[str, ...], records: Sequence[Sequence[str]], delimiter: str, skip: int = 0) -> Layout:
    return replace(
        _TABLE.layout(Shape.CSV, titles, delimiter, skip, ["application"] if "Proto" in titles else []),
        notes=tuple(_notes(titles, records)),
        zoneless=not any(_ZONED.fullmatch(each) for each in _TABLE.shown(titles, "begin", records)),
        refused=_trouble(titles, records),
    )


def _trouble(titles: Sequence[str], records: Sequence[Sequence[str]]) -> str | None:
    found = spelled(titles, _TITLES)
    lacking = [_TITLES[each][0] for each in _REQUIRED if each not in found]
    if lacking:
        return f"an Argus log without {', '.join(lacking)}"
    times = list(_TABLE.shown(titles, "begin", records))
    return _NO_DATE if times and all(_CLOCK.fullmatch(each) for each in times) else None


def _notes(titles: Sequence[str], records: Sequence[Sequence[str]]) -> Iterator[str]:
    ports = (each for field in ("src_port", "dst_port") for each in _TABLE.shown(titles, field, records))
    if any(_NAMED_PORT.fullmatch(each) for each in ports):
        yield _PORT_NAMES


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Flows as sessions; one record, one row. Ends and counts are as Argus has them, whatever way the arrow points."""
    texts = _TABLE.texts(layout)
    again = exp.EQ(this=texts["begin"].copy(), expression=text(_TITLES["begin"][0]))
    fields = {**_TABLE.fields(texts, scope), "application": _application(texts)}
    found = Flows(lines(source, layout), fields, file_number(source), [reason(again, HEADER_AGAIN)])
    return sessions(found, layout.columns, scope)


def _application(texts: Texts) -> exp.Expr:
    """What Argus calls a protocol and is carried by UDP."""
    protocol = call("lower", exp.Trim(this=texts["protocol"].copy()))
    carried = [exp.If(this=text(each), true=text(each)) for each in _APPLICATIONS]
    return exp.Case(this=protocol, ifs=carried, default=text(""))


def _is_packed(texts: Texts) -> exp.Expr:
    """Argus prints the two of an ICMP flow as one hexadecimal source port, the code before the type.

    0x0103 is type 3, code 1; something else, as the identifier of an echo, is the destination port.
    """
    return call("starts_with", texts["src_port"].copy(), text("0x"))


def _result() -> exp.Expr:
    """EventResult, over the declared columns: Success where the destination took part, Failure where it did not."""
    state = column("EventOriginalResultDetails")
    answered = exp.GT(this=column("DstBytes"), expression=number(0))
    short = exp.LT(this=column("NetworkPackets"), expression=number(_HANDSHAKE))
    by_icmp = exp.EQ(this=column("NetworkProtocol"), expression=text("ICMP"))
    unreachable = exp.and_(call("starts_with", state, text("UR")), exp.Not(this=exp.paren(by_icmp)))
    named = [
        *(exp.If(this=_equals(state, each), true=text("Success")) for each in (*_ESTABLISHED, *_ANSWERS)),
        *(exp.If(this=_equals(state, each), true=text("Failure")) for each in _UNANSWERED),
        *(exp.If(this=_equals(state, each), true=_either(answered.copy())) for each in _QUERIES),
        exp.If(
            this=_equals(state, _RESET),
            true=exp.Case(ifs=[exp.If(this=short, true=text("Failure"))], default=text("NA")),
        ),
        exp.If(this=unreachable, true=text("Failure")),
        exp.If(this=call("contains", state.copy(), text("_")), true=_by_flags(state)),
        exp.If(this=matches(state.copy(), _OPENED), true=text("Success")),
        exp.If(this=matches(state.copy(), _REFUSED), true=text("Failure")),
    ]
    return exp.Case(ifs=named, default=text("NA"))


_TABLE = FlowTable(_PRODUCT, _TITLES, Packed("src_port", _is_packed, type_first=False), _result)


def _equals(state: exp.Expr, name: str) -> exp.Expr:
    return exp.EQ(this=state.copy(), expression=text(name))


def _either(answered: exp.Expr) -> exp.Expr:
    """By whether there was an answer; NA where that is not known."""
    no = exp.Not(this=exp.paren(answered.copy()))
    ifs = [exp.If(this=answered, true=text("Success")), exp.If(this=no, true=text("Failure"))]
    return exp.Case(ifs=ifs, default=text("NA"))


def _by_flags(state: exp.Expr) -> exp.Expr:
    """By the letters of ra -Z b.

    A destination that acknowledged, and opened, sent or closed, took part. A source that asked was refused where there
    was a reset alone, and got no answer where there was nothing; but one that acknowledges, or sends, was answered
    where nobody watched.
    """
    source, destination = (call("split_part", state.copy(), text("_"), number(place)) for place in (1, 2))
    took_part = exp.and_(_has(destination, "A"), exp.or_(*(_has(destination, each) for each in "SPF")))
    silent = exp.and_(_equals(destination, ""), *(exp.Not(this=_has(source, each)) for each in "AP"))
    only_reset = exp.and_(_has(destination, "R"), *(exp.Not(this=_has(destination, each)) for each in "SPF"))
    failed = exp.and_(_has(source, "S"), exp.or_(silent, only_reset))
    ifs = [exp.If(this=took_part, true=text("Success")), exp.If(this=failed, true=text("Failure"))]
    return exp.Case(ifs=ifs, default=text("NA"))


def _has(flags: exp.Expr, letter: str) -> exp.Expr:
    return call("contains", flags.copy(), text(letter))


# --- Writing ----------------------------------------------------------------------------------------------------------

_WRITTEN = (*_CTU, *_CTU_COUNTS, *_CTU_MORE)
_BATCH = 65_536
_READ_COLUMNS = (
    *("TimeGenerated", "EventEndTime", "NetworkProtocol", "SrcIpAddr", "SrcPortNumber", "DstIpAddr", "DstPortNumber"),
    *("SrcBytes", "DstBytes", "SrcPackets", "DstPackets", "EventOriginalResultDetails"),
)


def write(table: pa.Table, path: Path) -> None:
    """Write sessions, in ASimNetworkSessionLogs' columns, as a binetflow; packed where the name ends in .gz.

    Columns that the table lacks are empty. What the destination sent stands in the file as what both sent, so it is
    lost where it is not known what the source sent. Times are in UTC.
    """
    with opened(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_WRITTEN)
        for batch in table.to_batches(max_chunksize=_BATCH):
            writer.writerows(map(_written, _rows(pa.Table.from_batches([batch]))))


def _rows(table: pa.Table) -> Iterator[dict[str, object]]:
    missing = [None] * table.num_rows
    values = [table.column(each).to_pylist() if each in table.column_names else missing for each in _READ_COLUMNS]
    for row in zip(*values, strict=True):
        yield dict(zip(_READ_COLUMNS, row, strict=True))


def _written(row: dict[str, object]) -> tuple[object, ...]:
    """One session as the values of `_WRITTEN`."""
    begin, end = row["TimeGenerated"], row["EventEndTime"]
    sport, dport = _written_ports(row)
    arrow = "  <->" if row["DstBytes"] else "   ->"
    return (
        f"{begin:%Y/%m/%d %H:%M:%S.%f}" if begin else "",
        _seconds(end - begin) if begin and end else "",  # type: ignore[operator] # times are
        _protocol(row),
        row["SrcIpAddr"],
        sport,
        arrow,
        row["DstIpAddr"],
        dport,
        row["EventOriginalResultDetails"],
        *("", ""),
        *(_sum(row[f"Src{unit}"], row[f"Dst{unit}"]) for unit in ("Packets", "Bytes")),
        row["SrcBytes"],
        row["SrcPackets"],
    )


def _protocol(row: dict[str, object]) -> str:
    name = str(row["NetworkProtocol"] or "").lower()
    return "ipv6-icmp" if name == "icmp" and ":" in str(row["SrcIpAddr"]) else name


def _written_ports(row: dict[str, object]) -> tuple[object, object]:
    sport, dport = row["SrcPortNumber"], row["DstPortNumber"]
    if _protocol(row) == "icmp" and isinstance(sport, int) and isinstance(dport, int) and max(sport, dport) < BYTE:
        return f"0x{dport * BYTE + sport:04x}", "0x0000"
    return sport, dport


def _sum(source: object, destination: object) -> int | None:
    return source + destination if isinstance(source, int) and isinstance(destination, int) else None


def _seconds(span: timedelta) -> str:
    """Seconds with six decimals, exactly."""
    micros = span // timedelta(microseconds=1)
    return f"{'-' if micros < 0 else ''}{abs(micros) // 1_000_000}.{abs(micros) % 1_000_000:06d}"


FORMATS = (Format("argus", NETWORK_SESSION, recognise, read, write),)
