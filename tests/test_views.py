"""Each source seen through every table: which rows, which way round, and what stands where a source says nothing."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import Writer
from reference import NOON, Row, accepted, connection, request

import herdsight
from herdsight import tables
from herdsight.tables import ColumnType

SECOND = timedelta(seconds=1)
DEVICE = "DeviceNetworkEvents"
FIREWALL = "CommonSecurityLog"
SESSION = "ASimNetworkSessionLogs"


def rows_of(kql: str, *paths: Path, **options: Any) -> list[Row]:
    return herdsight.query(kql, paths, **options).to_pylist()


def conn(source: str, destination: str, **changes: Any) -> Row:
    """A connection as Zeek logs it, established and closed, changed by the fields given."""
    row: Row = {
        "ts": NOON,
        "uid": "C1",
        "id.orig_h": source,
        "id.orig_p": 50000,
        "id.resp_h": destination,
        "id.resp_p": 8443,
        "proto": "tcp",
        "service": "ssl",
        "duration": "1.5",
        "orig_bytes": 100,
        "resp_bytes": 200,
        "conn_state": "SF",
        "orig_pkts": 4,
        "resp_pkts": 5,
    }
    return row | changes


# --- a Zeek connection as DeviceNetworkEvents -------------------------------------------------------------------------

INSIDE, OTHER, OUTSIDE, ELSEWHERE = "10.0.0.5", "10.0.0.6", "5.6.7.8", "9.9.9.9"


def test_an_outbound_connection_is_told_of_the_one_that_opened_it(zeek_log: Writer) -> None:
    (row,) = rows_of(DEVICE, zeek_log([conn(INSIDE, OUTSIDE)]))
    said = {name: value for name, value in row.items() if value not in (None, "") and name != "AdditionalFields"}
    assert said == {
        "Type": "DeviceNetworkEvents",
        "TimeGenerated": NOON,
        "Timestamp": NOON,
        "DeviceName": INSIDE,
        "ActionType": "ConnectionSuccess",
        "LocalIP": INSIDE,
        "LocalPort": 50000,
        "LocalIPType": "Private",
        "RemoteIP": OUTSIDE,
        "RemotePort": 8443,
        "RemoteIPType": "Public",
        "Protocol": "Tcp",
    }


def test_an_inbound_connection_is_told_of_the_one_that_accepted_it(zeek_log: Writer) -> None:
    (row,) = rows_of(DEVICE, zeek_log([conn(OUTSIDE, INSIDE)]))
    ends = {name: row[name] for name in ("DeviceName", "LocalIP", "LocalPort", "RemoteIP", "RemotePort")}
    assert row["ActionType"] == "InboundConnectionAccepted"
    assert ends == {
        "DeviceName": INSIDE,
        "LocalIP": INSIDE,
        "LocalPort": 8443,
        "RemoteIP": OUTSIDE,
        "RemotePort": 50000,
    }
    assert (row["LocalIPType"], row["RemoteIPType"]) == ("Private", "Public")


def test_a_local_connection_is_told_of_both_ends(zeek_log: Writer) -> None:
    log = zeek_log([conn(INSIDE, OTHER)])
    rows = rows_of(f"{DEVICE} | project DeviceName, ActionType, LocalPort, RemoteIP, RemotePort", log)
    rows.sort(key=lambda row: str(row["DeviceName"]))
    assert [tuple(row.values()) for row in rows] == [
        (INSIDE, "ConnectionSuccess", 50000, OTHER, 8443),
        (OTHER, "InboundConnectionAccepted", 8443, INSIDE, 50000),
    ]


def test_a_connection_between_two_outside_hosts_is_told_of_nobody(zeek_log: Writer) -> None:
    found = herdsight.query_all(f"{DEVICE}\n\n{FIREWALL}\n\n{SESSION}", zeek_log([conn(OUTSIDE, ELSEWHERE)]))
    assert [each.table.num_rows for each in found] == [0, 0, 1]


def test_a_group_is_no_device(zeek_log: Writer) -> None:
    groups = {"224.0.0.251": INSIDE, "239.255.255.250": INSIDE, "255.255.255.255": INSIDE, "ff02::fb": "fd00::5"}
    log = zeek_log(conn(inside, group) for group, inside in groups.items())
    rows = rows_of(f"{DEVICE} | project RemoteIP, DeviceName, ActionType", log)
    assert {row["RemoteIP"]: row["DeviceName"] for row in rows} == groups
    assert [row["ActionType"] for row in rows] == ["ConnectionSuccess"] * len(groups)


def test_an_outside_host_that_sends_to_a_group_is_no_device(zeek_log: Writer) -> None:
    log = zeek_log([conn(OUTSIDE, "239.1.1.1")])
    assert rows_of(f"{DEVICE} | project DeviceName", log) == []  # DeviceName is the inside host, and this is none


STATES = {
    "SF": ("ConnectionSuccess", "InboundConnectionAccepted"),
    "S1": ("ConnectionSuccess", "InboundConnectionAccepted"),
    "S2": ("ConnectionSuccess", "InboundConnectionAccepted"),
    "S3": ("ConnectionSuccess", "InboundConnectionAccepted"),
    "RSTO": ("ConnectionSuccess", "InboundConnectionAccepted"),
    "RSTR": ("ConnectionSuccess", "InboundConnectionAccepted"),
    "S0": ("ConnectionFailed", "ConnectionAttempt"),
    "REJ": ("ConnectionFailed", "ConnectionAttempt"),
    "RSTOS0": ("ConnectionFailed", "ConnectionAttempt"),
    "RSTRH": ("ConnectionFailed", "ConnectionAttempt"),
    "SH": ("ConnectionFailed", "ConnectionAttempt"),
    "SHR": ("ConnectionFound", "ConnectionFound"),
    "OTH": ("ConnectionFound", "ConnectionFound"),
    "-": ("ConnectionFound", "ConnectionFound"),
    "novel": ("ConnectionFound", "ConnectionFound"),
}


def test_the_state_and_the_direction_make_the_action(zeek_log: Writer) -> None:
    ends = ((INSIDE, OUTSIDE), (OUTSIDE, INSIDE))
    log = zeek_log(
        conn(*pair, uid=f"{state} {place}", conn_state=state) for state in STATES for place, pair in enumerate(ends)
    )
    rows = rows_of(f"{DEVICE} | project ActionType, AdditionalFields", log)
    actions = {json.loads(row["AdditionalFields"])["uid"]: row["ActionType"] for row in rows}
    assert {state: (actions[f"{state} 0"], actions[f"{state} 1"]) for state in STATES} == STATES


def test_a_ping_is_inspected_whichever_way_it_goes(zeek_log: Writer) -> None:
    ping: Row = {"proto": "icmp", "id.orig_p": 8, "id.resp_p": 0}
    ends = ((INSIDE, OUTSIDE), (OUTSIDE, INSIDE))
    log = zeek_log(conn(*pair, **ping, conn_state=state) for state in ("OTH", "SF", "S0") for pair in ends)
    rows = rows_of(DEVICE, log)
    assert [(row["ActionType"], row["Protocol"]) for row in rows] == [("IcmpConnectionInspected", "Icmp")] * 6


def test_what_a_sensor_measured_is_in_the_bag(zeek_log: Writer) -> None:
    (row,) = rows_of(f"{DEVICE} | project AdditionalFields", zeek_log([conn(INSIDE, OUTSIDE)]))
    assert json.loads(row["AdditionalFields"]) == {
        "uid": "C1",
        "conn_state": "SF",
        "direction": "Outbound",
        "duration_ms": 1500,
        "orig_bytes": 100,
        "resp_bytes": 200,
        "orig_pkts": 4,
        "resp_pkts": 5,
    }


def test_given_networks_are_inside_and_no_others(zeek_log: Writer) -> None:
    log = zeek_log([conn("147.32.81.167", OUTSIDE), conn("147.33.0.1", OUTSIDE), conn(INSIDE, "147.32.0.1")])
    by_default = rows_of(f"{SESSION} | project NetworkDirection", log)
    given = rows_of(f"{SESSION} | project NetworkDirection", log, local=("147.32.0.0/16",))
    assert [row["NetworkDirection"] for row in by_default] == ["External", "External", "Outbound"]
    assert [row["NetworkDirection"] for row in given] == ["Outbound", "External", "Inbound"]
    devices = rows_of(f"{DEVICE} | project DeviceName, ActionType", log, local="147.32.0.0/16")
    assert sorted(tuple(row.values()) for row in devices) == [
        ("147.32.0.1", "InboundConnectionAccepted"),
        ("147.32.81.167", "ConnectionSuccess"),
    ]


def test_a_given_network_is_inside_even_where_its_addresses_are_reserved(zeek_log: Writer) -> None:
    servers = ["192.0.2.9", "198.18.0.9", "203.0.113.9"]  # logs are made anonymous with such addresses; labs use them
    rows = rows_of(
        f"{DEVICE} | project DeviceName, ActionType",
        zeek_log(conn(OUTSIDE, server) for server in servers),
        local=("192.0.2.0/24", "198.18.0.0/15", "203.0.113.0/24"),
    )
    assert [tuple(row.values()) for row in rows] == [(server, "InboundConnectionAccepted") for server in servers]


# --- kinds of addresses -----------------------------------------------------------------------------------------------

KINDS = {
    "Public": (
        *("1.2.3.4", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "128.0.0.1", "126.255.255.255"),
        *("169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "172.1.0.1", "172.3.16.1", "172.160.0.1"),
        *("192.167.255.255", "192.169.0.0", "192.0.1.1", "192.0.3.1", "198.17.255.255", "198.20.0.0", "203.0.112.1"),
        *("203.0.114.1", "223.255.255.255", "198.51.99.1", "198.51.101.1"),
        *("2606:4700::1111", "2a00::1", "2001:4860::8888", "2001:db9::1", "2002:a00:1::1"),
    ),
    "Private": (
        *("10.0.0.0", "10.255.255.255", "172.16.0.0", "172.20.1.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"),
        *("169.254.0.1", "100.64.0.0", "100.99.1.1", "100.127.255.255"),
        *("fe80::1", "febf::1", "fc00::1", "fd00::", "FD12:3456::1"),
    ),
    "Loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "Broadcast": ("255.255.255.255",),
    "Reserved": (
        *("0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.254"),  # noqa: S104 an address, not to listen on
        *("192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.255"),
        *("::", "ff02::1", "100::1", "2001:db8::1"),
    ),
    "FourToSixMapping": ("::ffff:1.2.3.4", "::FFFF:10.0.0.1", "::ffff:102:304"),
    "Teredo": ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::1", "2001:0000:1::2"),
    "": ("",),
}


def test_the_kind_of_a_remote_address_is_computed(csv_log: Writer) -> None:
    rows = [connection(NOON, RemoteIP=address) for addresses in KINDS.values() for address in addresses]
    for row in rows:
        del row["RemoteIPType"]
    found = rows_of(f"{DEVICE} | project RemoteIP, RemoteIPType", csv_log(rows))
    assert {row["RemoteIP"]: row["RemoteIPType"] for row in found} == {
        address: kind for kind, addresses in KINDS.items() for address in addresses
    }


def test_the_kind_of_either_address_of_a_connection_is_computed(zeek_log: Writer) -> None:
    (row,) = rows_of(DEVICE, zeek_log([conn("100.64.0.9", "2001:4860::8888")]))
    assert (row["LocalIPType"], row["RemoteIPType"]) == ("Private", "Public")


def test_a_kind_that_the_log_says_is_left_as_it_is(csv_log: Writer, json_log: Writer) -> None:
    row = connection(NOON, RemoteIP="10.1.2.3", RemoteIPType="Public")
    assert {each["RemoteIPType"] for each in rows_of(DEVICE, csv_log([row]), json_log([row]))} == {"Public"}


def test_the_kind_is_computed_where_json_does_not_say_it(json_log: Writer) -> None:
    row = connection(NOON, RemoteIP="5.6.7.8")
    del row["RemoteIPType"]
    (found,) = rows_of(DEVICE, json_log([row]))
    assert (found["RemoteIPType"], found["LocalIPType"]) == ("Public", "Private")


def test_the_kind_is_computed_where_one_row_or_one_file_of_several_does_not_say_it(csv_log: Writer) -> None:
    silent = connection(NOON, RemoteIP="5.6.7.8")
    del silent["RemoteIPType"]
    said = [
        connection(NOON, RemoteIP="10.1.2.3", RemoteIPType="Private"),
        connection(NOON, RemoteIPType="", RemoteIP=OUTSIDE),
    ]
    found = rows_of(f"{DEVICE} | project RemoteIP, RemoteIPType", csv_log([silent]), csv_log(said))
    assert sorted(tuple(row.values()) for row in found) == [
        ("10.1.2.3", "Private"),
        ("5.6.7.8", "Public"),
        ("5.6.7.8", "Public"),
    ]


# --- a Zeek connection as CommonSecurityLog ---------------------------------------------------------------------------


def test_only_what_comes_in_is_in_the_firewalls_log(zeek_log: Writer) -> None:
    log = zeek_log([conn(INSIDE, OUTSIDE), conn(OUTSIDE, INSIDE), conn(INSIDE, OTHER), conn(INSIDE, "224.0.0.251")])
    (row,) = rows_of(FIREWALL, log)
    assert {name: value for name, value in row.items() if value not in (None, "")} == {
        "Type": "CommonSecurityLog",
        "TimeGenerated": NOON,
        "StartTime": NOON,
        "EndTime": NOON + 1.5 * SECOND,
        "DeviceVendor": "Zeek",
        "DeviceProduct": "Zeek",
        "Activity": "Network session",
        "CommunicationDirection": "Inbound",
        "SourceIP": OUTSIDE,
        "SourcePort": 50000,
        "DestinationIP": INSIDE,
        "DestinationPort": 8443,
        "Protocol": "TCP",
        "ApplicationProtocol": "ssl",
        "SentBytes": 100,
        "ReceivedBytes": 200,
        "EventOutcome": "Success",
        "EventCount": 1,
        "ExtID": "C1",
    }


# --- reports on sessions ----------------------------------------------------------------------------------------------


def test_a_report_is_a_signature_to_defender_and_no_request_to_a_firewall(csv_log: Writer) -> None:
    """As an export has it, whoever reported it."""
    both = [
        {
            "TimeGenerated": NOON,
            "EventType": kind,
            "EventVendor": "Example",
            "EventResult": "Success",
            "SrcIpAddr": OUTSIDE,
            "SrcPortNumber": 4000,
            "DstIpAddr": INSIDE,
            "DstPortNumber": 443,
            "NetworkProtocol": protocol,
            "NetworkDirection": "Inbound",
            "NetworkRuleName": "a scan",
            "NetworkSessionId": "S1",
        }
        for kind, protocol in (("NetworkSession", "TCP"), ("IDS", "TCP"), ("IDS", "ICMP"))
    ]
    log = csv_log(both)
    rows = rows_of(f"{DEVICE} | project ActionType, DeviceName, RemoteIP, AdditionalFields", log)
    assert [(row["ActionType"], row["DeviceName"], row["RemoteIP"]) for row in rows] == [
        ("InboundConnectionAccepted", INSIDE, OUTSIDE),
        ("NetworkSignatureInspected", INSIDE, OUTSIDE),
        ("NetworkSignatureInspected", INSIDE, OUTSIDE),
    ]
    assert [json.loads(row["AdditionalFields"]) for row in rows] == [
        {"direction": "Inbound", "uid": "S1"},
        *[{"SignatureName": "a scan", "message": "", "direction": "Inbound", "uid": "S1"}] * 2,
    ]
    assert len(rows_of(FIREWALL, log)) == 1
    assert len(rows_of(SESSION, log)) == 3


# --- CommonSecurityLog as the others ----------------------------------------------------------------------------------


def firewall(source: str, destination: str, **columns: Any) -> Row:
    return request(NOON, SourceIP=source, DestinationIP=destination, **columns)


def test_a_firewalls_row_is_a_session(csv_log: Writer) -> None:
    (row,) = rows_of(SESSION, csv_log([{**firewall(OUTSIDE, INSIDE), "SentBytes": 7, "ReceivedBytes": 9}]))
    assert {name: value for name, value in row.items() if value not in (None, "")} == {
        "Type": "CommonSecurityLog",
        "EventType": "NetworkSession",
        "TimeGenerated": NOON,
        "EventStartTime": NOON,
        "EventCount": 1,
        "EventResult": "Success",
        "EventVendor": "Example",
        "EventProduct": "Firewall",
        "DvcAction": "Allow",
        "DvcOriginalAction": "allow",
        "SrcIpAddr": OUTSIDE,
        "SrcPortNumber": 40000,
        "DstIpAddr": INSIDE,
        "DstPortNumber": 443,
        "SrcBytes": 7,
        "DstBytes": 9,
        "NetworkProtocol": "TCP",
        "NetworkDirection": "Inbound",
    }


ACTIONS = {
    "allow": ("Allow", "Success", "ConnectionSuccess", "InboundConnectionAccepted"),
    "Accept": ("Allow", "Success", "ConnectionSuccess", "InboundConnectionAccepted"),
    "PERMIT": ("Allow", "Success", "ConnectionSuccess", "InboundConnectionAccepted"),
    "Built": ("Allow", "Success", "ConnectionSuccess", "InboundConnectionAccepted"),
    "deny": ("Deny", "Failure", "ConnectionFailed", "ConnectionAttempt"),
    "Blocked": ("Deny", "Failure", "ConnectionFailed", "ConnectionAttempt"),
    "rejected": ("Deny", "Failure", "ConnectionFailed", "ConnectionAttempt"),
    "DROP": ("Drop", "Failure", "ConnectionFailed", "ConnectionAttempt"),
    "reset": ("Reset", "Failure", "ConnectionFailed", "ConnectionAttempt"),
    "reset-both": ("Reset", "Failure", "ConnectionFailed", "ConnectionAttempt"),
    "Reset-Client": ("Reset Source", "Failure", "ConnectionFailed", "ConnectionAttempt"),
    "reset-server": ("Reset Destination", "Failure", "ConnectionFailed", "ConnectionAttempt"),
    "teardown": ("", "NA", "ConnectionFound", "ConnectionFound"),
    "": ("", "NA", "ConnectionFound", "ConnectionFound"),
}


def test_what_a_firewall_did_makes_the_result_and_the_action(csv_log: Writer) -> None:
    log = csv_log(
        firewall(*ends, DeviceAction=action, SourcePort=port)
        for port, action in enumerate(ACTIONS)
        for ends in ((INSIDE, OUTSIDE), (OUTSIDE, INSIDE))
    )
    kql = f"{SESSION} | project SrcIpAddr, SrcPortNumber, DvcAction, EventResult\n\n{DEVICE}"
    sessions, devices = (answer.table.to_pylist() for answer in herdsight.query_all(kql, log))
    made = {(row["SrcIpAddr"], row["SrcPortNumber"]): (row["DvcAction"], row["EventResult"]) for row in sessions}
    out = {row["LocalPort"]: row["ActionType"] for row in devices if row["LocalPort"] != 443}
    into = {row["RemotePort"]: row["ActionType"] for row in devices if row["LocalPort"] == 443}
    assert {action: (*made[INSIDE, port], out[port], into[port]) for port, action in enumerate(ACTIONS)} == ACTIONS
    assert all(made[INSIDE, port] == made[OUTSIDE, port] for port in range(len(ACTIONS)))


def test_a_firewalls_row_is_told_of_its_inside_ends(csv_log: Writer) -> None:
    pairs = [(INSIDE, OUTSIDE), (OUTSIDE, INSIDE), (INSIDE, OTHER), (OUTSIDE, ELSEWHERE), (INSIDE, "224.0.0.251")]
    rows = rows_of(f"{DEVICE} | project DeviceName, LocalIP, RemoteIP", csv_log(firewall(*pair) for pair in pairs))
    assert sorted((row["LocalIP"], row["RemoteIP"]) for row in rows) == [
        (INSIDE, "10.0.0.6"),
        (INSIDE, "224.0.0.251"),
        (INSIDE, OUTSIDE),
        (INSIDE, OUTSIDE),
        (OTHER, INSIDE),
    ]
    assert all(row["DeviceName"] == row["LocalIP"] for row in rows)


def test_a_name_that_the_firewall_knows_is_the_devices(csv_log: Writer) -> None:
    row = {**firewall(INSIDE, OTHER), "SourceHostName": "desk-1", "DestinationHostName": ""}
    found = rows_of(f"{DEVICE} | project DeviceName, LocalIP | order by LocalIP asc", csv_log([row]))
    assert [tuple(each.values()) for each in found] == [("desk-1", INSIDE), (OTHER, OTHER)]


def test_a_direction_that_the_firewall_says_counts(csv_log: Writer) -> None:
    cases = [
        ("Inbound", (OUTSIDE, ELSEWHERE), "Inbound"),
        ("0", (OUTSIDE, ELSEWHERE), "Inbound"),
        ("OUT", (OUTSIDE, ELSEWHERE), "Outbound"),
        ("1", (OUTSIDE, INSIDE), "Outbound"),
        ("", (OUTSIDE, ELSEWHERE), "External"),
        ("sideways", (INSIDE, OUTSIDE), "Outbound"),
        ("", (INSIDE, OTHER), "Local"),
        ("", (OUTSIDE, INSIDE), "Inbound"),
    ]
    log = csv_log({**firewall(*ends), "CommunicationDirection": said} for said, ends, _ in cases)
    rows = rows_of(f"{SESSION} | project NetworkDirection", log)
    assert [row["NetworkDirection"] for row in rows] == [direction for _, _, direction in cases]


def test_given_networks_decide_where_the_firewall_says_nothing(csv_log: Writer) -> None:
    log = csv_log([firewall("147.32.81.167", OUTSIDE), firewall(OUTSIDE, "147.32.81.167")])
    rows = rows_of(f"{SESSION} | project NetworkDirection", log, local=("147.32.0.0/16",))
    assert [row["NetworkDirection"] for row in rows] == ["Outbound", "Inbound"]


# --- DeviceNetworkEvents as the others --------------------------------------------------------------------------------


def test_an_event_is_a_session_the_right_way_round(json_log: Writer) -> None:
    told = {  # how it ended, and whether the device opened it
        "ConnectionSuccess": ("Success", True),
        "ConnectionFailed": ("Failure", True),
        "ConnectionRequest": ("NA", True),
        "ConnectionFound": ("NA", True),
        "InboundConnectionAccepted": ("Success", False),
        "ConnectionAttempt": ("Failure", False),
    }
    found = rows_of(SESSION, json_log(connection(NOON, ActionType=action, RemoteIP=OUTSIDE) for action in told))
    by_action = {row["EventOriginalType"]: row for row in found}
    assert by_action.keys() == told.keys()
    for action, (result, opened_here) in told.items():
        row = by_action[action]
        here, there = ("Src", "Dst") if opened_here else ("Dst", "Src")
        ends = {f"{here}IpAddr": INSIDE, f"{here}PortNumber": 50000, f"{here}Hostname": "desk-1"}
        ends |= {f"{there}IpAddr": OUTSIDE, f"{there}PortNumber": 4444, f"{there}Hostname": ""}
        assert {name: row[name] for name in ends} == ends
        assert row["NetworkDirection"] == ("Outbound" if opened_here else "Inbound")
        assert row["EventResult"] == result
        assert (row["TimeGenerated"], row["NetworkProtocol"], row["EventCount"]) == (NOON, "TCP", 1)


def test_what_is_no_single_connection_is_no_session(json_log: Writer) -> None:
    actions = ["ListeningConnectionCreated", "ConnectionSuccessAggregatedReport", "IcmpConnectionInspected"]
    log = json_log(connection(NOON, ActionType=action) for action in actions)
    devices, sessions = herdsight.query_all(f"{DEVICE}\n\n{SESSION}", log)
    assert (devices.table.num_rows, sessions.table.num_rows) == (3, 0)


def test_an_event_between_inside_hosts_is_local(json_log: Writer) -> None:
    log = json_log([connection(NOON, RemoteIP=OTHER), accepted(NOON, RemoteIP=OTHER)])
    assert {row["NetworkDirection"] for row in rows_of(SESSION, log)} == {"Local"}
    assert rows_of(FIREWALL, log) == []


def test_an_accepted_event_is_in_the_firewalls_log(json_log: Writer) -> None:
    (row,) = rows_of(FIREWALL, json_log([accepted(NOON, RemoteIP=OUTSIDE), connection(NOON, RemoteIP=OUTSIDE)]))
    assert (row["SourceIP"], row["SourcePort"]) == (OUTSIDE, 40000)
    assert (row["DestinationIP"], row["DestinationPort"], row["DestinationHostName"]) == (INSIDE, 8443, "desk-1")


def test_networks_that_are_given_make_an_event_local(json_log: Writer) -> None:
    log = json_log([connection(NOON, RemoteIP="147.32.0.9", LocalIP="147.32.0.8")])
    (row,) = rows_of(SESSION, log, local="147.32.0.0/16")
    assert row["NetworkDirection"] == "Local"


# --- every table, whatever was read -----------------------------------------------------------------------------------

ARROW = {
    ColumnType.BOOL: pa.bool_(),
    ColumnType.INT: pa.int32(),
    ColumnType.LONG: pa.int64(),
    ColumnType.REAL: pa.float64(),
    ColumnType.STRING: pa.string(),
    ColumnType.DATETIME: pa.timestamp("us"),
    ColumnType.DYNAMIC: pa.string(),
    ColumnType.GUID: pa.string(),
}


@pytest.fixture
def sources(json_log: Writer, csv_log: Writer, zeek_log: Writer) -> dict[str, list[Path]]:
    """One small log of each source, with an outbound and an inbound connection, and all of them."""
    each = {
        "defender": [json_log([connection(NOON, RemoteIP=OUTSIDE), accepted(NOON, RemoteIP=OUTSIDE)])],
        "firewall": [csv_log([firewall(INSIDE, OUTSIDE), firewall(OUTSIDE, INSIDE)])],
        "zeek": [zeek_log([conn(INSIDE, OUTSIDE), conn(OUTSIDE, INSIDE)])],
    }
    return {**each, "all": [path for paths in each.values() for path in paths]}


@pytest.mark.parametrize("source", ["defender", "firewall", "zeek", "all"])
def test_every_table_has_its_declared_columns_and_no_text_is_null(sources: dict[str, list[Path]], source: str) -> None:
    for answer, name in zip(herdsight.query_all("\n\n".join(tables.NAMES), sources[source]), tables.NAMES, strict=True):
        declared = tables.table(name).columns
        assert [(field.name, field.type) for field in answer.table.schema] == [  # and none that says where it came from
            (column.name, ARROW[column.type]) for column in declared
        ]
        assert (answer.table.num_rows > 0) == (name in (DEVICE, FIREWALL, SESSION))
        for column in declared:
            if column.type is ColumnType.STRING:
                assert answer.table.column(column.name).null_count == 0, (name, column.name)


def test_what_a_source_does_not_know_is_null_or_empty(sources: dict[str, list[Path]]) -> None:
    rows = rows_of(f"{DEVICE} | project InitiatingProcessFileName, InitiatingProcessId, ReportId", *sources["zeek"])
    assert rows == [{"InitiatingProcessFileName": "", "InitiatingProcessId": None, "ReportId": None}] * 2
    rows = rows_of(f"{SESSION} | project SrcBytes, NetworkSessionId, EventEndTime", *sources["defender"])
    assert rows == [{"SrcBytes": None, "NetworkSessionId": "", "EventEndTime": None}] * 2


def test_each_source_is_in_each_table(sources: dict[str, list[Path]]) -> None:
    # Zeek and Defender add what came in to the firewall's two; none of them tells of more.
    expected = dict.fromkeys(tables.NAMES, 0) | {DEVICE: 6, FIREWALL: 4, SESSION: 6}
    found = herdsight.query_all("\n\n".join(tables.NAMES), sources["all"])
    assert dict(zip(tables.NAMES, (each.table.num_rows for each in found), strict=True)) == expected


def test_times_bound_what_every_table_shows(json_log: Writer) -> None:
    log = json_log(accepted(NOON + step * SECOND, RemoteIP=OUTSIDE) for step in range(5))
    since, until = NOON + SECOND, NOON + 3 * SECOND  # both ends are in
    found = herdsight.query_all(f"{DEVICE}\n\n{FIREWALL}\n\n{SESSION}", log, since=since, until=until)
    assert [each.table.num_rows for each in found] == [3, 3, 3]
