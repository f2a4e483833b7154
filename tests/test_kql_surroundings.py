"""What a query finds around it: watchlists, files that it names, and ASIM's functions over logs."""

import csv
import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import Row, Writer
from pyarrow import parquet

import herdsight
from herdsight import tables
from herdsight.errors import InputError, UnsupportedError
from herdsight.kql.binding import library
from herdsight.querying import compiled


def rows(kql: str, *paths: Path, **options: Any) -> list[Row]:
    return herdsight.query(kql, paths, **options).to_pylist()


def warnings(kql: str, *paths: Path, **options: Any) -> str:
    (answer,) = herdsight.query_all(kql, paths, **options)
    return "\n".join(answer.warnings)


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


# --- watchlists -----------------------------------------------------------------------------------------------------


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    path = tmp_path / "assets.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [["Host", "Owner", "SearchKey"], ["h1", "ann, of IT", "h1"], ["h2", "", "h2"], ["0010", "[1]", "0010"]]
        )
    return path


@pytest.mark.parametrize("call", ["_GetWatchlist('assets')", "_GetWatchlist(watchlistAlias='assets')"])
def test_a_watchlist_is_the_csv_file_that_was_given_for_it(assets: Path, call: str) -> None:
    found = rows(f"{call} | project Host, Owner, SearchKey | sort by Host desc", watchlists={"assets": assets})
    assert found == [
        {"Host": "h2", "Owner": "", "SearchKey": "h2"},
        {"Host": "h1", "Owner": "ann, of IT", "SearchKey": "h1"},
        {"Host": "0010", "Owner": "[1]", "SearchKey": "0010"},
    ]


def test_a_watchlist_has_the_columns_that_every_one_has(assets: Path) -> None:
    query = "_GetWatchlist('assets') | getschema | summarize make_list(ColumnName)"
    ((names,),) = (row.values() for row in rows(query, watchlists={"assets": assets}))
    assert set(json.loads(names)) == {
        *("_DTItemId", "LastUpdatedTimeUTC", "WatchlistItem"),
        *("Host", "Owner", "SearchKey"),
    }


def test_a_watchlist_chooses_rows_and_joins_them(assets: Path) -> None:
    query = """
    let known = _GetWatchlist('assets');
    datatable(host: string) ["h1", "H2", "h3"]
    | extend listed = host in~ ((known | project SearchKey))
    | lookup (known | project host = Host, Owner) on host
    | sort by host asc
    """
    assert rows(query, watchlists={"assets": assets}) == [
        {"host": "H2", "listed": True, "Owner": ""},
        {"host": "h1", "listed": True, "Owner": "ann, of IT"},
        {"host": "h3", "listed": False, "Owner": ""},
    ]


def test_a_watchlist_that_was_not_given_is_empty_with_any_columns_and_a_warning() -> None:
    query = "_GetWatchlist('assets') | where Host == 'h1' | project Host, tostring(Owner), SearchKey"
    assert rows(query) == []
    assert "--watchlist assets=FILE.csv" in warnings(query)


def test_a_rule_that_excludes_a_watchlist_runs_without_it() -> None:
    query = "datatable(host: string) ['h1'] | where host !in ((_GetWatchlist('assets') | project Host))"
    assert rows(query) == [{"host": "h1"}]


def test_a_watchlist_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the watchlist 'assets'"):
        rows("print a = 1", watchlists={"assets": tmp_path / "none.csv"})


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "it is empty"),
        (["a,b", "1,2", "3"], "its first line has 2 values and another 1"),
        ([",".join(f"c{number}" for number in range(1_001))], "1,001 columns, of which 1,000 are read at most"),
    ],
)
def test_a_watchlist_file_that_is_none_is_an_error(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        rows("print a = 1", watchlists={"assets": written(tmp_path / "x.csv", *lines)})


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"the watchlist 'assets'.*not a regular file"):
        rows("print a = 1", watchlists={"assets": tmp_path / "x.csv"})
    with pytest.raises(InputError, match=r"the external data.*not a regular file"):
        rows("externaldata(line: string) ['/dev/zero']", external=["/dev/zero"])


# --- external data --------------------------------------------------------------------------------------------------

ADDRESS = "https://example.org/feed.csv"
FEED = f"externaldata(ip: string, n: long, seen: datetime) ['{ADDRESS}']"


def test_external_data_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(InputError, match="not allowed") as caught:
        rows(FEED)
    assert f"--external '{ADDRESS}=FILE'" in (caught.value.hint or "")
    assert caught.value.exit_status == 2


def test_a_file_stands_for_an_address_and_its_values_get_the_types_that_the_query_says(tmp_path: Path) -> None:
    feed = written(tmp_path / "feed.csv", "10.0.0.1,5,2024-05-01", "10.0.0.2,x,", '"a,b",,2024-05-02T10:00:00Z,more')
    assert rows(f"{FEED} with (format='csv') | extend seen = tostring(seen)", external={ADDRESS: feed}) == [
        {"ip": "10.0.0.1", "n": 5, "seen": "2024-05-01T00:00:00.0000000Z"},
        {"ip": "10.0.0.2", "n": None, "seen": ""},
        {"ip": "a,b", "n": None, "seen": "2024-05-02T10:00:00.0000000Z"},
    ]


@pytest.mark.parametrize("option", ["ignoreFirstRecord=true", "ignore_first_record=true"])
def test_the_first_line_may_be_a_header(tmp_path: Path, option: str) -> None:
    feed = written(tmp_path / "feed.csv", "address,count,when", "10.0.0.1,5,2024-05-01")
    found = rows(f"{FEED} with (format='csv', {option})", external={ADDRESS: feed})
    assert [row["ip"] for row in found] == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("form", "lines", "values"),
    [
        ("csv", ['"a, b",7', "", "c"], ["a, b", "c"]),
        ("tsv", ['"a b\t7'], ['"a b']),
        ("psv", ["a b|7"], ["a b"]),
        ("scsv", ["a b;7"], ["a b"]),
        ("sohsv", ["a b\x017"], ["a b"]),
        ("txt", ["a, b", "", '"c'], ["a, b", '"c']),
        ("raw", ["a, b", "", "c"], ["a, b\n\nc\n"]),
    ],
)
def test_external_data_may_be_in_several_formats(
    tmp_path: Path, form: str, lines: list[str], values: list[str]
) -> None:
    path = written(tmp_path / "feed", *lines)
    found = rows(f"externaldata(s: string) ['{path}'] with (format='{form}')", external=path)
    assert found == [{"s": value} for value in values]


def test_external_data_may_be_empty_or_packed(tmp_path: Path) -> None:
    nothing, packed = written(tmp_path / "none.csv"), tmp_path / "feed.csv.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbfa,1\n"))
    kql = "externaldata(s: string, n: long) ['{}'] with (ignoreFirstRecord={})"
    assert rows(kql.format(nothing, "true"), external=nothing) == []
    assert rows(kql.format(packed, "false"), external=packed) == [{"s": "a", "n": 1}]


def test_external_data_may_be_json_and_parquet(tmp_path: Path) -> None:
    as_json = written(tmp_path / "feed.json", '{"ip": "10.0.0.1", "n": 5, "more": 1}', '{"ip": "10.0.0.2"}')
    as_parquet = tmp_path / "feed.parquet"
    parquet.write_table(pa.table({"n": [5], "ip": ["10.0.0.1"]}), str(as_parquet))
    for path, count in ((as_json, 2), (as_parquet, 1)):
        found = rows(f"externaldata(ip: string, n: long, lacking: string) ['{path}']", external=path)
        assert len(found) == count
        assert found[0] == {"ip": "10.0.0.1", "n": 5, "lacking": ""}


def test_a_dynamic_column_of_external_data_is_what_its_text_spells(tmp_path: Path) -> None:
    lines = written(tmp_path / "feed.csv", 'a,"{""x"": [1, 2]}"', "b,", "c,plain")
    objects = written(tmp_path / "feed.json", '{"k": "a", "d": {"x": [1, {"y": null}]}}', '{"k": "b"}')
    kql = "externaldata(k: string, d: dynamic) ['{}'] | project k, x = d.x, text = tostring(d) | sort by k asc"
    assert rows(kql.format(lines), external=lines) == [
        {"k": "a", "x": "[1,2]", "text": '{"x":[1,2]}'},
        {"k": "b", "x": None, "text": ""},
        {"k": "c", "x": None, "text": "plain"},
    ]
    assert rows(kql.format(objects), external=objects) == [
        {"k": "a", "x": '[1,{"y":null}]', "text": '{"x":[1,{"y":null}]}'},
        {"k": "b", "x": None, "text": ""},
    ]


def test_several_files_are_one_table(tmp_path: Path) -> None:
    first, second = (written(tmp_path / f"{name}.txt", name) for name in ("one", "two"))
    kql = f"externaldata(s: string) ['{first}', '{second}'] | where s has 'two' or s has 'one' | sort by s asc"
    assert [row["s"] for row in rows(kql, external=[first, second])] == ["one", "two"]


def test_a_format_that_is_not_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="avro"):
        rows("externaldata(s: string) ['a.avro'] with (format='avro')", external=tmp_path / "a.avro")


def test_a_list_from_a_file_chooses_rows(tmp_path: Path) -> None:
    feed = written(tmp_path / "feed.txt", "10.0.0.1", "10.0.0.3")
    kql = f"""
    let bad = externaldata(ip: string) ['{feed}'] with (format='txt');
    datatable(ip: string) ['10.0.0.1', '10.0.0.2']
    | where ip in (bad)
    """
    assert rows(kql, external=feed) == [{"ip": "10.0.0.1"}]


# --- ASIM's functions -----------------------------------------------------------------------------------------------

NOON = datetime(2024, 5, 1, 12)  # noqa: DTZ001  # UTC, written without a zone as answers are


def session(minute: int, source: str, destination: str, **changes: Any) -> Row:
    row: Row = {
        "ts": NOON.replace(tzinfo=UTC) + timedelta(minutes=minute),
        "uid": f"C{minute}",
        "id.orig_h": source,
        "id.orig_p": 50000 + minute,
        "id.resp_h": destination,
        "id.resp_p": 443,
        "proto": "tcp",
        "service": "ssl",
        "duration": "1.0",
        "orig_bytes": 10,
        "resp_bytes": 20,
        "conn_state": "SF",
        "orig_pkts": 1,
        "resp_pkts": 2,
    }
    return row | changes


@pytest.fixture
def sessions(zeek_log: Writer) -> Path:
    return zeek_log(
        [
            session(0, "10.0.0.5", "5.6.7.8"),
            session(10, "10.1.0.5", "5.6.7.9", **{"id.resp_p": 22}),
            session(20, "9.9.9.9", "10.0.0.5", conn_state="REJ"),
        ]
    )


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        ("", [0, 10, 20]),
        ("starttime=datetime(2024-05-01 12:10)", [10, 20]),
        ("endtime=datetime(2024-05-01 12:10)", [0, 10]),
        ("datetime(2024-05-01 12:05), datetime(2024-05-01 12:15)", [10]),
        ("starttime=ago(5m)", [20]),
        ("srcipaddr_has_any_prefix=dynamic(['10.'])", [0, 10]),
        ("srcipaddr_has_any_prefix=dynamic(['10.0.', '9.9.9.9'])", [0, 20]),
        ("dstipaddr_has_any_prefix=dynamic(['5.6.7.'])", [0, 10]),
        ("ipaddr_has_any_prefix=dynamic(['10.0.'])", [0, 20]),
        ("dstportnumber=22", [10]),
        ("dstportnumber=int(443)", [0, 20]),
        ("hostname_has_any=dynamic(['nobody'])", []),
        ("dvcaction=dynamic(['Allow'])", []),  # a sensor takes no action
        ("eventresult='Failure'", [20]),
        ("eventresult='Success', dstportnumber=22", [10]),
        ("disabled=true", []),
        ("disabled=false, pack=true", [0, 10, 20]),
    ],
)
@pytest.mark.parametrize("function", ["_Im_NetworkSession", "imNetworkSession"])
def test_each_parameter_of_a_network_session_chooses(
    sessions: Path, function: str, given: str, minutes: list[int]
) -> None:
    found = rows(f"{function}({given}) | project TimeGenerated | sort by TimeGenerated asc", sessions)
    assert [row["TimeGenerated"] for row in found] == [NOON + timedelta(minutes=minute) for minute in minutes]


def test_a_network_session_has_the_short_names_of_its_columns(sessions: Path) -> None:
    (row,) = rows(
        "_Im_NetworkSession(dstportnumber=22) | project Src, Dst, IpAddr, Duration, SessionId, SrcPortNumber", sessions
    )
    assert row == {
        "Src": "10.1.0.5",
        "Dst": "5.6.7.9",
        "IpAddr": "10.1.0.5",
        "Duration": 1000,
        "SessionId": "C10",
        "SrcPortNumber": 50010,
    }


def test_a_parameter_that_there_is_not_is_an_error_at_the_call() -> None:
    with pytest.raises(herdsight.errors.QueryError) as caught:
        rows("_Im_NetworkSession(srcport=22)")
    assert "srcport" in caught.value.what


PROCESSES = """
datatable(
    At: datetime, Name: string, Line: string, User: string, Host: string, Address: string, Kind: string, Md5: string
) [
    datetime(2024-05-01 12:00), @"C:\\a\\cmd.exe", "ping 10.0.0.9", "ann", "h1", "10.0.0.5", "ProcessCreated", "aa",
    datetime(2024-05-01 12:10), "/bin/sh", "sh -c 'curl evil.test'", "bob", "h2", "10.1.0.5", "ProcessCreated", "bb",
    datetime(2024-05-01 12:20), "/bin/sh", "", "bob", "h2", "10.1.0.5", "ProcessTerminated", "bb"
]
| project TimeGenerated = At, TargetProcessName = Name, TargetProcessCommandLine = Line, TargetUsername = User,
    DvcHostname = Host, DvcIpAddr = Address, EventType = Kind, TargetProcessMD5 = Md5
"""


@pytest.mark.parametrize(
    ("call", "minutes"),
    [
        ("_Im_ProcessEvent()", [0, 10, 20]),
        ("_Im_ProcessEvent(starttime=datetime(2024-05-01 12:10))", [10, 20]),
        ("_Im_ProcessEvent(endtime=datetime(2024-05-01 12:10))", [0, 10]),
        ("_Im_ProcessEvent(commandline_has_any=dynamic(['ping', 'wget']))", [0]),
        ("_Im_ProcessEvent(commandline_has_all=dynamic(['sh', 'curl']))", [10]),
        ("_Im_ProcessEvent(commandline_has_any_ip_prefix=dynamic(['10.0.']))", [0]),
        ("_Im_ProcessEvent(targetprocess_has_any=dynamic(['cmd.exe']))", [0]),
        ("_Im_ProcessEvent(targetusername_has='bob', eventtype='ProcessCreated')", [10]),
        (
            "_Im_ProcessEvent(dvcipaddr_has_any_prefix=dynamic(['10.1.']), dvchostname_has_any=dynamic(['h2']))",
            [10, 20],
        ),
        ("_Im_ProcessEvent(hashes_has_any=dynamic(['aa']))", [0]),
        ("_Im_ProcessCreate(targetusername_has='bob')", [10]),
        ("_Im_ProcessTerminate()", [20]),
        ("_Im_ProcessEvent(disabled=true)", []),
    ],
)
def test_each_parameter_of_processes_chooses(call: str, minutes: list[int]) -> None:
    """Over a table in the query, for no log is read yet that fills the real one."""
    columns = ", ".join(f"{each.name}: {each.type}" for each in tables.table("ASimProcessEventLogs").columns)
    table = f"let ASimProcessEventLogs = union (datatable({columns})[]), ({PROCESSES});"
    folder = files("herdsight.kql").joinpath("library")
    functions = (folder.joinpath(f"_Im_Process{each}.kql") for each in ("Event", "Create", "Terminate"))
    texts = ";\n".join(each.read_text(encoding="utf-8").rstrip() for each in functions)
    found = rows(f"{table}\n{texts};\n{call} | sort by TimeGenerated asc | project TimeGenerated")
    assert [row["TimeGenerated"] for row in found] == [NOON + timedelta(minutes=minute) for minute in minutes]


@pytest.mark.parametrize("name", sorted(library.names()))
def test_every_parser_is_called_by_all_its_names(name: str) -> None:
    assert compiled(f"{name}(starttime=ago(1d), endtime=now(), disabled=false) | count")
    with pytest.raises(herdsight.errors.QueryError, match="nobody"):
        compiled(f"{name}(nobody='x')")


DNS = """
let ASimDnsActivityLogs = datatable(
    TimeGenerated: datetime, SrcIpAddr: string, DnsQuery: string, EventResultDetails: string, DnsResponseName: string,
    EventType: string, DvcFQDN: string, DvcHostname: string, DvcIpAddr: string, EventProduct: string, SrcFQDN: string,
    SrcHostname: string, DstFQDN: string, DstHostname: string, DstIpAddr: string, DnsQueryTypeName: string,
    SrcUsername: string, SrcProcessName: string, DnsNetworkDuration: int, DnsSessionId: string
) [
    datetime(2024-05-01 12:00), "10.0.0.5", "www.example.org", "NOERROR", "5.6.7.8;5.6.7.9", "Query",
    "", "", "", "Zeek", "", "h5", "", "", "10.0.0.53", "A", "", "", 3, "D0",
    datetime(2024-05-01 12:10), "10.0.0.6", "evil.test", "NXDOMAIN", "", "Query",
    "", "", "", "Zeek", "", "h6", "", "", "10.0.0.53", "A", "", "", 4, "D1",
    datetime(2024-05-01 12:20), "10.0.0.5", "host.corp", "NOERROR", "192.168.7.1", "Update",
    "", "", "", "Zeek", "", "h5", "", "", "10.0.0.53", "A", "", "", 5, "D2"
];
"""


@pytest.mark.parametrize(
    ("given", "sessions"),
    [
        ("", ["D0", "D1", "D2"]),
        ("starttime=datetime(2024-05-01 12:10)", ["D1", "D2"]),
        ("endtime=datetime(2024-05-01 12:10)", ["D0", "D1"]),
        ("srcipaddr='10.0.0.6'", ["D1"]),
        ("domain_has_any=dynamic(['EXAMPLE', 'test'])", ["D0", "D1"]),
        ("domain_has_any=dynamic(['exam'])", []),
        ("responsecodename='nxdomain'", ["D1"]),
        ("response_has_ipv4='5.6.7.9'", ["D0"]),
        ("response_has_any_prefix=dynamic(['192.168.', '10.'])", ["D2"]),
        ("eventtype='Update'", ["D2"]),
        ("eventtype='lookup'", ["D0", "D1", "D2"]),
        ("disabled=true", []),
        ("responsecodename='NOERROR', srcipaddr='10.0.0.5', pack=false", ["D0", "D2"]),
    ],
)
def test_each_parameter_of_a_dns_event_chooses(given: str, sessions: list[str]) -> None:
    """Over a table in the query, which has every column."""
    function = files("herdsight.kql").joinpath("library", "_Im_Dns.kql").read_text(encoding="utf-8").rstrip()
    found = rows(f"{DNS}{function};\n_Im_Dns({given}) | project SessionId | sort by SessionId asc")
    assert [row["SessionId"] for row in found] == sessions


def test_dns_events_are_empty_with_a_warning_where_no_log_has_them(sessions: Path) -> None:
    query = "_Im_Dns(starttime=ago(1d), responsecodename='NXDOMAIN') | summarize count() by SrcIpAddr, Domain"
    assert rows(query, sessions) == []
    assert "ASimDnsActivityLogs" in warnings(query, sessions)
