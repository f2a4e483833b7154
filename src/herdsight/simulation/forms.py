"""The forms that simulated telemetry is written in: what each carries of it, and what it leaves out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdsight.logs.devices import cef
from herdsight.logs.flows import argus
from herdsight.logs.microsoft import device_network_events
from herdsight.logs.suricata import writing as suricata
from herdsight.logs.windows import sysmon_json
from herdsight.logs.writing import write_json_lines
from herdsight.logs.zeek import conn, dns
from herdsight.simulation.simulated import Simulated
from herdsight.tables import AUTHENTICATION, COMMON_SECURITY_LOG, DEVICE_NETWORK_EVENTS, DNS_ACTIVITY, NETWORK_SESSION

_REACHED = pa.array(["SF", "S1", "RSTO", "RSTR"])


@dataclass(frozen=True, slots=True)
class Log:
    """One log of a form: its file, its format and table, the rows that it takes of what happened, and its writer."""

    file: str
    format: str
    table: str
    rows: Callable[[Simulated], pa.Table]
    write: Callable[[pa.Table, Path], None]


@dataclass(frozen=True, slots=True)
class Form:
    """What one product logs. `lacks` says of each part of what happened why it is not there."""

    logs: tuple[Log, ...]
    lacks: Mapping[str, str]


def _sessions(happened: Simulated) -> pa.Table:
    return happened.sessions


def _queries(happened: Simulated) -> pa.Table:
    return happened.queries


def _crossing(happened: Simulated) -> pa.Table:
    """Sessions between inside and outside, as the firewall at the border logs them."""
    crossing = pc.not_equal(happened.sessions["NetworkDirection"], pa.scalar("Local"))
    seen = happened.sessions.filter(crossing)
    reached = pc.is_in(seen["EventOriginalResultDetails"], value_set=_REACHED)
    rows = seen.num_rows
    names = {
        "TimeGenerated": "EventStartTime",
        "SourceIP": "SrcIpAddr",
        "SourcePort": "SrcPortNumber",
        "DestinationIP": "DstIpAddr",
        "DestinationPort": "DstPortNumber",
        "Protocol": "NetworkProtocol",
        "ApplicationProtocol": "NetworkApplicationProtocol",
        "SentBytes": "SrcBytes",
        "ReceivedBytes": "DstBytes",
        "CommunicationDirection": "NetworkDirection",
        "StartTime": "EventStartTime",
        "EndTime": "EventEndTime",
        "ExtID": "NetworkSessionId",
    }
    said = {"DeviceVendor": "Herdsight", "DeviceProduct": "Simulated firewall", "DeviceVersion": "1"}
    said |= {"DeviceEventClassID": "traffic", "Activity": "Network session", "LogSeverity": "3", "Computer": "fw-1"}
    columns: dict[str, Any] = {
        **{name: seen[source] for name, source in names.items()},
        **{name: pa.repeat(word, rows) for name, word in said.items()},
        # Who lets a session by and sees no answer logs it as let by, too; a refusal comes from the host.
        "DeviceAction": pc.if_else(reached, "accept", "timeout"),
    }
    return pa.table(columns)


def _numbered(happened: Simulated) -> pa.Table:
    """Sessions as Suricata has them: identifiers are numbers, and the result is said."""
    sessions = happened.sessions
    reached = pc.is_in(sessions["EventOriginalResultDetails"], value_set=_REACHED)
    unanswered = pc.equal(sessions["EventOriginalResultDetails"], pa.scalar("S0"))
    result = pc.if_else(reached, "Success", pc.if_else(unanswered, "NA", "Failure"))
    place = sessions.schema.get_field_index("EventOriginalResultDetails")
    state = pc.if_else(reached, "closed", pc.if_else(unanswered, "new", "closed"))
    return sessions.set_column(place, "EventOriginalResultDetails", state).append_column("EventResult", result)


def _argued(happened: Simulated) -> pa.Table:
    """Sessions with Argus' states."""
    sessions = happened.sessions
    state = sessions["EventOriginalResultDetails"]
    is_tcp = pc.equal(sessions["NetworkProtocol"], pa.scalar("TCP"))
    answered = pc.if_else(is_tcp, "FSPA_FSPA", "CON")
    refused = pc.if_else(pc.equal(state, pa.scalar("REJ")), "S_RA", answered)
    told = pc.if_else(pc.equal(state, pa.scalar("S0")), pc.if_else(is_tcp, "S_", "INT"), refused)
    place = sessions.schema.get_field_index("EventOriginalResultDetails")
    return sessions.set_column(place, "EventOriginalResultDetails", told)


def _connections(happened: Simulated) -> pa.Table:
    """What Sysmon tells of the hosts: connections that came about, and where it is said so, attempts."""
    events = happened.events
    if happened.attempts_logged:
        place = events.schema.get_field_index("ActionType")
        tried = pc.equal(events["ActionType"], pa.scalar("ConnectionFailed"))
        events = events.set_column(place, "ActionType", pc.if_else(tried, "ConnectionSuccess", events["ActionType"]))
    told = pa.array(["ConnectionSuccess", "InboundConnectionAccepted"])
    return events.filter(pc.is_in(events["ActionType"], value_set=told))


def _watched(happened: Simulated) -> pa.Table:
    """Queries of hosts where somebody watches processes."""
    return happened.queries.filter(pc.not_equal(happened.queries["SrcProcessName"], pa.scalar("")))


_NO_SIGN_INS = {"sign_ins": "attempts to sign in are logged by the service itself, as `defender` has them"}
_NO_REPORTS = {"reports": "what a host does with itself, and what its agent aggregates, passes no sensor"}
_NO_QUERIES = {"queries": "it has no names that are looked up"}

FORMS: Mapping[str, Form] = {
    "zeek": Form(
        (
            Log("conn.log", "zeek-conn", NETWORK_SESSION, _sessions, conn.write),
            Log("dns.log", "zeek-dns", DNS_ACTIVITY, _queries, dns.write),
        ),
        {**_NO_SIGN_INS, **_NO_REPORTS, "process": "a sensor knows no processes and no accounts"},
    ),
    "defender": Form(
        (
            Log(
                "DeviceNetworkEvents.json",
                "device-network-events",
                DEVICE_NETWORK_EVENTS,
                lambda happened: happened.events,
                device_network_events.write,
            ),
            Log(
                "ASimAuthenticationEventLogs.json",
                "asim-authentication",
                AUTHENTICATION,
                lambda happened: happened.sign_ins,
                write_json_lines,
            ),
        ),
        {**_NO_QUERIES, "unwatched": "sessions of hosts without an agent are not in it, and of the others no bytes"},
    ),
    "cef": Form(
        (Log("firewall.cef", "cef", COMMON_SECURITY_LOG, _crossing, cef.write),),
        {
            **_NO_QUERIES,
            **_NO_SIGN_INS,
            **_NO_REPORTS,
            "process": "a firewall knows no processes, and nothing of what stays inside; times are to the millisecond",
        },
    ),
    "sysmon": Form(
        (
            Log(
                "sysmon-connections.json",
                "sysmon-network",
                DEVICE_NETWORK_EVENTS,
                _connections,
                sysmon_json.write_connections,
            ),
            Log("sysmon-queries.json", "sysmon-dns", DNS_ACTIVITY, _watched, sysmon_json.write_queries),
        ),
        {**_NO_SIGN_INS, "unwatched": "it has connections that came about on hosts with Sysmon, and no bytes"},
    ),
    "suricata": Form(
        (
            Log("eve-flow.json", "suricata-flow", NETWORK_SESSION, _numbered, suricata.write_flows),
            Log("eve-dns.json", "suricata-dns", DNS_ACTIVITY, _queries, suricata.write_dns),
        ),
        {**_NO_SIGN_INS, **_NO_REPORTS, "process": "a sensor knows no processes and no accounts"},
    ),
    "argus": Form(
        (Log("flows.binetflow", "argus", NETWORK_SESSION, _argued, argus.write),),
        {**_NO_QUERIES, **_NO_SIGN_INS, **_NO_REPORTS, "process": "flows know no processes, no names and no services"},
    ),
}


def left_out(name: str, happened: Simulated) -> dict[str, str]:
    """What a form leaves out of what happened, by the part that it lacks: why."""
    parts: Mapping[str, pa.Table] = {
        "queries": happened.queries,
        "sign_ins": happened.sign_ins,
        "reports": happened.reports,
    }
    has_process = (
        bool(np.any(happened.sessions["SrcAppName"].to_numpy() != "")) if happened.sessions.num_rows else False
    )
    there = {part for part, rows in parts.items() if rows.num_rows}
    there |= {"process"} if has_process else set()
    there |= {"unwatched"} if happened.sessions.num_rows else set()
    return {part: why for part, why in FORMS[name].lacks.items() if part in there}
