"""Exports of the normalised tables and of DnsEvents: what Herdsight answers is what it reads back, in each form."""

import json
from pathlib import Path

import pytest
from conftest import Row, Writer
from pyarrow import csv, parquet
from test_zeek_records import ANSWERED, DENIED, REQUEST, UNANSWERED
from zeeks import in_lines

import herdsight
from herdsight.output import json_rows

TABLES = ("ASimDnsActivityLogs", "DnsEvents", "ASimWebSessionLogs", "ASimNetworkSessionLogs")


@pytest.fixture
def log(tmp_path: Path, zeek_log: Writer) -> list[Path]:
    """A connection, DNS and a web request, as Zeek logs them."""
    (tmp_path / "dns.log").write_text(in_lines([ANSWERED, UNANSWERED, DENIED], "dns"), encoding="utf-8")
    (tmp_path / "http.log").write_text(in_lines([REQUEST], "http"), encoding="utf-8")
    ends = {name: ANSWERED[name] for name in ANSWERED if name.startswith("id.")}
    session = {"ts": ANSWERED["ts"], "uid": "C1", "proto": "tcp", "conn_state": "SF", "orig_bytes": 1, **ends}
    return [tmp_path / "dns.log", tmp_path / "http.log", zeek_log([session])]


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
