"""NetFlow v5, v9 and IPFIX as JSON: what collectors make of them, each under names of its own.

A record is one flow, one a line or in an array. Names are those of logstash's netflow codec, Filebeat's netflow input
(ECS), goflow2, pmacct's print and Kafka plugins, nfdump -o json, YAF's super_mediator, and ntop's nProbe.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlglot import exp

from herdsight.logs.flows.flow import (
    FLAGS,
    ONE_WAY,
    Flows,
    columns_of,
    derived_from,
    flags_result,
    instant,
    is_icmp,
    sessions,
)
from herdsight.logs.flows.printed import Packed, Texts, port
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.microsoft.exports import json_objects
from herdsight.logs.scan import file_number, whole_objects
from herdsight.logs.values import BAD_JSON, all_null, cast, count, numbered, reason, string
from herdsight.tables import FILE_COLUMN, NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, named, number, text

NOT_FLOW = "not a flow"

_LOOKED_AT = 50  # objects of the head
_THOUSAND = 1_000
_UPTIME = 100_000_000 * 1_000_000  # microseconds: early 1973
_BACK = ("dst_bytes", "dst_packets")
_ADDRESSES = ("src", "dst", "device_ip")
_NO_ADDRESSES = ("", "0.0.0.0", "::")  # noqa: S104 - what stands where the flow is of the other version of IP
_BARE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+")
_LETTERS = rf"[{FLAGS}.]{{8}}"

_Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a collector names the fields of a flow: paths of keys, of which the first that has a value counts.

    A record with all of `telling` is one of this dialect; `in_utc` tells that times without a zone are in UTC. A
    duration is in nanoseconds.
    """

    name: str
    vendor: str
    product: str
    telling: tuple[str, ...]
    fields: _Names
    in_utc: bool = False

    def recognise(self, head: Head) -> Layout | None:
        """Objects that have the keys of the dialect."""
        if head.parquet is not None or head.text.lstrip("\ufeff \r\n\t")[:1] not in {"{", "["}:
            return None
        shape, found = json_objects(head)
        records = [each for each in islice(found, _LOOKED_AT) if all(_has(each, path) for path in self.telling)]
        if not records or shape is Shape.JSON_RECORDS:
            return None
        columns = columns_of(self.fields, *(() if "state" in self.fields else ("EventResult",)))
        return Layout(
            shape,
            columns=columns,
            derived=derived_from(self.vendor, self.product, columns, flags_result()),
            notes=tuple(self._notes(records)),
            zoneless=not self.in_utc and any(map(_BARE_TIME.fullmatch, self._shown("begin", records))),
        )

    def _notes(self, records: Sequence[Mapping[str, object]]) -> Iterator[str]:
        if all(each in ("", "0") for field in _BACK for each in self._shown(field, records)):
            yield ONE_WAY

    def _shown(self, field: str, records: Sequence[Mapping[str, object]]) -> Iterator[str]:
        values = (_value(each, path) for each in records for path in self.fields.get(field, ()))
        yield from (str(value) for value in values if value is not None)

    def read(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        """Flows as sessions; one record, one row."""
        every = [path for paths in self.fields.values() for path in paths]
        found = call("json_extract_string", column("record"), exp.array(*(text(_pointer(path)) for path in every)))
        records = exp.select(
            named(found, "found"),
            named(exp.Is(this=column("record"), expression=exp.null()), "broken"),
            numbered(file_number(source)),
        ).from_(whole_objects(source, layout.shape, "record"))
        texts = {field: self._text(field, every) for field in self.fields}
        fields = {field: _typed(field, texts, None if self.in_utc else scope.zone) for field in texts}
        no_flow = all_null([exp.Nullif(this=texts[end].copy(), expression=text("")) for end in ("src", "dst")])
        early = [reason(column("broken"), BAD_JSON), reason(no_flow, NOT_FLOW)]
        flows = Flows(records.subquery("records"), fields, column(FILE_COLUMN), early)
        return sessions(flows, layout.columns, scope)

    def _text(self, field: str, every: list[str]) -> exp.Expr:
        """The text of a field, "" where there is none."""
        texts = [call("list_extract", column("found"), number(every.index(path) + 1)) for path in self.fields[field]]
        nothing = _NO_ADDRESSES if field in _ADDRESSES and texts[1:] else ("",)
        given = [_but_not(each, nothing) for each in texts]
        return string(exp.Coalesce(this=given[0], expressions=[*given[1:], texts[0].copy()]))


def _but_not(words: exp.Expr, nothing: Sequence[str]) -> exp.Expr:
    tree = words.copy()
    for each in nothing:
        tree = exp.Nullif(this=tree, expression=text(each))
    return tree


def _pointer(path: str) -> str:
    return "/" + path.replace(" ", "/")


def _value(record: object, path: str) -> object:
    for key in path.split(" "):
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _has(record: object, path: str) -> bool:
    """Whether a record has one of the paths, between which a bar stands."""
    return any(_value(record, each) is not None for each in path.split("|"))


def _typed(field: str, texts: Texts, zone: str | None) -> exp.Expr:
    """A field from its text."""
    words = texts[field].copy()
    match field:
        case "begin" | "end":
            return _since_1970(instant(words, zone))
        case "duration":
            return exp.IntDiv(this=count(words), expression=number(_THOUSAND))
        case "src_port" | "dst_port":
            return _port(field, texts)
        case "state":
            return _flags(texts)
        case "src_bytes" | "src_packets" | "all_bytes" | "all_packets" | "count":
            return count(words)
        case "dst_bytes" | "dst_packets":
            return exp.Nullif(this=count(words), expression=number(0))  # 0 stands where nobody counted the way back
    return words


def _since_1970(micros: exp.Expr) -> exp.Expr:
    """An instant; NULL where it is so early that the count is of the time that the exporter has been up."""
    early = exp.Between(this=micros, low=number(0), high=number(_UPTIME))
    return exp.Case(ifs=[exp.If(this=exp.Not(this=exp.paren(early)), true=micros.copy())])


def _port(field: str, texts: Texts) -> exp.Expr:
    """A port; of ICMP the type and the code, which a record has of their own, or as nfdump packs them."""
    plain = port(field, texts, Packed("dst_port", _is_packed, type_first=True))
    own = {"src_port": "icmp_type", "dst_port": "icmp_code"}[field]
    if own not in texts:
        return plain
    told = cast(texts[own].copy(), ColumnType.INT)
    by_icmp = exp.and_(is_icmp(texts["protocol"].copy()), exp.Not(this=exp.Is(this=told, expression=exp.null())))
    return exp.Case(ifs=[exp.If(this=by_icmp, true=told.copy())], default=plain)


def _is_packed(texts: Texts) -> exp.Expr:
    return exp.EQ(this=cast(texts["src_port"].copy(), ColumnType.INT), expression=number(0))


def _flags(texts: Texts) -> exp.Expr:
    """TCP's flags as letters, which a number has as bits; of what has none, nothing."""
    words = texts["state"]
    bits = cast(words.copy(), ColumnType.INT)
    letters = [
        exp.Case(
            ifs=[exp.If(this=exp.GT(this=_bit(bits, place), expression=number(0)), true=text(letter))],
            default=text("."),
        )
        for place, letter in enumerate(reversed(FLAGS))
    ]
    written = call("regexp_full_match", words.copy(), text(_LETTERS))
    is_number = exp.Not(this=exp.Is(this=bits.copy(), expression=exp.null()))
    ifs = [
        exp.If(this=written, true=words.copy()),
        exp.If(this=is_number, true=call("concat", *reversed(letters))),
    ]
    return exp.Case(ifs=ifs, default=text(""))


def _bit(bits: exp.Expr, place: int) -> exp.Expr:
    return exp.paren(exp.BitwiseAnd(this=bits.copy(), expression=number(1 << place)))


def _below(key: str, fields: _Names) -> dict[str, tuple[str, ...]]:
    """The fields, their paths below a key."""
    return {field: tuple(f"{key} {path}" for path in paths) for field, paths in fields.items()}


# IPFIX' own names (IANA, "IPFIX Information Elements"), which several collectors keep.
_IPFIX: _Names = {
    "begin": ("flowStartMilliseconds", "flowStartMicroseconds", "flowStartNanoseconds", "flowStartSeconds"),
    "end": ("flowEndMilliseconds", "flowEndMicroseconds", "flowEndNanoseconds", "flowEndSeconds"),
    "src": ("sourceIPv4Address", "sourceIPv6Address"),
    "src_port": ("sourceTransportPort",),
    "dst": ("destinationIPv4Address", "destinationIPv6Address"),
    "dst_port": ("destinationTransportPort",),
    "protocol": ("protocolIdentifier",),
    "state": ("tcpControlBits",),
    "src_bytes": ("octetDeltaCount", "octetTotalCount"),
    "dst_bytes": ("reverseOctetDeltaCount", "reverseOctetTotalCount"),
    "src_packets": ("packetDeltaCount", "packetTotalCount"),
    "dst_packets": ("reversePacketDeltaCount", "reversePacketTotalCount"),
}
# Those of NetFlow v9 (RFC 3954).
_NETFLOW: _Names = {
    "begin": ("FLOW_START_MILLISECONDS", "FIRST_SWITCHED"),
    "end": ("FLOW_END_MILLISECONDS", "LAST_SWITCHED"),
    "src": ("IPV4_SRC_ADDR", "IPV6_SRC_ADDR"),
    "src_port": ("L4_SRC_PORT",),
    "dst": ("IPV4_DST_ADDR", "IPV6_DST_ADDR"),
    "dst_port": ("L4_DST_PORT",),
    "protocol": ("PROTOCOL",),
    "state": ("TCP_FLAGS",),
    "src_bytes": ("IN_BYTES",),
    "dst_bytes": ("OUT_BYTES",),
    "src_packets": ("IN_PKTS",),
    "dst_packets": ("OUT_PKTS",),
}


def _lower(fields: _Names) -> dict[str, tuple[str, ...]]:
    return {field: tuple(map(str.lower, paths)) for field, paths in fields.items()}


def _both(first: _Names, second: _Names) -> dict[str, tuple[str, ...]]:
    return {field: (*first.get(field, ()), *second.get(field, ())) for field in {**first, **second}}


_DIALECTS = (
    _Dialect(
        name="netflow-logstash",
        vendor="Elastic",
        product="Logstash",
        telling=(
            "netflow ipv4_src_addr|netflow ipv6_src_addr|netflow sourceIPv4Address|netflow sourceIPv6Address",
            "netflow version|@timestamp",
        ),
        # NetFlow's counts out are those of packets as they leave the exporter, not of the way back.
        fields=_both(
            _below("netflow", _both({f: p for f, p in _lower(_NETFLOW).items() if f not in _BACK}, _IPFIX)),
            {"begin": ("@timestamp",), "device_ip": ("host",)},
        ),
    ),
    _Dialect(
        name="netflow-filebeat",
        vendor="Elastic",
        product="Filebeat",
        telling=("netflow type|netflow exporter", "source ip", "destination ip"),
        fields={
            "begin": ("event start", "@timestamp"),
            "end": ("event end",),
            "duration": ("event duration",),
            "src": ("source ip",),
            "src_port": ("source port",),
            "dst": ("destination ip",),
            "dst_port": ("destination port",),
            "protocol": ("network iana_number", "network transport"),
            "state": ("netflow tcp_control_bits",),
            "id": ("flow id",),
            "device_ip": ("observer ip",),
            "src_bytes": ("source bytes", "network bytes"),
            "dst_bytes": ("destination bytes",),
            "src_packets": ("source packets", "network packets"),
            "dst_packets": ("destination packets",),
        },
    ),
    _Dialect(
        name="netflow-goflow2",
        vendor="NetSampler",
        product="goflow2",
        telling=("src_addr", "dst_addr", "time_flow_start_ns|time_received_ns", "type|sampler_address"),
        fields={
            "begin": ("time_flow_start_ns", "time_received_ns"),
            "end": ("time_flow_end_ns",),
            "src": ("src_addr",),
            "src_port": ("src_port",),
            "dst": ("dst_addr",),
            "dst_port": ("dst_port",),
            "protocol": ("proto",),
            "icmp_type": ("icmp_type",),
            "icmp_code": ("icmp_code",),
            "state": ("tcp_flags",),
            "device_ip": ("sampler_address",),
            "src_bytes": ("bytes",),
            "src_packets": ("packets",),
        },
    ),
    _Dialect(
        name="netflow-pmacct",
        vendor="pmacct",
        product="pmacct",
        telling=("ip_src", "ip_dst", "timestamp_start|stamp_inserted", "bytes|packets"),
        fields={
            "begin": ("timestamp_start", "stamp_inserted"),
            "end": ("timestamp_end", "stamp_updated"),
            "src": ("ip_src",),
            "src_port": ("port_src",),
            "dst": ("ip_dst",),
            "dst_port": ("port_dst",),
            "protocol": ("ip_proto",),
            "state": ("tcp_flags",),
            "count": ("flows",),
            "device_ip": ("peer_ip_src",),
            "src_bytes": ("bytes",),
            "src_packets": ("packets",),
        },
    ),
    _Dialect(
        name="nfdump-json",
        vendor="nfdump",
        product="nfdump",
        telling=("type", "first|t_first", "src4_addr|src6_addr", "dst4_addr|dst6_addr"),
        fields={
            "begin": ("first", "t_first"),
            "end": ("last", "t_last"),
            "src": ("src4_addr", "src6_addr"),
            "src_port": ("src_port",),
            "dst": ("dst4_addr", "dst6_addr"),
            "dst_port": ("dst_port",),
            "protocol": ("proto",),
            "icmp_type": ("icmp_type",),
            "icmp_code": ("icmp_code",),
            "state": ("tcp_flags",),
            "src_bytes": ("in_bytes",),
            "dst_bytes": ("out_bytes",),
            "src_packets": ("in_packets",),
            "dst_packets": ("out_packets",),
        },
    ),
    _Dialect(
        name="netflow-yaf",
        vendor="CERT NetSA",
        product="YAF",
        telling=("flows flowStartMilliseconds", "flows sourceIPv4Address|flows sourceIPv6Address"),
        # Its flags are several texts, of the first packet and of the others, each way.
        fields=_below("flows", {field: paths for field, paths in _IPFIX.items() if field != "state"}),
        in_utc=True,
    ),
    _Dialect(
        name="netflow-nprobe",
        vendor="ntop",
        product="nProbe",
        telling=("IPV4_SRC_ADDR|IPV6_SRC_ADDR", "IPV4_DST_ADDR|IPV6_DST_ADDR", "L4_DST_PORT|PROTOCOL"),
        fields={**_NETFLOW, "application": ("L7_PROTO_NAME",), "device_ip": ("EXPORTER_IPV4_ADDRESS",)},
    ),
)

FORMATS = tuple(Format(each.name, NETWORK_SESSION, each.recognise, each.read) for each in _DIALECTS)
