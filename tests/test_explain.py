"""What `--explain` shows: plans to read, each shared part once, and SQL that means what is run."""

import pytest

from herdsight.engines.layout import laid_out
from herdsight.kql.lowering import lower
from herdsight.kql.rewrites import optimised
from herdsight.querying import Explanation, compiled, explanations
from herdsight.telemetry import DEFAULTS, Telemetry


def explained(kql: str) -> Explanation:
    (found,) = explanations(kql)
    return found


@pytest.mark.parametrize(
    ("kql", "line"),
    [
        ("T | where a > 1 and (a < 5 or b == 'x')", 'filter (a > 1) and ((a < 5) or (b == "x"))'),
        ("T | where t between (ago(1d) .. now())", "filter t between ((now() - 1d) .. now())"),
        ("T | where b in ('x', 'y') and b !has 'z'", 'filter (b in ("x", "y")) and (b !has "z")'),
        ("T | extend c = a + 1, d = -a", "extend c = a + 1, d = -a"),
        ("T | project b, c = strlen(b)", "project b, c = strlen(b)"),
        ("T | extend c = parse_json(b).x", 'extend c = parse_json(b)["x"]'),
        ("T | summarize n = count(), dcount(b) by bin(t, 90s)", "aggregate n = count(), dcount_b = dcount(b) by"),
        ("T | distinct b", "distinct b"),
        ("T | sort by a asc | take 1000", "limit 1,000"),
        ("T | join kind=leftanti (T) on b", "join leftanti on b"),
        ("T | serialize | extend p = prev(a)", "windows #window 0 = prev(a)"),
        ("T | mv-expand x = split(b, ',') to typeof(long) limit 5", 'split(b, ",") as long, at most 5 rows each'),
        ("T | make-series n = count() on t from ago(1d) to now() step 1h by b", "n = count() default 0 on t from"),
        ("T | make-series r = sum(a) / 2 on t step 1h", "r = (aggregate 0 / 2) of aggregate 0 = sum(a) default 0"),
        ("T | parse b with 'x=' x:long *", "into x: long"),
        ("T | sort by t asc | scan with (step s: a > 1;)", "match steps s: a > 1"),
        ("T | evaluate ipv4_lookup(T, b, b)", "join addresses b in networks b"),
        ("externaldata(s: string) ['a.csv'] | count", "external csv a.csv: s"),
        ("range n from 1 to 3 step 1", "range n from 1 to 3 step 1"),
        ("union T, (T | where a > 1)", "union of 2: a, b, t"),
        ("DeviceNetworkEvents | extend x = 1", "extend x = 1"),
        ("DeviceNetworkEvents | project-away Protocol", "more as they are"),
        ("union DeviceNetworkEvents, (print x = 1)", "empty: TimeGenerated"),
    ],
)
def test_a_plan_reads_as_the_query_does(kql: str, line: str) -> None:
    table = 'let T = datatable(a: long, b: string, t: datetime) [1, "x", datetime(2026-05-31)];'
    assert any(line in shown for shown in explained(f"{table} {kql}").plan.splitlines())


def test_what_is_computed_once_is_shown_once() -> None:
    kql = """
    let busy = DeviceNetworkEvents | summarize n = count() by DeviceName;
    busy | where n > 5 | join (busy | top 3 by n) on DeviceName
    """
    found = explained(kql)
    for plan in (found.plan, found.rewritten):
        assert plan.count("scan DeviceNetworkEvents") == 1
        assert plan.count("shared 1:") == 1
        assert plan.count("shared 1, as above") == 1
    assert found.sql.count('FROM "DeviceNetworkEvents"') == 1


def test_queries_inside_values_stand_below_them() -> None:
    kql = (
        "DeviceNetworkEvents | where RemotePort > toscalar(CommonSecurityLog | summarize max(DestinationPort)) | count"
    )
    lines = explained(kql).plan.splitlines()
    assert lines[1] == "  filter RemotePort > first of query 1"
    assert lines[2] == "    query 1:"
    assert lines[-2:] == ["          scan CommonSecurityLog", "    scan DeviceNetworkEvents"]


def test_long_lists_and_chains_are_shortened() -> None:
    numbers = ", ".join(map(str, range(1000)))
    chain = " or ".join(f"RemotePort == {number}" for number in range(100))
    shown = explained(f"DeviceNetworkEvents | where RemotePort in ({numbers}) | where {chain}").plan
    assert "and 992 more" in shown
    assert "or 84 more" in shown
    assert max(map(len, shown.splitlines())) < 500


def test_a_wide_table_takes_few_lines() -> None:
    found = explained("DeviceNetworkEvents | serialize | extend p = prev(RemotePort) | mv-expand split(RemoteIP, '.')")
    assert len(found.sql.splitlines()) < 150
    assert max(map(len, found.sql.splitlines())) <= 140


@pytest.mark.parametrize(
    "kql",
    [
        "range n from 1 to 9 step 1 | summarize total = sum(n), n = max(n) by parity = n % 2 | sort by parity asc",
        "datatable(A: long, a: string) [1, 'x', 2, 'y'] | join kind=inner (datatable(A: long) [2]) on A",
        "let s = range n from 1 to 9 step 1 | summarize m = max(n) by n % 2; s | join (s) on m | project m, m1",
        "print text = 'a\\nb', other = 1",
        "range n from 1 to 5 step 1 | serialize | extend p = prev(n), ['a b'] = n | mv-expand x = pack_array(n, p)",
    ],
)
def test_the_sql_that_is_shown_means_what_is_run(kql: str) -> None:
    (ready,) = compiled(kql)
    tree = lower(optimised(ready.query.relation, 0))
    with Telemetry([], DEFAULTS) as telemetry:
        expected = telemetry.run(tree)
        found = telemetry.engine._connection.sql(laid_out(tree, "duckdb")).to_arrow_table()
    assert found.to_pylist() == expected.to_pylist()
