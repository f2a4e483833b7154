"""Windows events as XML: as wevtutil and the Event Viewer export them, and as PowerShell writes them line by line."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from conftest import Row
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded import account, loaded
from windows_logs import ASKED, AT, CONNECTED, OUTBOUND, PERMITTED, SECURITY, SYSMON, told

import herdsight
from herdsight.errors import InputError
from herdsight.logs.packed.packing import Allowance
from herdsight.logs.repair import LONGEST_LINE
from herdsight.logs.windows.event_xml import xml_in_lines

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


def event(number: int, channel: str, data: Row, *, quote: str = "'", indent: str = "") -> str:
    """An event on one line, or, with an indentation, each element on its own."""
    spelt = {"ProcessID" if channel == SECURITY and name == "ProcessId" else name: data[name] for name in data}
    system = [
        f"<Provider Name={quote}x{quote}/>",
        f"<EventID>{number}</EventID>",
        f"<TimeCreated SystemTime={quote}{AT}{quote}/>",
        f"<Channel>{channel}</Channel>",
        "<Computer>pc-1</Computer>",
    ]
    fields = [f"<Data Name={quote}{name}{quote}>{escape(value)}</Data>" for name, value in spelt.items()]
    parts = ["<System>", *system, "</System>", "<EventData>", *fields, "</EventData>"]
    return indent.join([f"<Event xmlns={quote}{NAMESPACE}{quote}>", *parts, "</Event>"])


def exported(*events: str, declared: str = '<?xml version="1.0" encoding="utf-8"?>\r\n') -> str:
    return f"{declared}<Events>\r\n{''.join(events)}\r\n</Events>\r\n"


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


SEEN = event(3, SYSMON, CONNECTED)
OTHER = event(1, SYSMON, {"Image": "x"})
INDENTED = {"quote": '"', "indent": "\r\n    "}


# --- events ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "indent", "quote"),
    [("utf-8", "", "'"), ("utf-16", "\r\n    ", '"'), ("utf-8-sig", "\r\n    ", "'")],
)
def test_the_ways_to_write_it(tmp_path: Path, encoding: str, indent: str, quote: str) -> None:
    kinds: list[tuple[int, str, Row]] = [(3, SYSMON, CONNECTED), (22, SYSMON, ASKED), (5156, SECURITY, PERMITTED)]
    events = [event(*each, quote=quote, indent=indent) for each in (*kinds, (1, SYSMON, {}))]
    for text in ("\r\n".join(events), "".join(events), exported(*events)):
        path = written(tmp_path / "a.xml", text, encoding)
        found = account(path)
        assert (found.rows, found.reasons) == (3, {"other event": 1})
    sysmon, security = herdsight.query("DeviceNetworkEvents | sort by Timestamp asc", path).to_pylist()
    assert told(sysmon) == OUTBOUND | {
        "RemoteUrl": "evil.test",
        "InitiatingProcessFolderPath": CONNECTED["Image"],
        "InitiatingProcessAccountName": "ann",
        "InitiatingProcessAccountDomain": "CORP",
    }
    at = OUTBOUND["Timestamp"].replace(second=9)
    image = {"InitiatingProcessFolderPath": PERMITTED["Application"]}
    assert told(security) == OUTBOUND | {"TimeGenerated": at, "Timestamp": at} | image
    (asked,) = herdsight.query("ASimDnsActivityLogs | project DnsQuery, DnsResponseName", path).to_pylist()
    assert asked == {"DnsQuery": "evil.test", "DnsResponseName": "cdn.evil.test,5.6.7.8"}


@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ("a &amp;amp; b", "a &amp; b"),
        ("&lt;a&gt; &quot;b&quot; &apos;c&apos;", "<a> \"b\" 'c'"),
        ("&#65;&#x42;&#x1F600;", "AB\U0001f600"),
        ("a&#13;&#xA;b", "a  b"),
        ("&#60;/Data&#62;&#38;", "</Data>&"),
        ("&#0;&#xD800;&#x110000;", "\ufffd" * 3),
        ("&#99999999;", "&#99999999;"),
        ("a\r\n  b", "a   b"),
        ("-", ""),
    ],
)
def test_values(tmp_path: Path, inside: str, value: str) -> None:
    text = SEEN.replace("evil.test", inside)
    _, (row,) = loaded(written(tmp_path / "a.xml", text))
    assert row["RemoteUrl"] == value


def test_what_follows_the_event_is_not_its_header(tmp_path: Path) -> None:
    rendered = "<RenderingInfo Culture='en-US'><Message>m</Message><Channel>c</Channel></RenderingInfo></Event>"
    found = account(written(tmp_path / "a.xml", SEEN.replace("</Event>", rendered)))
    assert found.rows == 1


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rows", "reasons"),
    [
        (SEEN + SEEN[:-40], 1, {"cut short": 1}),
        (exported(SEEN, SEEN[:400], SEEN), 2, {"damaged record": 1}),
        (SEEN + "nonsense" + SEEN, 2, {"damaged record": 1}),
        (SEEN + "nonsense</Event>" + SEEN, 2, {"damaged record": 1}),
        (SEEN + "nonsense", 1, {"damaged record": 1}),
        (SEEN + "<!-- a remark --><?xml version='1.0'?>\0\0", 1, {}),
        (SEEN + SEEN.replace("10.0.0.5", "nowhere"), 1, {"bad address": 1}),
        (SEEN + SEEN.replace("evil.test", "x" * LONGEST_LINE) + SEEN, 2, {"damaged record": 1}),
        (SEEN + SEEN.replace("evil.test", "x" * 3 * LONGEST_LINE) + SEEN, 2, {"damaged record": 1}),
    ],
)
def test_what_is_no_event_is_counted(tmp_path: Path, text: str, rows: int, reasons: dict[str, int]) -> None:
    found = account(written(tmp_path / "a.xml", text))
    assert (found.rows, found.reasons) == (rows, reasons)


LAUGHS = "".join(f"<!ENTITY l{each} '{f'&l{each - 1};' * 10}'>" for each in range(1, 20))
FILE = "<!ENTITY f SYSTEM 'file:///etc/hostname'>"


def test_a_document_that_declares_entities_is_no_log(tmp_path: Path) -> None:
    """No log of Windows has such a declaration."""
    document = exported(SEEN, "\n", SEEN, declared=f"<!DOCTYPE Events [{LAUGHS}{FILE}]>\n")
    with pytest.raises(InputError, match="not a log that Herdsight knows"):
        account(written(tmp_path / "a.xml", document))


def test_entities_do_not_expand(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.xml", SEEN + f"<!DOCTYPE Events [{LAUGHS}{FILE}]>" + SEEN.replace("evil.test", "&l19;&f;")
    )
    found, rows = loaded(path)
    assert [row["RemoteUrl"] for row in rows] == ["evil.test", "&l19;&f;"]
    assert found.reasons == {"damaged record": 1}


@pytest.mark.parametrize("text", ["<Events></Events>", "<Event>x</Event>", "<html>", "<Event", "<Eventful><System>"])
def test_what_is_no_log_of_events(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="not a log that Herdsight knows"):
        account(written(tmp_path / "a.xml", text))


def blocks_of(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield data[:size]
        data = data[size:]
    yield data


PIECES = (
    SEEN,
    OTHER,
    SEEN[:300],
    "</Event>",
    "<Events>",
    "</Events>",
    "\r\n",
    "<Event ",
    "<!-- x -->",
    "<!--",
    "x",
    "&#65;",
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=8),
    st.lists(st.integers(0, 900), max_size=8),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_it_does_not_matter_where_blocks_end(pieces: list[str], sizes: list[int], encoding: str) -> None:
    raw = "".join(pieces).encode(encoding)
    # The mark of an encoding is looked for in the first block.
    sizes = [max(each, len(codecs.BOM_UTF8)) for each in sizes[:1]] + sizes[1:]
    whole = b"".join(xml_in_lines([raw], b"damaged", b"cut"))
    assert b"".join(xml_in_lines(blocks_of(raw, sizes), b"damaged", b"cut")) == whole
    ends = len(re.findall("</Event>", "".join(pieces)))
    assert ends <= whole.count(b"\n")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.sampled_from(b"\x00\xff\t<>&'\"!/E x")), min_size=1, max_size=6))
def test_whatever_happens_to_its_bytes_no_record_is_lost(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    raw = bytearray(exported(*[SEEN, OTHER, event(22, SYSMON, ASKED, **INDENTED)] * 3).encode())
    start = raw.index(b"</Event>") + len(b"</Event>")
    for place, value in changes:
        raw[start + place % (len(raw) - start)] = value
    path = tmp_path_factory.mktemp("xml") / "a.xml"
    path.write_bytes(raw)
    found = account(path)
    allowed = Allowance(len(raw)).over(xml_in_lines([bytes(raw)], b"damaged", b"cut"))
    assert found.rows + found.rejected == b"".join(allowed).count(b"\n")
