"""Exports of the normalised tables and of DnsEvents: what Herdsight answers is what it reads back, in each form."""

import json
from pathlib import Path

import pytest
from conftest import Row, Writer
from pyarrow import csv, parquet
from test_zeek_logs import LEASE, SIGN_IN
from test_zeek_records import ANSWERED, DENIED, REQUEST, UNANSWERED
from zeeks import in_lines

import herdsight
from herdsight.output import json_rows

TABLES = (
    *("ASimDnsActivityLogs", "DnsEvents", "ASimWebSessionLogs", "ASimNetworkSessionLogs"),
    *("ASimAuthenticationEventLogs", "ASimDhcpEventLogs"),
)


@pytest.fixture
def log(tmp_path: Path, zeek_log: Writer) -> list[Path]:
    """A connection, DNS, a web request, a sign-in and a lease, as Zeek logs them."""
    rows = {"dns": [ANSWERED, UNANSWERED, DENIED], "http": [REQUEST], "ssh": [SIGN_IN], "dhcp": [LEASE]}
    logs = [tmp_path / f"{name}.log" for name in rows]
    for each in logs:
        each.write_text(in_lines(rows[each.stem], each.stem), encoding="utf-8")
    ends = {name: ANSWERED[name] for name in ANSWERED if name.startswith("id.")}
    session = {"ts": ANSWERED["ts"], "uid": "C1", "proto": "tcp", "conn_state": "SF", "orig_bytes": 1, **ends}
    return [*logs, zeek_log([session])]


@pytest.mark.parametrize("form", ["parquet", "json", "csv"])
@pytest.mark.parametrize("name", TABLES)
def test_an_export_is_read_back(tmp_path: Path, log: list[Path], name: str, form: str) -> None:
    said = herdsight.query(name, log)
    export = tmp_path / f"export.{form}"
    match form:
        case "parquet":
            parquet.write_table(said, export)
        case "csv":
            csv.write_csv(said, export)
        case _:
            export.write_text("".join(json.dumps(row) + "\n" for row in json_rows(said)), encoding="utf-8")
    assert herdsight.query(name, export).to_pylist() == said.to_pylist()
    assert said.num_rows > 0


def test_a_windows_servers_log_is_dns_activity(csv_log: Writer) -> None:
    event: Row = {
        "TimeGenerated": "2024-05-01T12:00:00Z",
        "Computer": "dc01",
        "ClientIP": "10.0.0.5",
        "Name": "x1.evil.test",
        "QueryType": "A",
        "ResultCode": 3,
        "IPAddresses": "",
        "SubType": "LookupQuery",
    }
    log = csv_log([event, event | {"SubType": "DynamicRegistration"}, event | {"ClientIP": "nobody"}])
    kql = "_Im_Dns(responsecodename='NXDOMAIN') | project Src, Dvc, DnsQuery, DnsQueryTypeName, EventResult, Type"
    assert herdsight.query(kql, log).to_pylist() == [
        {
            "Src": "10.0.0.5",
            "Dvc": "dc01",
            "DnsQuery": "x1.evil.test",
            "DnsQueryTypeName": "A",
            "EventResult": "Failure",
            "Type": "DnsEvents",
        }
    ]


def test_indicators_are_read_as_sentinel_exports_them(csv_log: Writer) -> None:
    indicator: Row = {
        "TimeGenerated": "2024-05-01T12:00:00Z",
        "ObservableKey": "domain-name:value",
        "ObservableValue": "evil.test",
        "IsActive": "true",
        "ValidUntil": "2024-06-01T00:00:00Z",
        "Confidence": 80,
    }
    kql = (
        "ThreatIntelIndicators | where IsActive | project ObservableValue, Confidence, Month = monthofyear(ValidUntil)"
    )
    (row,) = herdsight.query(kql, csv_log([indicator, indicator | {"IsActive": "false"}])).to_pylist()
    assert row == {"ObservableValue": "evil.test", "Confidence": 80, "Month": 6}
