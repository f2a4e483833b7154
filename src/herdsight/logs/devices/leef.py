"""IBM's Log Event Extended Format 1.0 and 2.0, one event a line, alone or behind a header of syslog.

`LEEF:1.0|Vendor|Product|Version|EventID|key=value<TAB>key=value`; in 2.0 one more field says what stands between the
pairs: a character, or its code as `x5E` or `0x5E`. The keys are those of IBM's "Predefined LEEF event attributes".
"""

import re
from collections.abc import Mapping

from sqlglot import exp

from herdsight.logs.devices.events import Dialect, added, events, pairs, recognised, records
from herdsight.logs.formats import Format, Layout, Scope, Source
from herdsight.logs.head import Head
from herdsight.logs.values import reason
from herdsight.tables import COMMON_SECURITY_LOG
from herdsight.trees import call, column, number, text

NOT_LEEF = "not a LEEF event"

_MARK = "LEEF:"
_KEY = r"[A-Za-z0-9_.\[\]-]+"
_EVENT = re.compile(r'^[^{"|]{0,400}?LEEF: ?[12](?:\.[0-9])?\|(?:[^|]*\|){4}(?P<extension>.*)$')
_IN_EXTENSION = re.compile(rf"({_KEY})=")
_VERSION = r" ?[12](\.[0-9])?"
_FIELDS = {"DeviceVendor": 2, "DeviceProduct": 3, "DeviceVersion": 4, "DeviceEventClassID": 5}
_CODE = "(?:0x|x)[0-9A-Fa-f]{2}"  # of a delimiter
# Stands for the delimiter, whatever that is: unlike a tab, it is written in JSON as it is.
_LEAD = "\x7f"

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "devTime": ("ReceiptTime",),
    "cat": ("DeviceEventCategory",),
    "sev": ("LogSeverity",),
    "proto": ("Protocol",),
    "src": ("SourceIP",),
    "srcPort": ("SourcePort",),
    "srcMAC": ("SourceMACAddress",),
    "srcBytes": ("SentBytes",),
    "srcPostNAT": ("SourceTranslatedAddress",),
    "srcPostNATPort": ("SourceTranslatedPort",),
    "dst": ("DestinationIP",),
    "dstPort": ("DestinationPort",),
    "dstMAC": ("DestinationMACAddress",),
    "dstBytes": ("ReceivedBytes",),
    "dstPostNAT": ("DestinationTranslatedAddress",),
    "dstPostNATPort": ("DestinationTranslatedPort",),
    "usrName": ("SourceUserName",),
    "identHostName": ("SourceHostName",),
    "url": ("RequestURL",),
    "action": ("DeviceAction",),  # not predefined, but what firewalls write
    "msg": ("Message",),
}


def _unescaped(value: exp.Expr) -> exp.Expr:
    """A delimiter within a value is its own: LEEF has no escapes."""
    return call("replace", value.copy(), text(_LEAD), text("\t"))


DIALECT = Dialect(keys=_COLUMNS, aliases={}, lead=_LEAD, escape=_LEAD, unescaped=_unescaped)


def recognise(head: Head) -> Layout | None:
    """Lines of which at least half are events."""
    return recognised(head, _EVENT, _IN_EXTENSION, DIALECT)


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Events; one line, one row."""
    query = added(records(source, layout), at=call("strpos", column("line"), text(_MARK)))
    before = exp.Sub(this=column("at"), expression=number(1))
    after = exp.Add(this=column("at"), expression=number(len(_MARK)))
    body = call("substr", column("line"), after)
    query = added(query, prefix=call("substr", column("line"), number(1), before), body=body)
    query = added(query, fields=call("string_split", column("body"), text("|")))
    query = added(query, sixth=call("list_extract", column("fields"), number(6)))
    header = {name: call("list_extract", column("fields"), number(place)) for name, place in _FIELDS.items()}
    early = exp.Case(ifs=[reason(exp.Not(this=_is_event()), NOT_LEEF)])
    query = added(query, **header, Activity=text(""), early=early, delimiter=_delimiter())
    return events(pairs(query, _extension(), f"{_LEAD}{_KEY}="), DIALECT, layout, scope)


def _is_event() -> exp.Expr:
    version = call("regexp_full_match", call("list_extract", column("fields"), number(1)), text(_VERSION))
    long_enough = exp.GTE(this=call("len", column("fields")), expression=number(max(_FIELDS.values())))
    marked = exp.GT(this=column("at"), expression=number(0))
    return exp.Coalesce(this=exp.paren(exp.and_(marked, version, long_enough)), expressions=[exp.false()])


def _delimiter() -> exp.Expr:
    """What stands between the pairs, where the header says it: NULL where it does not, "" where it leaves it open."""
    second = call("regexp_matches", call("list_extract", column("fields"), number(1)), text("^ ?2"))
    code = call("regexp_full_match", column("sixth"), text(_CODE))
    digits = call("right", column("sixth"), number(2))
    value = exp.TryCast(this=exp.DPipe(this=text("0x"), expression=digits, safe=True), to=exp.DataType.build("INT"))
    short = exp.LTE(this=call("length", column("sixth")), expression=number(1))
    said = exp.Case(
        ifs=[exp.If(this=code, true=call("chr", value)), exp.If(this=short, true=column("sixth"))], default=exp.null()
    )
    return exp.Case(ifs=[exp.If(this=second, true=said)])


def _extension() -> exp.Expr:
    """The pairs, each behind the lead."""
    unsaid = exp.Is(this=column("delimiter"), expression=exp.null())
    begin = exp.Case(ifs=[exp.If(this=unsaid, true=number(6))], default=number(7))
    rest = call("array_to_string", call("list_slice", column("fields"), begin, number(-1)), text("|"))
    delimiter = exp.Coalesce(this=call("nullif", column("delimiter"), text("")), expressions=[text("\t")])
    return exp.DPipe(this=text(_LEAD), expression=call("replace", rest, delimiter, text(_LEAD)), safe=True)


FORMATS = (Format("leef", COMMON_SECURITY_LOG, recognise, read),)
