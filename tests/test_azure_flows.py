"""Specification of Azure's flow logs: the tuples that nest in records, and the exports of traffic analytics."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from conftest import Row
from loaded import account, loaded

from herdsight.logs.formats import all_formats
from herdsight.logs.head import read_head

Write = Callable[[str], Path]

BEGIN = datetime(2023, 10, 18, 14, 37, 28)  # noqa: DTZ001 - UTC without saying so, as the engine has it
SECONDS = 1697639848
SEVERAL = "a flow that lasts has several records: its begin (B), each stretch of it (C), and its end (E)"

ALLOWED = f"{SECONDS},10.0.0.5,192.0.2.1,50000,443,T,O,A,E,4,400,3,300"
DENIED = f"{SECONDS},198.51.100.9,10.0.0.5,60000,23,U,I,D,B,,,,"
FIRST_VERSION = f"{SECONDS},10.0.0.5,192.0.2.1,50000,443,T,O,A"
OF_NETWORK = f"{SECONDS}250,10.0.0.5,192.0.2.1,50000,443,6,O,E,NX,4,400,3,300"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str) -> Path:
        path = tmp_path / "PT1H.json"
        path.write_text(content, encoding="utf-8")
        return path

    return _write


def of_group(*tuples: str, rule: str = "Rule") -> Row:
    """A record of a network security group."""
    flows = [{"rule": rule, "flows": [{"mac": "000000000001", "flowTuples": list(tuples)}]}]
    properties = {"Version": 2, "flows": flows}
    return {
        "time": "2023-10-18T14:38:00Z",
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": "/SUBSCRIPTIONS/S/NETWORKSECURITYGROUPS/NSG",
        "properties": properties,
    }


def of_network(*tuples: str) -> Row:
    """A record of a virtual network."""
    flows = [{"aclID": "a", "flowGroups": [{"rule": "Rule", "flowTuples": list(tuples)}]}]
    return {
        "time": "2023-10-18T14:38:00Z",
        "flowLogVersion": 4,
        "category": "FlowLogFlowEvent",
        "flowRecords": {"flows": flows},
    }


def document(*records: Row, indent: int | None = None) -> str:
    return json.dumps({"records": list(records)}, indent=indent)


def rows_of(path: Path) -> list[Row]:
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in loaded(path)[1]]


def known_as(path: Path) -> list[str]:
    return [each.name for each in all_formats() if each.recognise(read_head(path))]


def test_a_tuple_of_a_group_becomes_a_session(write: Write) -> None:
    assert rows_of(write(document(of_group(ALLOWED)))) == [
        {
            "TimeGenerated": BEGIN,
            "EventStartTime": BEGIN,
            "SrcIpAddr": "10.0.0.5",
            "SrcPortNumber": 50000,
            "DstIpAddr": "192.0.2.1",
            "DstPortNumber": 443,
            "NetworkProtocol": "TCP",
            "NetworkDirection": "Outbound",
            "SrcBytes": 400,
            "DstBytes": 300,
            "NetworkBytes": 700,
            "SrcPackets": 4,
            "DstPackets": 3,
            "NetworkPackets": 7,
            "EventOriginalResultDetails": "E",
            "DvcOriginalAction": "A",
            "DvcAction": "Allow",
            "NetworkRuleName": "Rule",
            "EventResult": "Success",
            "EventSubType": "End",
            "EventCount": 1,
            "EventVendor": "Microsoft",
            "EventProduct": "NSGFlow",
            "EventType": "Flow",
        }
    ]


def test_a_flow_that_was_denied(write: Write) -> None:
    (row,) = rows_of(write(document(of_group(DENIED))))
    assert (row["DvcAction"], row["EventResult"], row["NetworkDirection"]) == ("Deny", "Failure", "Inbound")
    assert (row["NetworkProtocol"], row["SrcBytes"], row["DstPackets"]) == ("UDP", None, None)
    assert row["EventSubType"] == "Start"


def test_version_1_has_no_counts(write: Write) -> None:
    (row,) = rows_of(write(document(of_group(FIRST_VERSION))))
    assert (row["DvcAction"], row["SrcBytes"], row["EventOriginalResultDetails"]) == ("Allow", None, "")


@pytest.mark.parametrize(
    ("state", "action", "result", "kind"),
    [
        ("B", "Allow", "Success", "Start"),
        ("C", "Allow", "Success", ""),
        ("E", "Allow", "Success", "End"),
        ("D", "Deny", "Failure", ""),
        ("x", "", "NA", ""),
    ],
)
def test_a_tuple_of_a_network(write: Write, state: str, action: str, result: str, kind: str) -> None:
    path = write(document(of_network(OF_NETWORK.replace(",E,", f",{state},"))))
    assert known_as(path) == ["azure-vnet-flow"]
    (row,) = rows_of(path)
    assert row["TimeGenerated"] == BEGIN.replace(microsecond=250_000)
    assert (row["NetworkProtocol"], row["SrcBytes"], row["DstBytes"]) == ("TCP", 400, 300)
    assert (row["DvcAction"], row["EventResult"], row["EventSubType"]) == (action, result, kind)
    assert (row["EventProduct"], row["EventType"], row["NetworkRuleName"]) == ("VNetFlow", "Flow", "Rule")


@pytest.mark.parametrize(("make", "one"), [(of_group, ALLOWED), (of_network, OF_NETWORK)])
@pytest.mark.parametrize("form", ["document", "indented", "lines", "array"])
def test_the_order_is_that_of_the_file(write: Write, make: Callable[..., Row], one: str, form: str) -> None:
    tuples = [one.replace("50000", str(port)) for port in range(1, 301)]
    records = [make(*tuples[place : place + 3]) for place in range(0, 300, 3)]
    content = {
        "document": document(*records),
        "indented": document(*records, indent=2),
        "lines": "\n".join(map(json.dumps, records)),
        "array": json.dumps(records),
    }[form]
    found, rows = loaded(write(content))
    assert (found.rows, found.rejected, found.notes) == (300, 0, (SEVERAL,))
    assert [row["SrcPortNumber"] for row in rows] == list(range(1, 301))


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        ("", "columns missing"),
        (",".join(ALLOWED.split(",")[:7]), "columns missing"),
        (f"{ALLOWED},1", "too many columns"),
        (ALLOWED.replace("10.0.0.5", "nowhere"), "bad address"),
        (ALLOWED.replace(str(SECONDS), "soon"), "bad timestamp"),
        (ALLOWED.replace(str(SECONDS), "99999999999"), "timestamp out of range"),
    ],
)
def test_what_is_no_flow_is_counted(write: Write, one: str, reason: str) -> None:
    found = account(write(document(of_group(ALLOWED, one, ALLOWED))))
    assert (found.rows, found.reasons) == (2, {reason: 1})


def test_a_record_without_flows_is_counted_and_one_whose_list_is_empty_has_none(write: Write) -> None:
    bare = of_group() | {"properties": {}}
    found = account(write(document(of_group(ALLOWED), bare, of_group(), of_group(ALLOWED))))
    assert (found.rows, found.reasons) == (2, {"not a flow": 1})


def test_a_broken_line_is_counted(write: Write) -> None:
    found = account(write(f'{json.dumps(of_group(ALLOWED))}\n{{"time"\n[1]\n{json.dumps(of_group(ALLOWED, DENIED))}\n'))
    assert (found.rows, found.reasons) == (3, {"bad JSON": 2})


@pytest.mark.parametrize(
    "content", ['{"category": "x", "flows": []}', '["flowTuples"]', "flowTuples", '{"records": []}']
)
def test_what_is_something_else(write: Write, content: str) -> None:
    assert known_as(write(content)) == []


# --- Traffic analytics ------------------------------------------------------------------------------------------------

OLD: Row = {
    "TimeGenerated [UTC]": "10/18/2023, 3:10:00.000 PM",
    "FlowStartTime_t [UTC]": "10/18/2023, 2:37:28.000 PM",
    "FlowEndTime_t [UTC]": "10/18/2023, 2:38:28.000 PM",
    "SubType_s": "FlowLog",
    "FlowType_s": "ExternalPublic",
    "SrcIP_s": "",
    "SrcPublicIPs_s": "198.51.100.9|3|0|0|0|0|0 198.51.100.10|1|0|0|0|0|0",
    "DestIP_s": "10.0.0.5",
    "DestPort_d": "22",
    "L4Protocol_s": "T",
    "L7Protocol_s": "ssh",
    "FlowDirection_s": "I",
    "FlowStatus_s": "D",
    "NSGList_s": "s/group/nsg",
    "NSGRule_s": "DenyAll",
    "VM2_s": "group/vm",
    "AllowedInFlows_d": "0",
    "DeniedInFlows_d": "4",
    "AllowedOutFlows_d": "0",
    "DeniedOutFlows_d": "0",
    "InboundBytes_d": "100",
    "OutboundBytes_d": "20",
}
NEW: Row = {
    "TimeGenerated": "2023-10-18T15:10:00Z",
    "FlowStartTime": "2023-10-18T14:37:28Z",
    "FlowEndTime": "2023-10-18T14:38:28Z",
    "SubType": "FlowLog",
    "FlowType": "IntraVNet",
    "SrcIp": "10.0.0.5",
    "SrcPort": 50000,
    "DestIp": "10.0.0.6",
    "DestPort": 443,
    "L4Protocol": "T",
    "FlowDirection": "Outbound",
    "FlowStatus": "Allowed",
    "AclRule": "Allow",
    "AllowedOutFlows": 7,
    "BytesSrcToDest": 70,
    "BytesDestToSrc": 8,
    "PacketsSrcToDest": 3,
    "PacketsDestToSrc": 2,
}


def table(*records: Row) -> str:
    """Records as CSV."""
    words = io.StringIO()
    writer = csv.DictWriter(words, records[0])
    writer.writeheader()
    writer.writerows(records)
    return words.getvalue()


def test_a_row_of_the_older_table(write: Write) -> None:
    path = write(table(OLD))
    assert known_as(path) == ["azure-traffic-analytics"]
    (row,) = rows_of(path)
    assert (row["TimeGenerated"], row["EventEndTime"]) == (BEGIN, BEGIN.replace(minute=38))
    assert (row["SrcIpAddr"], row["DstIpAddr"], row["DstPortNumber"]) == ("198.51.100.9", "10.0.0.5", 22)
    assert (row["SrcBytes"], row["DstBytes"], row["EventCount"]) == (100, 20, 4)
    assert (row["DvcAction"], row["EventResult"], row["NetworkDirection"]) == ("Deny", "Failure", "Inbound")
    assert (row["DvcHostname"], row["DstHostname"], row["NetworkRuleName"]) == ("nsg", "vm", "DenyAll")
    assert (row["NetworkApplicationProtocol"], row["EventType"]) == ("ssh", "Flow")


@pytest.mark.parametrize("form", ["csv", "lines", "array"])
def test_a_row_of_the_newer_table(write: Write, form: str) -> None:
    content = {"csv": table(NEW), "lines": json.dumps(NEW), "array": json.dumps([NEW])}[form]
    (row,) = rows_of(write(content))
    assert (row["TimeGenerated"], row["NetworkDuration"]) == (BEGIN, 60_000)
    assert (row["SrcIpAddr"], row["SrcPortNumber"], row["DstIpAddr"]) == ("10.0.0.5", 50000, "10.0.0.6")
    assert (row["SrcBytes"], row["DstBytes"], row["SrcPackets"], row["DstPackets"]) == (70, 8, 3, 2)
    assert (row["DvcAction"], row["EventCount"], row["NetworkDirection"]) == ("Allow", 7, "Local")


@pytest.mark.parametrize(
    ("direction", "source", "destination"), [("O", "10.0.0.5", "192.0.2.1"), ("I", "192.0.2.1", "10.0.0.5")]
)
def test_the_oldest_columns_tell_the_machine_and_the_others(
    write: Write, direction: str, source: str, destination: str
) -> None:
    old = {name.split("_")[0].split(" ")[0]: value for name, value in OLD.items()}
    ends = {"VMIP": "10.0.0.5", "PublicIPs": "['192.0.2.1', '192.0.2.2']", "SrcPublicIPs": "", "DestIP": ""}
    (row,) = rows_of(write(table(old | ends | {"FlowDirection": direction, "FlowStatus": ""})))
    assert (row["SrcIpAddr"], row["DstIpAddr"], row["DvcAction"]) == (source, destination, "Deny")
    assert (row["SrcBytes"], row["DstBytes"]) == ((20, 100) if direction == "O" else (100, 20))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SubType_s": "Topology"}, "other event: topology"),
        ({"DestIP_s": "nowhere"}, "bad address"),
        ({"DestIP_s": ""}, "bad address"),
        ({"FlowStartTime_t [UTC]": "soon"}, "bad timestamp"),
    ],
)
def test_what_is_no_flow_of_traffic_analytics_is_counted(write: Write, change: Row, reason: str) -> None:
    found = account(write(table(OLD, OLD | change, OLD)))
    assert (found.rows, found.reasons) == (2, {reason: 1})


@pytest.mark.shared_data
def test_a_real_export_is_read_to_its_last_row(shared_data: Path) -> None:
    path = shared_data / "data" / "formats" / "azure-nsg-flows.csv"
    found, rows = loaded(path)
    assert (found.format, found.rows, found.rejected) == ("azure-traffic-analytics", 460, 0)
    assert {row["EventType"] for row in rows} == {"Flow"}
    # Its columns TotalAllowedFlows add up to this, and nothing was denied.
    with path.open(encoding="utf-8") as file:
        allowed = sum(int(float(str(each["TotalAllowedFlows"]))) for each in csv.DictReader(file))
    assert sum(int(str(row["EventCount"])) for row in rows) == allowed
    assert {row["DvcAction"] for row in rows} == {"Allow"}
