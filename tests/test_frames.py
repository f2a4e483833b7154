"""Records as tables, for scripts and notebooks."""

from datetime import UTC, datetime

import pyarrow as pa

from herdsight.findings.frames import Records
from herdsight.findings.model import HostVerdict, Input, Role, Severity

READ = Input(
    path="conn.log",
    format="zeek-conn",
    table="ASimNetworkSessionLogs",
    rows=2,
    rejected=1,
    reasons={"bad timestamp": 1},
    first=datetime(2024, 5, 1, tzinfo=UTC),
)
NOT_READ = Input(path="<b>.txt", format=None, table=None, notes=("not a log",))


def test_records_are_a_tuple_and_a_table_in_three_libraries() -> None:
    records = Records.of(Input)((READ, NOT_READ))
    assert records[0] is READ
    arrow = records.to_arrow()
    assert arrow.column_names == list(Input.model_fields)
    assert arrow.column("rows").to_pylist() == [2, 0]
    assert arrow.schema.field("first").type == pa.timestamp("us", "UTC")
    assert arrow.schema.field("notes").type == pa.list_(pa.string())
    assert arrow.column("reasons").to_pylist() == ['{"bad timestamp": 1}', "{}"]  # keys differ: a bag is JSON text
    assert list(records.to_pandas()["path"]) == ["conn.log", "<b>.txt"]
    assert records.to_polars()["rejected"].to_list() == [1, 0]


def test_no_records_are_an_empty_table() -> None:
    none = Records.of(Input)(())
    assert none.to_arrow().schema == Records.of(Input)((READ,)).to_arrow().schema
    assert none._repr_html_() == "<p>none</p>"


def test_a_notebook_is_shown_text_and_never_markup_from_a_log() -> None:
    verdict = HostVerdict(
        host="<script>alert(1)</script>",
        roles=(Role.BOT,),
        severity=Severity.HIGH,
        probability=None,
        story=("a & b", "c"),
        findings=("F1",),
    )
    html = Records.of(HostVerdict)((verdict,))._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<td>a &amp; b<br>c</td>" in html
    assert "<td>bot</td>" in html
