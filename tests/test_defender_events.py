"""Specification of DeviceEvents: DNS queries in exports of Defender, alone or beside other device tables."""

import json
from pathlib import Path

import pytest
from conftest import Row, Writer
from loaded import account

import herdsight
from herdsight.logs.formats import all_formats
from herdsight.logs.head import read_head

ANSWERS = json.dumps([{"Result": "192.0.2.1", "DnsQueryType": "A"}, {"Result": "192.0.2.2", "DnsQueryType": "A"}])
QUERY: Row = {
    "Timestamp": "2023-10-18T14:37:28.25Z",
    "DeviceId": "d",
    "DeviceName": "pc",
    "ActionType": "DnsQueryResponse",
    "AdditionalFields": json.dumps({"DnsQueryString": "Evil.Test.", "DnsQueryResult": ANSWERS}),
    "InitiatingProcessFileName": "browser.exe",
    "InitiatingProcessId": 7,
    "InitiatingProcessAccountName": "ann",
    "ReportId": 1,
}
CONNECTION = QUERY | {"ActionType": "ConnectionSuccess", "AdditionalFields": "", "RemoteIP": "192.0.2.9"}
COMMAND = QUERY | {"ActionType": "PowerShellCommand", "AdditionalFields": '{"Command": "x"}'}
SEEN = "_Im_Dns | project DnsQuery, DnsResponseName, SrcHostname, SrcProcessName, SrcProcessId, SrcUsername, Type"


def known_as(path: Path) -> list[str]:
    return [each.name for each in all_formats() if each.recognise(read_head(path))]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_query_is_dns_activity(csv_log: Writer, json_log: Writer, form: str) -> None:
    path = (csv_log if form == "csv" else json_log)([QUERY, COMMAND])
    assert known_as(path) == ["device-events"]
    assert herdsight.query(SEEN, path).to_pylist() == [
        {
            "DnsQuery": "evil.test",
            "DnsResponseName": "192.0.2.1,192.0.2.2",
            "SrcHostname": "pc",
            "SrcProcessName": "browser.exe",
            "SrcProcessId": "7",
            "SrcUsername": "ann",
            "Type": "DeviceEvents",
        }
    ]
    (row,) = herdsight.query(
        "DeviceEvents | project ActionType, DeviceName, TimeGenerated == Timestamp", path
    ).to_pylist()
    assert row == {"ActionType": "DnsQueryResponse", "DeviceName": "pc", "Column1": True}
    found = account(path)
    assert (found.rows, found.reasons) == (1, {"not a network event": 1})


@pytest.mark.parametrize("result", ["", "no JSON", "{}", "[]", '[{"Other": 1}]', "[7]"])
def test_answers_that_are_none(json_log: Writer, result: str) -> None:
    fields = json.dumps({"DnsQueryString": "evil.test", "DnsQueryResult": result})
    path = json_log([QUERY | {"AdditionalFields": fields}])
    assert [row["DnsResponseName"] for row in herdsight.query(SEEN, path).to_pylist()] == [""]


def test_a_file_of_several_tables_is_read_as_each_and_counted_once(json_log: Writer) -> None:
    late = {"Timestamp": "soon"}
    path = json_log([QUERY, CONNECTION, COMMAND, QUERY | late, CONNECTION | late, COMMAND | late])
    assert known_as(path) == ["device-events", "device-network-events"]
    found = account(path)
    assert (found.rows, found.reasons) == (2, {"bad timestamp": 2, "not a network event": 2})


def test_a_stream_of_several_tables_is_counted_once(tmp_path: Path) -> None:
    kinds = {"DeviceEvents": [QUERY, COMMAND], "DeviceNetworkEvents": [CONNECTION], "DeviceProcessEvents": [COMMAND]}
    lines = [
        {"time": QUERY["Timestamp"], "category": f"AdvancedHunting-{name}", "properties": record}
        for name, records in kinds.items()
        for record in records
    ]
    path = tmp_path / "stream.json"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    assert known_as(path) == ["device-events", "device-network-events"]
    found = account(path)
    reasons = {"not a network event": 1, "other category: AdvancedHunting-DeviceProcessEvents": 1}
    assert (found.rows, found.reasons) == (2, reasons)


@pytest.mark.parametrize("fields", ["", "{", "{}", "7", '{"DnsQueryString": ""}', '{"DnsQueryString": null}'])
def test_an_event_that_tells_no_name_is_counted(json_log: Writer, fields: str) -> None:
    found = account(json_log([QUERY, QUERY | {"AdditionalFields": fields}]))
    assert (found.rows, found.rejected) == (1, 1)


@pytest.mark.shared_data
def test_a_real_export_of_several_tables_keeps_its_account(shared_data: Path) -> None:
    path = next((shared_data / "data" / "formats" / "defender-advanced-hunting").rglob("advanced_hunting_test.csv"))
    assert known_as(path) == ["device-events", "device-network-events"]
    found = account(path)
    assert (found.rows, found.reasons) == (8, {"not a network event": 18})
