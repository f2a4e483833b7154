"""Zeek's weird.log: one line, one thing in the traffic that the protocols do not allow for."""

from sqlglot import exp

from herdsight.logs.zeek.records import ENDS, Protocol, additional, copied, either
from herdsight.logs.zeek.reports import DIRECTION, REJECTIONS, of_reports
from herdsight.tables import NETWORK_SESSION

WEIRD = Protocol(
    path="weird",
    table=NETWORK_SESSION,
    fields=("name", "addl", "notice", "peer", "source"),
    required=("ts", "name"),
    ends=(),
    further=REJECTIONS,
    columns={
        **ENDS,
        "NetworkSessionId": copied("uid"),
        "NetworkDirection": DIRECTION,
        "NetworkRuleName": copied("name"),
        "EventOriginalSubType": copied("name"),
        "EventMessage": copied("addl"),
        "AdditionalFields": additional("peer", "source", notice=either("notice", exp.true(), exp.false())),
    },
    derived=of_reports("weird"),
)

FORMATS = WEIRD.formats()
