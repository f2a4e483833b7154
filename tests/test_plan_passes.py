"""Passes over plans: which columns are read, what a schedule sees, and when a join by time is rewritten."""

import pytest

from herdsight.kql import plan
from herdsight.kql.rewrites import optimised
from herdsight.kql.rewrites.columns import columns_read, from_schema
from herdsight.kql.rewrites.time_window import within
from herdsight.kql.rewrites.walk import inputs
from herdsight.kql.show import shown
from herdsight.querying import compiled


def planned(kql: str) -> plan.Relation:
    return compiled(kql)[0].query.relation


def scans(relation: plan.Relation) -> list[plan.Scan]:
    own = [relation] if isinstance(relation, plan.Scan) else []
    return own + [scan for part in inputs(relation) for scan in scans(part)]


@pytest.mark.parametrize(
    ("kql", "columns"),
    [
        ("T | count", set()),
        ("T | project RemoteIP", {"RemoteIP"}),
        ("T | where LocalPort == 1 | project RemoteIP", {"RemoteIP", "LocalPort"}),
        ("T | extend a = strlen(RemoteIP), b = LocalIP | project a", {"RemoteIP"}),
        ("T | summarize max(RemotePort) by DeviceName", {"RemotePort", "DeviceName"}),
        ("T | sort by LocalPort | project RemoteIP", {"RemoteIP", "LocalPort"}),
        (
            "T | join kind=inner (T | project DeviceName, LocalIP) on DeviceName | project LocalIP",
            {"DeviceName", "LocalIP"},
        ),
        ("T | distinct RemoteUrl | take 3", {"RemoteUrl"}),
    ],
)
def test_no_more_columns_are_read_than_the_result_needs(kql: str, columns: set[str]) -> None:
    relation = planned(kql.replace("T", "DeviceNetworkEvents", 1).replace("(T ", "(DeviceNetworkEvents "))
    assert columns_read(relation) == {"DeviceNetworkEvents": {*columns, "TimeGenerated"}}


def test_a_query_that_keeps_all_columns_reads_all() -> None:
    relation = planned("CommonSecurityLog | where SourcePort == 1")
    assert columns_read(relation)["CommonSecurityLog"] == {field.name for field in relation.fields}


def test_a_schedule_bounds_every_table_of_a_query_and_a_schema_moves_them() -> None:
    relation = planned(
        "CommonSecurityLog | join kind=leftanti DeviceNetworkEvents on $left.SourceIP == $right.RemoteIP"
    )
    bounded = scans(within(from_schema(relation, "kept"), 5, 9))
    assert [(scan.table, scan.schema, scan.since, scan.until) for scan in bounded] == [
        ("CommonSecurityLog", "kept", 5, 9),
        ("DeviceNetworkEvents", "kept", 5, 9),
    ]


JOINED = """
let a = DeviceNetworkEvents | project t = Timestamp, DeviceName, x = RemoteIP;
let b = DeviceNetworkEvents | project u = Timestamp, DeviceName, y = RemoteIP, p = InitiatingProcessFileName;
a | join kind=inner b on DeviceName | where {where} | summarize {what} by {by}
"""


def is_rewritten(where: str, what: str = "count()", by: str = "DeviceName", kind: str = "inner") -> bool:
    kql = JOINED.format(where=where, what=what, by=by).replace("kind=inner", f"kind={kind}")
    return "interval join" in shown(optimised(planned(kql), 0))


@pytest.mark.parametrize(
    "where",
    [
        "u between (t .. t + 5m)",
        "u between (t .. 5m)",
        "u >= t and u < t + 5m",
        "t <= u | where u - t < 5m",
        "(u - t) between (0s .. 5m) and x != y",
        "u between (t - 1m .. t + 1m) and strlen(x) > 3 and p == 'a'",
        "u between ((t + 1m) .. (t + 5m)) | extend z = y | where z != x",
    ],
)
def test_a_closed_range_between_two_times_is_rewritten_however_it_is_written(where: str) -> None:
    assert is_rewritten(where)


@pytest.mark.parametrize(
    ("where", "what", "by", "kind"),
    [
        ("u > t", "count()", "DeviceName", "inner"),  # open: no range
        ("x != y", "count()", "DeviceName", "inner"),  # no time
        ("u between (t .. t + 5m) and x != y and x != p", "count()", "DeviceName", "inner"),  # two inequalities
        ("u between (t .. t + 5m) and x < y", "count()", "DeviceName", "inner"),  # another comparison of both sides
        ("u between (t .. t + 5m)", "count()", "x, y", "inner"),  # group keys of both sides
        ("u between (t .. t + 5m)", "avg(strlen(y))", "DeviceName", "inner"),  # depends on how often a row pairs
        ("u between (t .. t + 5m)", "max(strcat(x, y))", "DeviceName", "inner"),  # an argument of both sides
        ("u between (t .. t + 5m)", "count()", "DeviceName", "leftouter"),
    ],
)
def test_what_the_rewrite_does_not_cover_is_left_as_it_is(where: str, what: str, by: str, kind: str) -> None:
    assert not is_rewritten(where, what, by, kind)
