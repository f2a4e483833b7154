"""Specification of CEF: what an event becomes, how its time is found, and that every line is accounted for."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded import account
from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.logs.devices import cef
from herdsight.logs.devices.cef_keys import ALIASES, COLUMNS
from herdsight.logs.devices.events import HEADER_COLUMNS
from herdsight.logs.formats import Scope, Source, recognise
from herdsight.logs.head import read_head
from herdsight.tables import COMMON_SECURITY_LOG, table

Row = dict[str, object]
Write = Callable[..., Path]

LATEST = datetime(2024, 3, 1, 12)  # noqa: DTZ001 - UTC without saying so, as the engine has it
WHEN = datetime(2023, 10, 18, 14, 37, 28, 201000)  # noqa: DTZ001
RT = "rt=1697639848201"  # WHEN
HEAD = "CEF:0|Vendor|Product|1.0|100|Blocked|5|"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str | bytes, name: str = "a.log") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def read(path: Path, latest: datetime = LATEST) -> list[Row]:
    """Every record of a file, what is missing left out."""
    head = read_head(path)
    found = recognise(head)
    assert found is not None
    format_, layout = found
    assert format_.name == "cef"
    assert format_.read is not None
    with DuckDbEngine() as engine:
        rows = engine.run(format_.read(Source((path,), (0,), head.compression), layout, Scope(latest))).to_pylist()
    return [{name: value for name, value in row.items() if value not in (None, "")} for row in rows]


def event(path: Path) -> Row:
    """The only record, which is good."""
    (row,) = read(path)
    assert "_reject" not in row
    del row["_file"]
    return row


# --- An event ---------------------------------------------------------------------------------------------------------


def test_an_event_of_a_firewall(write: Write) -> None:
    path = write(
        "<134>1 2023-10-18T14:37:29.5Z fw1 app - - - CEF:0|Palo Alto Networks|PAN-OS|10.1|end|TRAFFIC|3|"
        f"{RT} src=10.0.0.5 spt=50000 dst=192.0.2.1 dpt=443 proto=TCP act=allow app=ssl in=200 out=100 cnt=1 "
        "deviceDirection=1 request=https://example.com/a?b\\=c msg=all is well cs1Label=Rule cs1=allow web "
        "cn1Label=Session cn1=3000000000 externalId=7 start=1697639847000 end=Oct 18 2023 14:37:28 UTC "
        "PanOSFlags=0x1 suser=corp\\\\ann fname=a b.txt other.key=two words\n"
    )
    assert event(path) == {
        "TimeGenerated": WHEN,
        "Computer": "fw1",
        "DeviceVendor": "Palo Alto Networks",
        "DeviceProduct": "PAN-OS",
        "DeviceVersion": "10.1",
        "DeviceEventClassID": "end",
        "Activity": "TRAFFIC",
        "LogSeverity": "3",
        "ReceiptTime": "1697639848201",
        "StartTime": WHEN.replace(second=27, microsecond=0),
        "EndTime": WHEN.replace(microsecond=0),
        "SourceIP": "10.0.0.5",
        "SourcePort": 50000,
        "DestinationIP": "192.0.2.1",
        "DestinationPort": 443,
        "Protocol": "TCP",
        "DeviceAction": "allow",
        "ApplicationProtocol": "ssl",
        "ReceivedBytes": 200,
        "SentBytes": 100,
        "EventCount": 1,
        "CommunicationDirection": "Outbound",
        "RequestURL": "https://example.com/a?b=c",
        "Message": "all is well",
        "DeviceCustomString1Label": "Rule",
        "DeviceCustomString1": "allow web",
        "DeviceCustomNumber1Label": "Session",
        "FieldDeviceCustomNumber1": 3_000_000_000,  # more than DeviceCustomNumber1 can hold
        "ExtID": "7",
        "ExternalID": 7,
        "SourceUserName": "corp\\ann",
        "FileName": "a b.txt",
        "AdditionalExtensions": "PanOSFlags=0x1;other.key=two words",
    }


def test_each_key_fills_its_columns(write: Write) -> None:
    kinds = {each.name: each.type.value for each in table(COMMON_SECURITY_LOG).columns}
    for key, names in COLUMNS.items():
        assert all(name in kinds for name in names), key
    lines = [f"{HEAD}{RT} {key}=17" for key in COLUMNS if key not in ("rt", "start", "end")]
    rows = read(write("\n".join(lines)))
    for key, row in zip((key for key in COLUMNS if key not in ("rt", "start", "end")), rows, strict=True):
        assert {name: str(row.get(name)).removesuffix(".0") for name in COLUMNS[key]} == dict.fromkeys(
            COLUMNS[key], "17"
        )


def test_each_alias_is_its_key(write: Write) -> None:
    told = {alias: key for alias, key in ALIASES.items() if key not in ("rt", "start", "end")}
    aliases = read(write("\n".join(f"{HEAD}{RT} {alias}=17" for alias in told)))
    keys = read(write("\n".join(f"{HEAD}{RT} {key}=17" for key in told.values()), "b.log"))
    assert aliases == keys


def test_a_key_that_the_head_does_not_show_is_read(write: Write) -> None:
    usual = f"{HEAD}{RT} src=10.0.0.5 odd=1\n"
    late = f"{HEAD}{RT} src=10.0.0.6 sourceHostName=pc odd=2 even=a\\=b dst=192.0.2.1\n"
    rows = read(write(usual * 2000 + late))
    assert (rows[0]["SourceIP"], rows[0]["AdditionalExtensions"]) == ("10.0.0.5", "odd=1")
    assert {name: value for name, value in rows[-1].items() if value != rows[0].get(name)} == {
        "SourceIP": "10.0.0.6",
        "SourceHostName": "pc",
        "DestinationIP": "192.0.2.1",
        "AdditionalExtensions": "odd=2;even=a=b",
    }


def test_of_a_repeated_key_the_first_counts(write: Write) -> None:
    assert event(write(f"{HEAD}{RT} src=10.0.0.5 src=10.0.0.6"))["SourceIP"] == "10.0.0.5"


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (r"V\|W|P|1|2|N|3", ("V|W", "P", "1", "2", "N", "3")),
        (r"V\\|P|1|2|N|3", ("V\\", "P", "1", "2", "N", "3")),
        (r"V\\\|W|P|1|2|a\b|3", ("V\\|W", "P", "1", "2", "a\\b", "3")),
        (r"V||1|2|N = x=y|3", ("V", "", "1", "2", "N = x=y", "3")),
        (r"V|P|1|2|CEF:0|3", ("V", "P", "1", "2", "CEF:0", "3")),
    ],
)
def test_escapes_in_the_header(write: Write, header: str, fields: tuple[str, ...]) -> None:
    row = event(write(f"CEF:0|{header}|{RT} msg=a|b"))
    assert tuple(row.get(name, "") for name in HEADER_COLUMNS) == fields
    assert row["Message"] == "a|b"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r"a\=b", "a=b"),
        (r"a\\=b", "a\\=b"),
        (r"a\\nb", "a\\nb"),
        (r"a\\\nb", "a\\\nb"),
        (r"one\ntwo\rthree", "one\ntwo\rthree"),
        (r"C:\temp\\x", "C:\temp\\x".replace("\t", r"\t")),
        ("ends in \\", "ends in \\"),
        ('a "quoted" word', 'a "quoted" word'),
        ("tab\there", "tab\there"),
        ("a  b ", "a  b "),
        ("x?a=b&c=d", "x?a=b&c=d"),
        ("a =b", "a =b"),
        ("a|b\\|c", "a|b\\|c"),
        ("\x01\x02\x1e", "\x01\x02\x1e"),
        ('","src=":"1', '","src=":"1'),
        ("\N{SNOWMAN}\U0001f600", "\N{SNOWMAN}\U0001f600"),
        ("", ""),
    ],
)
def test_values_and_their_escapes(write: Write, written: str, value: str) -> None:
    row = event(write(f"{HEAD}{RT} msg={written} src=10.0.0.5"))
    assert (row.get("Message", ""), row["SourceIP"]) == (value, "10.0.0.5")
    last = event(write(f"{HEAD}{RT} src=10.0.0.5 msg={written}"))
    assert (last.get("Message", ""), last["SourceIP"]) == (value, "10.0.0.5")


def test_an_event_may_end_with_its_header(write: Write) -> None:
    stamp = "2023-10-18T14:37:28.201Z host "
    for end in ("", "|"):
        row = event(write(f"{stamp}CEF:0|V|P|1|2|N|9{end}"))
        assert (row["TimeGenerated"], row["LogSeverity"]) == (WHEN, "9")


def test_the_reader_does_not_join_since_a_join_loses_the_order_of_rows(write: Write) -> None:
    path = write(f"{HEAD}{RT} src=10.0.0.5 odd=1")
    found = recognise(read_head(path))
    assert found is not None
    assert found[0].read is not None
    query = found[0].read(Source((path,), (0,)), found[1], Scope(LATEST)).sql(dialect="duckdb")
    with DuckDbEngine() as engine:
        plan = str(engine.run(exp.Command(this="EXPLAIN", expression=query)).to_pylist())
    assert "Projection" in plan
    assert "Join" not in plan


# --- Its time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "extension", "when", "host"),
    [
        ("<134>Oct 18 14:37:28 gate ", "src=10.0.0.5", WHEN.replace(microsecond=0), "gate"),
        (
            "<134>Oct  8 04:07:08 gate ",
            "src=10.0.0.5",
            WHEN.replace(day=8, hour=4, minute=7, second=8, microsecond=0),
            "gate",
        ),
        ("Oct 18 2023 14:37:28 gate ", "src=10.0.0.5", WHEN.replace(microsecond=0), "gate"),
        ("<134>Oct 18 14:37:28.201 gate ", "", WHEN, "gate"),
        ("<134>1 2023-10-18T14:37:28.201Z gate app - - - ", "", WHEN, "gate"),
        ("<134>1 2023-10-18T16:37:28.201+02:00 gate app 7 ID7 [a b=c] ", "", WHEN, "gate"),
        ("<134>1 - gate app - - - ", RT, WHEN, "gate"),
        ("<134>1 2023-10-18T14:37:28.201Z - - - - - ", "", WHEN, None),
        ("2023-10-18 14:37:28.201 gate ", "", WHEN, "gate"),
        ("2023-10-18T14:37:28.201Z gate ", "src=10.0.0.5", WHEN, "gate"),
        ("<134>Oct 19 14:37:28 gate ", RT, WHEN, "gate"),
        ("", RT, WHEN, None),
        ("", "rt=1697639848", WHEN.replace(microsecond=0), None),
        ("", "rt=Oct 18 2023 14:37:28.201", WHEN, None),
        ("", "rt=Oct 18 2023 14:37:28", WHEN.replace(microsecond=0), None),
        ("", "rt=Oct 18 2023 14:37:28.201 UTC", WHEN, None),
        ("", "rt=Oct 18 2023 14:37:28.201 GMT+00:00", WHEN, None),
        ("", "rt=Oct 18 2023 16:37:28.201 +0200", WHEN, None),
        ("", "rt=Oct 18 2023 10:37:28.201 EDT", WHEN, None),
        ("", "rt=Oct 18 14:37:28.201", WHEN, None),
        ("", "rt=2023-10-18T14:37:28.201Z", WHEN, None),
        ("", "rt=2023-10-18T16:37:28.201+02:00", WHEN, None),
        ("", "rt=now end=1697639848201 start=1", WHEN, None),
        ("", "start=1697639848201", WHEN, None),
        ("<134>Oct 18 14:37:28 gate ", "rt=Oct 18 2023 14:37:28 XYZT", WHEN.replace(microsecond=0), "gate"),
    ],
)
def test_the_time_and_the_host(write: Write, prefix: str, extension: str, when: datetime, host: str | None) -> None:
    row = event(write(f"{prefix}{HEAD}{extension}"))
    assert (row["TimeGenerated"], row.get("Computer")) == (when, host)


@pytest.mark.parametrize(
    ("written", "when"),
    [
        ("Mar  1 12:00:00", datetime(2024, 3, 1, 12)),  # noqa: DTZ001
        ("Mar  1 12:00:01", datetime(2023, 3, 1, 12, 0, 1)),  # noqa: DTZ001
        ("Feb 29 00:00:00", datetime(2024, 2, 29)),  # noqa: DTZ001
        ("Dec 31 23:59:59", datetime(2023, 12, 31, 23, 59, 59)),  # noqa: DTZ001
    ],
)
def test_a_year_that_is_not_written_is_the_last_that_fits(write: Write, written: str, when: datetime) -> None:
    assert event(write(f"{written} gate {HEAD}"))["TimeGenerated"] == when


def test_the_29th_of_february_is_of_the_last_leap_year(write: Write) -> None:
    (row,) = read(write(f"Feb 29 08:00:00 gate {HEAD}"), datetime(2023, 10, 1))  # noqa: DTZ001
    assert row["TimeGenerated"] == datetime(2020, 2, 29, 8)  # noqa: DTZ001


# --- Every line is a row or a rejection -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{HEAD}src=10.0.0.5", "bad timestamp"),
        (f"{HEAD}rt=yesterday", "bad timestamp"),
        (f"{HEAD}rt=99999999999999999999", "bad timestamp"),
        (f"{HEAD}rt=9999999999999999", "timestamp out of range"),
        (f"{HEAD}rt=-9223372036854775808", "timestamp out of range"),
        ("CEF:0|too|few|fields", "not a CEF event"),
        ("CEF:x|V|P|1|2|N|3|rt=1697639848201", "not a CEF event"),
        (r"CEF:0|V\|P|1|2|N|3", "not a CEF event"),
        ("words", "not a CEF event"),
        ("{}", "not a CEF event"),
        ("\x01", "not a CEF event"),
        ("CEF:", "not a CEF event"),
        ("a\x1e\x1f\x1e\x1fb", "too many columns"),
    ],
)
def test_a_bad_line_is_counted(write: Write, line: str, reason: str) -> None:
    good = f"{HEAD}{RT} src=10.0.0.5\n"
    found = account(write(f"{good}{line}\n{good}"))
    assert (found.format, found.rows, found.rejected, found.reasons) == ("cef", 2, 1, {reason: 1})


def test_comments_and_empty_lines_are_no_records(write: Write) -> None:
    found = account(write(f"# a comment\n\n{HEAD}{RT}\n  \t\n# another\n{HEAD}{RT}\n\n"))
    assert (found.rows, found.rejected) == (2, 0)


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_line_ends(write: Write, end: str) -> None:
    found = account(write(f"{HEAD}{RT} msg=x{end or chr(10)}{HEAD}{RT} msg=y{end}"))
    assert (found.rows, found.rejected) == (2, 0)


def test_long_lines_are_read(write: Write) -> None:
    row = read(write(f"{HEAD}{RT} msg=x\n{HEAD}{RT} msg={'y' * 1_000_000} src=10.0.0.5\n"))[1]
    assert (len(str(row["Message"])), row["SourceIP"]) == (1_000_000, "10.0.0.5")


@pytest.mark.parametrize("content", ["a,b\n1,CEF:0\n", "CEF:0|a|b\n", '{"m": "CEF:0|a|b|c|d|e|f|g"}\n', "words\n" * 9])
def test_what_is_no_cef(write: Write, content: str) -> None:
    found = recognise(read_head(write(content)))
    assert found is None or found[0].name != "cef"


SEED_LINES = [
    f"<134>1 2023-10-18T14:37:28.201Z fw app - - - {HEAD}{RT} src=10.0.0.5 msg=a\\=b c\\\\d odd=1",
    "<134>Oct 18 14:37:28 fw CEF:0|V\\|W|P|1|2|N|3|rt=Oct 18 2023 14:37:28 EST start=1697639848201 cs1=x y",
    f"{HEAD}dst=192.0.2.1 dpt=443 in=5 out=6 end=2023-10-18T14:37:28Z msg=tail \\",
]


@given(st.integers(0, 2**32), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_whatever_bytes_are_changed_every_line_is_counted(seed: int, changes: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    lines = [bytearray(dice.choice(SEED_LINES).encode()) for _ in range(30)]
    for _ in range(changes):
        line = dice.choice(lines[4:])
        line[dice.randrange(len(line))] = dice.choice(
            [*(each for each in range(256) if each not in (10, 13)), 92, 124, 61]
        )
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.log")
        path.write_bytes(b"\n".join(lines) + b"\n")
        found = account(path)
    comments = sum(line.startswith(b"#") for line in lines)
    assert (found.format, found.rows + found.rejected) == ("cef", len(lines) - comments)


# --- Written and read again -------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
LINE = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r"), max_size=12)
TIME = st.datetimes(datetime(2001, 1, 1), datetime(2023, 1, 1)).map(  # noqa: DTZ001
    lambda when: when.replace(microsecond=when.microsecond // 1000 * 1000)
)
CARRIED: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "TimeGenerated": (pa.timestamp("us"), TIME),
    **{name: (pa.string(), LINE) for name in HEADER_COLUMNS},
    "Computer": (pa.string(), st.sampled_from(["", "fw1", "gate.example.com"])),
    "StartTime": (pa.timestamp("us"), st.none() | TIME),
    "EndTime": (pa.timestamp("us"), st.none() | TIME),
    "SourceIP": (pa.string(), st.sampled_from(["10.0.0.5", "2001:db8::1", ""])),
    "SourcePort": (pa.int32(), st.none() | st.integers(0, 65535)),
    "SentBytes": (pa.int64(), st.none() | st.integers(0, 2**62)),
    "CommunicationDirection": (pa.string(), st.sampled_from(["", "Inbound", "Outbound", "Internal"])),
    "DeviceAction": (pa.string(), TEXT),
    "Message": (pa.string(), TEXT),
    "RequestURL": (pa.string(), TEXT),
    "DeviceCustomString6Label": (pa.string(), TEXT),
    "FieldDeviceCustomNumber1": (pa.int64(), st.none() | st.integers(-(2**62), 2**62)),
    "DeviceCustomFloatingPoint1": (pa.float64(), st.none() | st.floats(allow_nan=False, allow_infinity=False)),
}


@given(st.lists(st.fixed_dictionaries({name: values for name, (_, values) in CARRIED.items()}), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_again(rows: list[Row]) -> None:
    schema = pa.schema([(name, kind) for name, (kind, _) in CARRIED.items()])
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.log")
        cef.write(pa.Table.from_pylist(rows, schema=schema), path)
        again = read(path, datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1))
    assert [{name: row.get(name) for name in CARRIED} for row in again] == [
        {name: None if value == "" else value for name, value in row.items()} for row in rows
    ]
