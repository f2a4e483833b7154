"""Passes over plans: which columns are read, what a schedule sees, and when a join by time is rewritten."""

import re

import pytest

from herdsight.kql import plan
from herdsight.kql.lowering import lower
from herdsight.kql.rewrites import optimised
from herdsight.kql.rewrites.columns import columns_read, from_schema
from herdsight.kql.rewrites.emptiness import can_have_rows
from herdsight.kql.rewrites.time_window import within
from herdsight.kql.rewrites.walk import inputs, relations
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
        ("T | mv-expand part = parse_json(AdditionalFields) | project part", {"AdditionalFields"}),
        ("T | sort by LocalPort asc | extend p = prev(RemotePort) | project p", {"LocalPort", "RemotePort"}),
        ("T | where RemoteIP in ((T | project LocalIP)) | project DeviceName", {"RemoteIP", "LocalIP", "DeviceName"}),
        ("T | parse RemoteUrl with host '/' * | project host", {"RemoteUrl"}),
        ("T | union (T | project LocalIP) | project LocalIP", {"LocalIP"}),
        ("T | make-series count() on TimeGenerated step 1h by DeviceName", {"DeviceName"}),
        (
            "T | partition by DeviceName (top 1 by LocalPort | project RemoteIP)",
            {"DeviceName", "LocalPort", "RemoteIP"},
        ),
        ("T | summarize arg_max(RemotePort, RemoteIP) by DeviceName", {"RemotePort", "RemoteIP", "DeviceName"}),
    ],
)
def test_no_more_columns_are_read_than_the_result_needs(kql: str, columns: set[str]) -> None:
    relation = planned(re.sub(r"\bT\b", "DeviceNetworkEvents", kql))
    assert columns_read(relation) == {"DeviceNetworkEvents": {*columns, "TimeGenerated"}}


def test_what_let_names_and_two_places_read_is_computed_once_where_it_is_heavy() -> None:
    busy = "let busy = DeviceNetworkEvents | summarize n = count() by DeviceName;"
    relation = planned(f"{busy} busy | join kind=inner busy on DeviceName")
    shared = [part for part in relations(optimised(relation, 0)) if isinstance(part, plan.Shared)]
    assert [part.name for part in shared] == ["shared 1", "shared 1"]
    assert lower(optimised(relation, 0)).sql().count("COUNT") == 1


def test_what_is_light_is_not_kept_so_that_an_engine_pushes_filters_into_it() -> None:
    relation = planned(
        "let some = DeviceNetworkEvents | where RemotePort > 1; some | join kind=inner some on DeviceName"
    )
    assert not [part for part in relations(optimised(relation, 0)) if isinstance(part, plan.Shared)]


def test_materialize_keeps_what_is_light_too() -> None:
    relation = planned("let some = materialize(DeviceNetworkEvents | where RemotePort > 1); some | union some")
    assert lower(optimised(relation, 0)).sql().count("MATERIALIZED") == 1


@pytest.mark.parametrize(
    ("kql", "read"),
    [
        ("T | extend a = LocalPort + 1, b = RemotePort | project b", ["RemotePort"]),
        ("T | summarize n = count(), m = max(LocalPort) by DeviceName | project DeviceName", ["DeviceName"]),
        ("T | where LocalPort == 1 | project RemoteIP", ["RemoteIP", "LocalPort"]),
        (
            "T | join kind=inner (T | project DeviceName, LocalIP) on DeviceName | project LocalIP",
            ["DeviceName", "LocalIP"],
        ),
        ("union T, (T | extend LocalPort = 2) | project RemoteIP", ["RemoteIP"]),
        ("T | count", ["TimeGenerated"]),
    ],
)
def test_a_plan_has_only_the_columns_that_something_reads(kql: str, read: list[str]) -> None:
    relation = planned(re.sub(r"\bT\b", "DeviceNetworkEvents", kql))
    slim = optimised(relation, 0)
    assert slim.fields == relation.fields
    assert [field.name for field in scans(slim)[0].fields] == sorted(
        read, key=[field.name for field in scans(relation)[0].fields].index
    )


def test_a_part_that_several_read_has_what_each_of_them_reads() -> None:
    busy = (
        "let busy = DeviceNetworkEvents | summarize a = max(RemotePort), b = min(LocalPort), c = count() by DeviceName;"
    )
    relation = planned(
        f"{busy} busy | project DeviceName, a | join kind=inner (busy | project DeviceName, b) on DeviceName"
    )
    shared = [part for part in relations(optimised(relation, 0)) if isinstance(part, plan.Shared)]
    assert [[field.name for field in part.fields] for part in shared] == [["DeviceName", "a", "b"]] * 2


def test_which_row_innerunique_keeps_does_not_depend_on_what_is_read_of_it() -> None:
    relation = planned(
        "DeviceNetworkEvents | project DeviceName, LocalPort, RemotePort"
        " | join (DeviceNetworkEvents | distinct DeviceName) on DeviceName | project RemotePort"
    )
    left = next(part.left for part in relations(optimised(relation, 0)) if isinstance(part, plan.Join))
    assert [field.name for field in left.fields] == ["DeviceName", "LocalPort", "RemotePort"]


@pytest.mark.parametrize(
    ("kql", "possible"),
    [
        ("A", True),
        ("B", False),
        ("union A, B", True),
        ("union B, (B | take 1)", False),
        ("A | join kind=inner B on DeviceName", False),
        ("A | join kind=leftouter B on DeviceName", True),
        ("A | join kind=leftanti B on DeviceName", True),
        ("B | join kind=rightouter A on DeviceName", True),
        ("B | join kind=fullouter A on DeviceName", True),
        ("B | join kind=leftanti A on DeviceName", False),
        ("print n = 1", True),
    ],
)
def test_a_plan_can_have_rows_where_the_tables_that_it_needs_have(kql: str, *, possible: bool) -> None:
    query = kql.replace("A", "DeviceNetworkEvents").replace("B", "DeviceProcessEvents")
    assert can_have_rows(planned(query), {"DeviceNetworkEvents"}) is possible


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
        # another comparison of both sides
        (
            "u between (t .. t + 5m) and strlen(x) < strlen(y)",
            "count()",
            "DeviceName",
            "inner",
        ),  # another comparison of both sides
        ("u between (t .. t + 5m)", "count()", "x, y", "inner"),  # group keys of both sides
        ("u between (t .. t + 5m)", "avg(strlen(y))", "DeviceName", "inner"),  # depends on how often a row pairs
        ("u between (t .. t + 5m)", "max(strcat(x, y))", "DeviceName", "inner"),  # an argument of both sides
        ("u between (t .. t + 5m)", "count()", "DeviceName", "leftouter"),
    ],
)
def test_what_the_rewrite_does_not_cover_is_left_as_it_is(where: str, what: str, by: str, kind: str) -> None:
    assert not is_rewritten(where, what, by, kind)
