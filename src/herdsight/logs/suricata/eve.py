"""Suricata's EVE: JSON lines of many kinds of events in one file.

Those of each table are a reading of their own over the whole file; of what is in none of them, the file's account says
which kinds there were.
"""

from herdsight.logs.formats import Format
from herdsight.logs.suricata.alert import ALERT
from herdsight.logs.suricata.dhcp import DHCP
from herdsight.logs.suricata.dns import DNS
from herdsight.logs.suricata.events import Reading
from herdsight.logs.suricata.flow import FLOW, NETFLOW
from herdsight.logs.suricata.web import HTTP, TLS
from herdsight.logs.suricata.writing import write_dns, write_flows
from herdsight.logs.values import constants
from herdsight.responses import response_result
from herdsight.tables import DHCP as DHCP_EVENT
from herdsight.tables import DNS_ACTIVITY, NETWORK_SESSION, WEB_SESSION
from herdsight.trees import column, text

_ALL = {name: tree for name, tree in constants("Suricata", "Suricata", "").items() if name != "EventType"}

SESSIONS = Reading(NETWORK_SESSION, (FLOW, NETFLOW, ALERT), _ALL)
QUERIES = Reading(
    DNS_ACTIVITY,
    (DNS,),
    {**_ALL, "EventType": text("Query"), "EventResult": response_result(column("EventResultDetails"))},
)
WEB = Reading(WEB_SESSION, (HTTP, TLS), {**_ALL, "EventType": text("HTTPsession")})
LEASES = Reading(DHCP_EVENT, (DHCP,), {**_ALL, "EventSchema": text("DhcpEvent")})

# A format has the name of the kind that most files have most of.
FORMATS = (
    Format("suricata-dhcp", LEASES.table, LEASES.recognise, LEASES.read, split=LEASES.split),
    Format("suricata-dns", QUERIES.table, QUERIES.recognise, QUERIES.read, write_dns, QUERIES.split),
    Format("suricata-flow", SESSIONS.table, SESSIONS.recognise, SESSIONS.read, write_flows, SESSIONS.split),
    Format("suricata-http", WEB.table, WEB.recognise, WEB.read, split=WEB.split),
)
