"""DNS: what a Windows server's log, and Defender, tell of queries, and the hub."""

from collections.abc import Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.addresses import Network
from herdsight.responses import response_name, response_result
from herdsight.tables import DEVICE_EVENTS, DNS_ACTIVITY, DNS_EVENTS, ColumnType
from herdsight.trees import text
from herdsight.views.parts import Event, Family, Part, Rows, as_they_are, first, one_of, part_column


def _events_as_activity(part: Part, local: Sequence[Network]) -> Rows:
    del local

    def value(name: str) -> exp.Expr:
        return part_column(part, name)

    code = response_name(value("ResultCode"))
    values = {
        "TimeGenerated": value("TimeGenerated"),
        "EventStartTime": value("TimeGenerated"),
        "EventCount": trees.number(1),
        "EventType": text("Query"),
        "EventSubType": text("response"),
        "EventVendor": text("Microsoft"),
        "EventProduct": text("DNS Server"),
        "EventResult": response_result(code.copy()),
        "EventResultDetails": code,
        "SrcIpAddr": value("ClientIP"),
        "DvcHostname": value("Computer"),
        "DnsQuery": value("Name"),
        "DnsQueryTypeName": value("QueryType"),
        "DnsResponseCode": value("ResultCode"),
        "DnsResponseName": value("IPAddresses"),
    }
    return Rows(one_of(value("SubType"), "LookupQuery", ""), values)  # the others are registrations


def _as_events(event: Event) -> tuple[Rows, ...]:
    values = event.some(
        {
            "TimeGenerated": "TimeGenerated",
            "ClientIP": "SrcIpAddr",
            "Name": "DnsQuery",
            "QueryType": "DnsQueryTypeName",
            "ResultCode": "DnsResponseCode",
            "IPAddresses": "DnsResponseName",
        }
    )
    said = {
        "Computer": first(event["DvcHostname"], event["DstIpAddr"]),
        "SubType": text("LookupQuery"),
        "Result": event["EventResult"],
    }
    return (Rows(exp.true(), {**values, **said}),)


def _device_events_as_activity(part: Part, local: Sequence[Network]) -> Rows:
    del local

    def value(name: str) -> exp.Expr:
        return part_column(part, name)

    values = {
        "TimeGenerated": value("TimeGenerated"),
        "EventStartTime": value("TimeGenerated"),
        "EventCount": trees.number(1),
        "EventType": text("Query"),
        "EventSubType": text("response"),
        "EventVendor": text("Microsoft"),
        "EventProduct": text("M365 Defender for Endpoint"),
        "EventResult": text("NA"),  # it does not tell the code
        "SrcIpAddr": value("LocalIP"),
        "SrcHostname": value("DeviceName"),
        "DvcHostname": value("DeviceName"),
        "SrcProcessName": value("InitiatingProcessFileName"),
        "SrcProcessId": exp.Cast(this=value("InitiatingProcessId"), to=trees.sql_type(ColumnType.STRING)),
        "SrcUsername": value("InitiatingProcessAccountName"),
        "DnsQuery": _asked(value("AdditionalFields")),
        "DnsResponseName": _answered(value("AdditionalFields")),
    }
    return Rows(exp.true(), values)


def _asked(bag: exp.Expr) -> exp.Expr:
    asked = trees.call("json_extract_string", bag, text("$.DnsQueryString"))
    return trees.call("rtrim", trees.call("lower", exp.Coalesce(this=asked, expressions=[text("")])), text("."))


def _answered(bag: exp.Expr) -> exp.Expr:
    """The answers between commas: the bag has them as JSON in a text."""
    answers = trees.call("json_extract_string", bag, text("$.DnsQueryResult"))
    results = trees.call("json_extract_string", answers, text("$[*].Result"))
    joined = trees.call("array_to_string", results, text(","))
    listed = exp.Case(ifs=[exp.If(this=trees.call("json_valid", answers.copy()), true=joined)])
    return exp.Coalesce(this=listed, expressions=[text("")])


def _untold(event: Event) -> tuple[Rows, ...]:
    """DeviceEvents has events of many kinds, so what others log of DNS is not shown as it."""
    del event
    return ()


FAMILY = Family(
    DNS_ACTIVITY,
    {
        DNS_ACTIVITY: as_they_are,
        DNS_EVENTS: _events_as_activity,
        DEVICE_EVENTS: _device_events_as_activity,
    },
    {DNS_EVENTS: _as_events, DEVICE_EVENTS: _untold},
)
