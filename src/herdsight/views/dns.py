"""DNS: what a Windows server's log tells of queries, and the hub."""

from collections.abc import Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.addresses import Network
from herdsight.responses import response_name, response_result
from herdsight.tables import DNS_ACTIVITY, DNS_EVENTS
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


FAMILY = Family(DNS_ACTIVITY, {DNS_ACTIVITY: as_they_are, DNS_EVENTS: _events_as_activity}, {DNS_EVENTS: _as_events})
