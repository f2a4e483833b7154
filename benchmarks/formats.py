"""Logs of many formats into tables: text against DuckDB's bare readers, CEF and EVTX against a loop in Python."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from _measure import RUNS, folder, line, medians, report_as_child
from evtx import PyEvtxParser

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading import load
from herdsight.logs.formats import all_formats
from herdsight.logs.windows.sysmon_json import SYSMON
from herdsight.logs.writing import opened, write_csv, write_json_lines

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from evtx_files import chunk_of, event, file_of

ROWS = 500_000
_LEAST_SHARE, _LEAST_TIMES = 0.6, 5.0
_MEMORY = "700MB"
_EVENTS = 25  # of one chunk of an EVTX file

# One session for row i, and what else the formats tell of it; hash() makes it the same in every run.
_SESSIONS = r"""
WITH picked AS (SELECT i, CAST(hash(i, 9) % 60 AS INT) AS n FROM range(?) AS t(i))
SELECT i, n, make_timestamp(1714521600000000 + i * 40000 + CAST(hash(i) % 1000000 AS BIGINT)) AS began,
    began + to_milliseconds(CAST(hash(i, 12) % 9000 AS BIGINT)) AS until,
    '10.0.' || hash(i, 2) % 8 || '.' || hash(i, 3) % 250 AS near, CAST(1024 + hash(i, 4) % 60000 AS INT) AS near_port,
    (1 + hash(i, 5) % 220) || '.' || hash(i, 6) % 256 || '.' || hash(i, 7) % 256 || '.' || hash(i, 8) % 256 AS far,
    [80, 443, 53, 22, 5888][1 + n % 5] AS far_port, ['TCP', 'UDP'][1 + n % 2] AS protocol,
    'pc-' || hash(i, 10) % 2000 AS host, printf('www%d.example%d.com', hash(i, 11) % 50, hash(i, 13) % 3000) AS name,
    ['chrome.exe', 'svchost.exe', 'outlook.exe', 'powershell.exe'][1 + n % 4] AS program,
    'user' || hash(i, 14) % 900 AS account, CAST(hash(i, 15) % 100000 AS BIGINT) AS sent,
    CAST(hash(i, 16) % 1000000 AS BIGINT) AS got, printf('%d', 1000000000000 + hash(i, 1) % 1000000000000) AS session
FROM picked
"""
_SELECTED = {
    "device": r"""
        began AS "Timestamp", md5(host) AS DeviceId, host AS DeviceName,
        ['ConnectionSuccess', 'ConnectionFailed', 'ConnectionSuccess', 'InboundConnectionAccepted'][1 + n % 4]
            AS ActionType,
        far AS RemoteIP, far_port AS RemotePort, name AS RemoteUrl, near AS LocalIP, near_port AS LocalPort,
        upper(protocol[1]) || lower(protocol[2:]) AS Protocol, 'Public' AS RemoteIPType,
        program AS InitiatingProcessFileName, CAST(sent % 30000 AS BIGINT) AS InitiatingProcessId,
        'C:\Program Files\' || program AS InitiatingProcessFolderPath,
        '"' || program || '" --type=' || n || ', quietly' AS InitiatingProcessCommandLine,
        account AS InitiatingProcessAccountName, 'corp' AS InitiatingProcessAccountDomain, i AS ReportId""",
    "session": r"""
        began AS TimeGenerated, until AS EventEndTime, near AS SrcIpAddr, near_port AS SrcPortNumber, far AS DstIpAddr,
        far_port AS DstPortNumber, protocol AS NetworkProtocol, ['', 'dns', 'http', 'tls'][1 + n % 4]
            AS NetworkApplicationProtocol,
        sent AS SrcBytes, got AS DstBytes, CAST(1 + sent % 99 AS BIGINT) AS SrcPackets,
        CAST(1 + got % 99 AS BIGINT) AS DstPackets, session AS NetworkSessionId,
        ['Success', 'Failure'][1 + n % 2] AS EventResult, 'sensor-1' AS DvcHostname,
        ['CON', 'FSPA_FSPA', 'S_RA', 'INT'][1 + n % 4] AS EventOriginalResultDetails""",
    "query": r"""
        began AS TimeGenerated, near AS SrcIpAddr, near_port AS SrcPortNumber, '10.0.0.1' AS DstIpAddr,
        CAST(53 AS INT) AS DstPortNumber, 'UDP' AS NetworkProtocol, session AS DnsSessionId,
        printf('0x%04x', sent % 65536) AS TransactionIdHex, name AS DnsQuery, 'A' AS DnsQueryTypeName,
        ['NOERROR', 'NXDOMAIN', 'NOERROR'][1 + n % 3] AS EventResultDetails,
        CASE WHEN n % 3 = 1 THEN '' ELSE far || ',' || near END AS DnsResponseName, 'response' AS EventSubType,
        host AS DvcHostname, 'C:\Windows\' || program AS SrcProcessName, '4242' AS SrcProcessId,
        'corp\' || account AS SrcUsername""",
    "event": r"""
        began AS TimeGenerated, 'fw-1' AS Computer, 'Vendor' AS DeviceVendor, 'Firewall' AS DeviceProduct,
        '10.1' AS DeviceVersion, '' || (100 + n) AS DeviceEventClassID, 'traffic ' || n AS Activity, '5' AS LogSeverity,
        near AS SourceIP, near_port AS SourcePort, far AS DestinationIP, far_port AS DestinationPort,
        lower(protocol) AS Protocol, ['accept', 'deny'][1 + n % 2] AS DeviceAction, got AS ReceivedBytes,
        sent AS SentBytes, ['Inbound', 'Outbound'][1 + n % 2] AS CommunicationDirection, account AS SourceUserName,
        name AS DestinationHostName, 'https://' || name || '/a?b=' || n AS RequestURL,
        'rule ' || n AS DeviceCustomString1, 'Rule' AS DeviceCustomString1Label""",
    "request": r"""
        json_object('timestamp', strftime(began, '%Y-%m-%dT%H:%M:%S.%f+0000'), 'flow_id', CAST(session AS BIGINT),
            'event_type', 'http', 'src_ip', near, 'src_port', near_port, 'dest_ip', far, 'dest_port', far_port,
            'proto', 'TCP', 'http', json_object('hostname', name, 'url', '/a/' || n, 'http_user_agent', 'Mozilla/5.0',
            'http_content_type', 'text/html', 'http_method', 'GET', 'protocol', 'HTTP/1.1', 'status', 200, 'length',
            got)) AS written""",
    "zeek dns": r"""
        json_object('ts', epoch_us(began) / 1e6, 'uid', 'C' || session, 'id.orig_h', near, 'id.orig_p', near_port,
            'id.resp_h', '10.0.0.1', 'id.resp_p', 53, 'proto', 'udp', 'trans_id', sent % 65536, 'rtt', got / 1e7,
            'query', name, 'qclass', 1, 'qclass_name', 'C_INTERNET', 'qtype', 1, 'qtype_name', 'A', 'rcode', 0,
            'rcode_name', 'NOERROR', 'AA', false, 'TC', false, 'RD', true, 'RA', true, 'Z', 0, 'answers', [far, near],
            'TTLs', [60.0, 60.0], 'rejected', false) AS written""",
}


@dataclass(frozen=True, slots=True)
class _Sample:
    """A log to load, and the other side of its ratio: `least` is in parts or times of its speed."""

    name: str
    file: str
    make: Callable[[Path, int], None]
    other: Callable[[Path], Callable[[], object]]
    least: float = _LEAST_SHARE


def main() -> None:
    """Print the lines, or do one side's work when called by itself."""
    if len(sys.argv) > 3:  # noqa: PLR2004 side, sample and file
        side, sample_number, file = sys.argv[1:4]
        work = _loaded if side == "load" else _SAMPLES[int(sample_number)].other
        report_as_child(work(Path(file)))
        return
    rows, runs = (ROWS // 20, 1) if "--quick" in sys.argv else (ROWS, RUNS)
    with folder() as place:
        for number, sample in enumerate(_SAMPLES):
            path = place / sample.file
            sample.make(path, rows)
            _compare(number, path, rows, runs)
            path.unlink()


def _compare(number: int, path: Path, rows: int, runs: int) -> None:
    sample = _SAMPLES[number]
    found = medians(__file__, {side: (side, str(number), str(path)) for side in ("load", "other")}, runs)
    speed = found["other"].seconds / found["load"].seconds
    is_share = sample.least == _LEAST_SHARE
    measured = f"{speed:.0%} of bare" if is_share else f"{speed:.1f} times a loop"
    target = f"at least {sample.least:.0%}" if is_share else f"at least {sample.least:.0f} times"
    line(f"{sample.name}, {rows:,} rows", measured, target, reached=speed >= sample.least)


def _loaded(path: Path) -> Callable[[], object]:
    engine = DuckDbEngine(_MEMORY)
    all_formats()  # what it takes to start is start_up.py's to measure
    return lambda: _not_empty(load(engine, [path]).inputs[0].rows)


def _not_empty(rows: int) -> None:
    if not rows:
        raise AssertionError("a side found nothing")


# --- the logs ---------------------------------------------------------------------------------------------------------


def _table(selected: str, rows: int) -> pa.Table:
    query = f"SELECT {_SELECTED[selected]} FROM ({_SESSIONS})"
    found: pa.Table = duckdb.connect().sql(query, params=[rows]).to_arrow_table()
    return found


def _texts(selected: str, rows: int) -> list[str]:
    """Lines that are written in SQL."""
    return [str(each) for each in _table(selected, rows).column("written").to_pylist()]


def _written(format_name: str, selected: str) -> Callable[[Path, int], None]:
    """What a format's own writer makes of the rows."""
    (write,) = (each.write for each in all_formats() if each.name == format_name)
    if write is None:
        raise AssertionError("a format without a writer")
    return lambda path, rows: write(_table(selected, rows), path)


def _write_zeek_dns(path: Path, rows: int) -> None:
    _write_lines(path, _texts("zeek dns", rows))


def _write_eve(path: Path, rows: int) -> None:
    """Flows, answers of DNS and web requests, one after the other."""
    flows, queries = path.with_suffix(".flows"), path.with_suffix(".queries")
    _written("suricata-flow", "session")(flows, rows // 3)
    _written("suricata-dns", "query")(queries, rows // 3)
    with flows.open() as first, queries.open() as second:
        mixed = zip(first, second, _texts("request", rows // 3), strict=True)
        _write_lines(path, (each.rstrip("\n") for several in mixed for each in several))


def _write_winlogbeat(path: Path, rows: int) -> None:
    """Sysmon's connections and queries in turn, as Winlogbeat sends them."""
    connections, queries = path.with_suffix(".connections"), path.with_suffix(".queries")
    _written("sysmon-network", "device")(connections, rows)
    _written("sysmon-dns", "query")(queries, rows // 2)
    with connections.open() as first, queries.open() as second:
        mixed = zip(first, second, strict=False)
        _write_lines(path, (_beat(each) for several in mixed for each in several))


def _beat(flat: str) -> str:
    data = json.loads(flat)
    number, channel, host = (data.pop(each) for each in ("EventID", "Channel", "Hostname"))
    log = {"channel": channel, "event_id": number, "computer_name": host, "record_id": 7, "event_data": data}
    written = {"@timestamp": data["UtcTime"].replace(" ", "T") + "Z", "winlog": log, "agent": {"type": "winlogbeat"}}
    return json.dumps(written, separators=(",", ":"))


def _write_evtx(path: Path, rows: int) -> None:
    """A chunk of Sysmon's connections and queries, again and again."""
    connections, queries = path.with_suffix(".connections"), path.with_suffix(".queries")
    _written("sysmon-network", "device")(connections, _EVENTS)
    _written("sysmon-dns", "query")(queries, _EVENTS)
    found = [json.loads(each) for file in (connections, queries) for each in file.read_text().splitlines()]
    kept = [found[place] for place in range(0, len(found), len(found) // _EVENTS)][:_EVENTS]
    events = [event(each.pop("EventID"), SYSMON, {**each, "Channel": ""}) for each in kept]
    path.write_bytes(file_of([chunk_of(events)] * (rows // len(events))))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with opened(path) as file:
        file.writelines(f"{each}\n" for each in lines)


# --- the other sides --------------------------------------------------------------------------------------------------


def _bare(reader: str) -> Callable[[Path], Callable[[], object]]:
    """DuckDB's own reader into Parquet."""

    def prepared(path: Path) -> Callable[[], object]:
        connection = duckdb.connect(config={"memory_limit": _MEMORY})
        copy = f"COPY (SELECT * FROM {reader}(?)) TO '{path.with_suffix('.parquet')}'"
        return lambda: connection.execute(copy, [str(path)])

    return prepared


def _loop(rows: Callable[[Path], Iterator[tuple[object, ...]]]) -> Callable[[Path], Callable[[], object]]:
    """Rows of Python, all of them into a table of DuckDB's."""

    def prepared(path: Path) -> Callable[[], object]:
        connection = duckdb.connect(config={"memory_limit": _MEMORY})

        def work() -> None:
            columns = zip(*list(rows(path)), strict=True)
            table = pa.table({f"c{place}": pa.array(column) for place, column in enumerate(columns)})
            _not_empty(table.num_rows)
            connection.register("found", table)
            connection.execute("CREATE TABLE kept AS SELECT * FROM found")

        return work

    return prepared


_FIELD = r"((?:[^|\\]|\\.)*)"
_HEADER = r"\|".join([_FIELD] * 6)
_CEF = re.compile(rf"^(?:<\d+>\d? ?)?(\S+) (\S+) .*?CEF:\d+\|{_HEADER}\|(.*)$")
_PAIR = re.compile(r"([A-Za-z0-9_.]+)=(.*?)(?= [A-Za-z0-9_.]+=|$)")
_ESCAPE = re.compile(r"\\(.)")
_TEXTS = ("src", "dst", "proto", "act", "deviceDirection", "suser", "dhost", "request", "cs1", "cs1Label")
_NUMBERS = ("spt", "dpt", "in", "out")


def _cef_rows(path: Path) -> Iterator[tuple[object, ...]]:
    with path.open(encoding="utf-8") as file:
        for each in file:
            if found := _CEF.match(each):
                _, host, *header, rest = found.groups()
                pairs = dict(_PAIR.findall(rest))
                when = datetime.fromtimestamp(int(pairs["rt"]) / 1000)  # noqa: DTZ006 as a user would
                texts = (_ESCAPE.sub(r"\1", pairs.get(key, "")) for key in _TEXTS)
                yield when, host, *header, *texts, *(int(pairs.get(key, 0)) for key in _NUMBERS)


_IDS = re.compile(r"<EventID[^>]*>(\d+)<")
_COMPUTER = re.compile(r"<Computer>([^<]*)<")
_DATA = re.compile(r'<Data Name="([^"]*)">([^<]*)<')
_OF_EVENT = {
    "3": (
        *("Image", "ProcessId", "User", "Protocol", "Initiated", "SourceIp", "SourcePort"),
        *("DestinationIp", "DestinationPort", "DestinationHostname"),
    ),
    "22": ("Image", "ProcessId", "User", "QueryName", "QueryStatus", "QueryResults"),
}
_WIDTH = 13


def _evtx_rows(path: Path) -> Iterator[tuple[object, ...]]:
    """The package gives XML: what there is of lines."""
    for record in PyEvtxParser(str(path)).records():
        xml = record["data"]  # type: ignore[index] # a record is a dict
        found, computer = _IDS.search(xml), _COMPUTER.search(xml)
        if found and computer and found[1] in _OF_EVENT:
            data = dict(_DATA.findall(xml))
            row = (datetime.fromisoformat(data["UtcTime"]), found[1], computer[1])
            values = tuple(data.get(each, "") for each in _OF_EVENT[found[1]])
            yield (row + values + ("",) * _WIDTH)[:_WIDTH]


_CSV, _JSON = _bare("read_csv"), _bare("read_json")
_SAMPLES = (
    _Sample("DeviceNetworkEvents, CSV", "device.csv", lambda path, rows: write_csv(_table("device", rows), path), _CSV),
    _Sample(
        "DeviceNetworkEvents, JSON lines",
        "device.json",
        lambda path, rows: write_json_lines(_table("device", rows), path),
        _JSON,
    ),
    _Sample("Suricata's EVE: flows, DNS, HTTP", "eve.json", _write_eve, _JSON),
    _Sample("Zeek's DNS, JSON lines", "dns.log", _write_zeek_dns, _JSON),
    _Sample("Windows events, JSON as of Winlogbeat", "events.json", _write_winlogbeat, _JSON),
    _Sample("Argus, CSV", "flows.binetflow", _written("argus", "session"), _CSV),
    _Sample("CEF over syslog", "fw.cef", _written("cef", "event"), _loop(_cef_rows), _LEAST_TIMES),
    _Sample("Windows events, EVTX", "events.evtx", _write_evtx, _loop(_evtx_rows), _LEAST_TIMES),
)


if __name__ == "__main__":
    main()
