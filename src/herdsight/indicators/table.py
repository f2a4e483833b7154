"""Indicators as a table for the engine, a row for each key; its columns are what the analytic reads."""

import pyarrow as pa

from herdsight.indicators.model import Columns, Kind

_MOMENT = pa.timestamp("us")


def as_table(columns: Columns, sources: list[str]) -> pa.Table:
    """The indicators with the name of the list that each is from.

    `size`: how many characters of an address's digits the `key` is compared with, 0 where it is a name. `number` is the
    indicator's, `list` the name of its list, `port_listed` its port; the others are as those of `Columns`.
    """
    names = {Kind.DOMAIN.value, Kind.HOST.value}
    whole = pa.table(
        {
            "value": pa.array(columns.value, pa.string()),
            "kind": pa.array(columns.kind, pa.string()),
            "list": pa.array([sources[number] for number in columns.source], pa.string()),
            "line": pa.array(columns.line, pa.int64()),
            "label": pa.array(columns.label, pa.string()),
            "confidence": pa.array(columns.confidence, pa.int64()),
            "since": pa.array(columns.since, _MOMENT),
            "until": pa.array(columns.until, _MOMENT),
            "port_listed": pa.array(columns.port, pa.int64()),
            "way": pa.array(columns.way, pa.string()),
            "addresses": pa.array([float(each) for each in columns.addresses], pa.float64()),
        }
    ).take(pa.array(columns.number, pa.int64()))
    kinds = [columns.kind[number] for number in columns.number]
    sizes = [0 if kind in names else len(key) for kind, key in zip(kinds, columns.key, strict=True)]
    return (
        whole.append_column("number", pa.array(columns.number, pa.int64()))
        .append_column("key", pa.array(columns.key, pa.string()))
        .append_column("size", pa.array(sizes, pa.int64()))
    )
