"""Specification of LEEF: what an event becomes, whatever stands between its pairs."""

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded import loaded

from herdsight.findings.model import Input

Row = dict[str, object]
Write = Callable[..., Path]

WHEN = datetime(2023, 10, 18, 14, 37, 28, 201000)  # noqa: DTZ001 - UTC without saying so, as the engine has it
TIME = "devTime=1697639848201"
HEAD = "LEEF:1.0|Vendor|Product|1.0|block|"
GOOD = f"{HEAD}{TIME}\tsrc=10.0.0.5\tmsg=two words"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str | bytes, name: str = "a.log") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def said(path: Path) -> tuple[Input, list[Row]]:
    """The account of a file and its good rows, what is missing left out."""
    found, rows = loaded(path)
    kept = [{name: value for name, value in row.items() if value not in (None, "") and name[0] != "_"} for row in rows]
    return found, kept


def event(path: Path) -> Row:
    """The only record, which is good."""
    account, (row,) = said(path)
    assert (account.format, account.rejected) == ("leef", 0)
    return row


def test_an_event(write: Write) -> None:
    path = write(
        f"<13>Oct 18 14:37:30 gate {HEAD}{TIME}\tsrc=10.0.0.5\tsrcPort=50000\tdst=192.0.2.1\tdstPort=443\tproto=TCP"
        "\tsev=5\tcat=web\tusrName=corp\\ann\tsrcBytes=100\tdstBytes=200\turl=https://example.com/?a=b\taction=deny"
        "\tpolicy=no web\n"
    )
    assert event(path) == {
        "TimeGenerated": WHEN,
        "Computer": "gate",
        "DeviceVendor": "Vendor",
        "DeviceProduct": "Product",
        "DeviceVersion": "1.0",
        "DeviceEventClassID": "block",
        "LogSeverity": "5",
        "ReceiptTime": "1697639848201",
        "SourceIP": "10.0.0.5",
        "SourcePort": 50000,
        "DestinationIP": "192.0.2.1",
        "DestinationPort": 443,
        "Protocol": "TCP",
        "DeviceEventCategory": "web",
        "SourceUserName": "corp\\ann",
        "SentBytes": 100,
        "ReceivedBytes": 200,
        "RequestURL": "https://example.com/?a=b",
        "DeviceAction": "deny",
        "AdditionalExtensions": "policy=no web",
    }


@pytest.mark.parametrize(
    ("field", "between"),
    [("^|", "^"), ("x5E|", "^"), ("0x5e|", "^"), ("|", "\t"), ("\t|", "\t"), ("x09|", "\t"), ("", "\t"), (";|", ";")],
)
def test_what_stands_between_the_pairs(write: Write, field: str, between: str) -> None:
    pairs = between.join((TIME, "src=10.0.0.5", "msg=a|b \\tc=d", "odd.key=1"))
    row = event(write(f"LEEF:2.0|Vendor|Product|1.0|block|{field}{pairs}"))
    assert (row["TimeGenerated"], row["SourceIP"]) == (WHEN, "10.0.0.5")
    assert (row["Message"], row["AdditionalExtensions"]) == ("a|b \\tc=d", "odd.key=1")


def test_a_tab_that_ends_no_pair_is_in_the_value(write: Write) -> None:
    assert event(write(f'{HEAD}{TIME}\tmsg=a\tb "c"'))["Message"] == 'a\tb "c"'


@pytest.mark.parametrize(
    ("line", "reason"),
    [("words", "not a LEEF event"), ("LEEF:1.0|V|P|1", "not a LEEF event"), (f"{HEAD}src=10.0.0.5", "bad timestamp")],
)
def test_a_bad_line_is_counted(write: Write, line: str, reason: str) -> None:
    account, rows = said(write(f"{GOOD}\n{line}\n{GOOD}\n"))
    assert (account.format, len(rows), account.reasons) == ("leef", 2, {reason: 1})


@given(st.integers(0, 2**32), st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_whatever_bytes_are_changed_every_line_is_counted(seed: int, changes: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    lines = [bytearray(GOOD.encode()) for _ in range(20)]
    for _ in range(changes):
        line = dice.choice(lines[3:])
        line[dice.randrange(len(line))] = dice.choice([each for each in range(256) if each not in (10, 13)])
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.log")
        path.write_bytes(b"\n".join(lines) + b"\n")
        account, _ = said(path)
    comments = sum(line.startswith(b"#") for line in lines)
    assert (account.format, account.rows + account.rejected) == ("leef", len(lines) - comments)
