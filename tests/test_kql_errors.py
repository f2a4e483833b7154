"""What the language says of a text that is wrong, too much, or hostile."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import perf_counter
from uuid import UUID

import pytest

import herdsight
from herdsight.errors import InputError, QueryError, UnsupportedError
from herdsight.kql.lexer import Text
from herdsight.kql.statements import blocks, is_open, parse
from herdsight.kql.text import condition_text, literal_text


def failure(kql: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        herdsight.query(kql)
    return caught.value


@pytest.mark.parametrize(
    ("kql", "line", "column", "hint"),
    [
        ("DeviceNetworkEvent | count", 1, 1, "DeviceNetworkEvents"),
        ("DeviceNetworkEvents\n| where RemotePorts == 1", 2, 9, "RemotePort"),
        ("DeviceNetworkEvents\n| where FileName == 'x'", 2, 9, "InitiatingProcessFileName"),
        ("print x = strlenn('a')", 1, 11, "strlen"),
        ("print a = 1\n| whare a == 1", 2, 3, "where"),
        ("print a = 'x", 1, 11, "strings end on their line"),
        ("print a = datetime(yesterday)", 1, 11, "2024-05-31"),
        ("print a = 1 print b = 2", 1, 13, ""),
    ],
)
def test_an_error_has_its_place_and_says_what_was_meant(kql: str, line: int, column: int, hint: str) -> None:
    error = failure(kql)
    assert error.place is not None
    assert (error.place.line, error.place.column) == (line, column)
    assert hint in (error.hint or "")


def test_the_errors_of_all_blocks_are_told_at_once_with_lines_of_the_whole_text() -> None:
    error = failure("print a = b\n\nprint c = 1\n\n// a comment\nprint d = e")
    assert [problem.place.line for problem in error.problems if problem.place] == [1, 6]


def test_a_column_that_is_written_for_another_is_read_as_that_with_a_warning() -> None:
    (answer,) = herdsight.query_all("datatable(InitiatingProcessAccountName: string) ['eve'] | count")
    assert answer.warnings == ()
    explained = "DeviceNetworkEvents | summarize count() by AccountName"
    from herdsight.querying import compiled

    (ready,) = compiled(explained)
    (warning,) = ready.query.warnings
    assert "query:1:44" in warning
    assert "`InitiatingProcessAccountName`" in warning
    assert [field.name for field in ready.query.relation.fields] == ["AccountName", "count_"]


@pytest.mark.parametrize(
    ("kql", "named"),
    [
        ("print a = 1 | fork (count) (take 1)", "fork"),
        ("print a = 1 | facet by a", "facet"),
        ("range a from 1 to 3 step 1 | scan with (step s optional: true;)", "optional step"),
        ("print a = 'x' | reduce by a", "reduce"),
        ("print a = 1 | evaluate autocluster()", "autocluster"),
        ("print a = 1 | evaluate http_request('https://a.example')", "http_request"),
        ("print geo_point_in_circle(0.0, 0.0, 1.0, 1.0, 10)", "geo_point_in_circle"),
        ("print a = 1, b = '1' | where a == b", "comparing"),
    ],
)
def test_what_is_not_supported_is_named_and_ends_with_status_3(kql: str, named: str) -> None:
    error = failure(kql)
    assert isinstance(error, UnsupportedError)
    assert error.exit_status == 3
    assert named in error.what
    assert error.hint  # the reason


@pytest.mark.parametrize("count", [10, 2_000])
def test_a_chain_of_hundreds_of_conditions_is_no_trouble(count: int) -> None:
    chain = " or ".join(f"n == {number}" for number in range(count))
    assert herdsight.query(f"range n from 1 to 9 step 1 | where {chain}").num_rows == 9


def test_a_pipeline_of_hundreds_of_steps_is_no_trouble() -> None:
    steps = "| extend n = n + 1 " * 200
    assert herdsight.query(f"print n = 0 {steps}").to_pylist() == [{"n": 200}]


def test_a_list_of_thousands_is_no_trouble() -> None:
    values = ", ".join(map(str, range(20_000)))
    assert herdsight.query(f"range n from 19999 to 20001 step 1 | where n in ({values})").num_rows == 1


@pytest.mark.parametrize("kql", ["print " + "(" * 5_000 + "1" + ")" * 5_000, "print " + "-" * 5_000 + "1"])
def test_what_nests_too_deep_is_an_error_and_no_crash(kql: str) -> None:
    assert "deeper" in failure(kql).what


@pytest.mark.parametrize(
    ("kql", "what"),
    [
        ("print 99999999999999999999", "64 bits"),
        ('print "\\ud800"', "half a character"),
        ("print `", "begins nothing"),
        ("", "no query"),
        ("// only a comment", "no query"),
        ("let a = 1;", "queries nothing"),
        (";", "expected"),
    ],
)
def test_odd_texts_are_errors(kql: str, what: str) -> None:
    assert what in failure(kql).what


@pytest.mark.parametrize(
    "kql",
    [
        "print datetime(9999-12-31) + 5d",
        "print datetime(0001-01-01) - 5d",
        "print 9223372036854775807 + 1",
        "print toint('12a')",
        "print 1 / 0",
    ],
)
def test_what_has_no_value_is_null(kql: str) -> None:
    assert list(herdsight.query(kql).to_pylist()[0].values()) == [None]


# --- blocks ---------------------------------------------------------------------------------------------------------


def lines(content: str) -> list[tuple[int, str]]:
    return [(block.first_line, block.content) for block in blocks(Text(content))]


def test_blank_lines_part_queries() -> None:
    assert lines("T | count\n\n\nU | count\n") == [(1, "T | count"), (4, "U | count")]


@pytest.mark.parametrize(
    "content",
    [
        "let a = 5;\n\nT | where b == a",
        "T\n\n| count",
        "T\n| where a in (1,\n\n2)",
        "T // what follows is no blank line\n// nor this\n| count",
        "T |\n\ncount",
        'print "a\\n\\nb"',
    ],
)
def test_a_blank_line_inside_a_query_does_not_end_it(content: str) -> None:
    assert len(lines(content)) == 1


@pytest.mark.parametrize(
    "first", ["print (1", "print f(1, [2", "print 'a", "T | where a in (1,\n2", "print ```x", "let f = () {"]
)
def test_a_block_that_is_broken_leaves_the_next_ones_whole(first: str) -> None:
    assert lines(f"{first}\n\nlet a = 5;\n\nU | where (b) == a\n\nV")[1:] == lines(
        "\n" * (first.count("\n") + 2) + "let a = 5;\n\nU | where (b) == a\n\nV"
    )


def test_a_text_of_brackets_that_are_never_closed_is_parted_in_no_time() -> None:
    assert len(lines("print (\n\n" * 1_000)) == 1_000
    begun = perf_counter()
    with pytest.raises(QueryError, match="more than 1,000 queries"):
        lines("print (\n\n" * 50_000)
    assert perf_counter() - begun < 2


@pytest.mark.parametrize(
    "content", ["T |", "T | where a in (", "let a = 5;", "T | where a ==", "T | summarize count() by"]
)
def test_a_query_is_open_where_something_must_follow(content: str) -> None:
    assert is_open(Text(content))


@pytest.mark.parametrize("content", ["", "T", "T | count", "print (1)", "// (", "print '('"])
def test_a_query_is_not_open_where_nothing_must_follow(content: str) -> None:
    assert not is_open(Text(content))


def test_comments_alone_are_no_query() -> None:
    assert lines("T\n\n// U\n// | count\n\nV") == [(1, "T"), (6, "V")]


def test_a_place_in_a_later_block_is_a_place_in_the_text() -> None:
    (_, second) = blocks(Text("T\n\n  U | where", "rules.kql"))
    with pytest.raises(QueryError) as caught:
        parse(second)
    assert str(caught.value.place) == "rules.kql:3:12"


# --- query parameters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("long", "5", 5),
        ("long", "-5", -5),
        ("long", 5, 5),
        ("long", "long(5)", 5),
        ("int", "5", 5),
        ("real", "1.5", 1.5),
        ("real", 2, 2.0),
        ("bool", "true", True),
        ("bool", False, False),
        ("string", "", ""),
        ("string", "5", "5"),
        ("string", "'; drop", "'; drop"),
        ("datetime", "2026-05-31", datetime(2026, 5, 31)),  # noqa: DTZ001 as the language has it
        ("datetime", datetime(2026, 5, 31, 2, tzinfo=UTC), datetime(2026, 5, 31, 2)),  # noqa: DTZ001
        ("timespan", "90m", timedelta(minutes=90)),
        ("timespan", timedelta(days=-1, hours=2), timedelta(days=-1, hours=2)),
        ("dynamic", '["a"]', '["a"]'),
        ("dynamic", {"a": [1, None]}, '{"a":[1,null]}'),
        ("guid", UUID(int=7), str(UUID(int=7))),
        ("decimal", Decimal("2.5"), Decimal("2.5")),
        ("long", "null", None),
    ],
)
def test_a_parameter_is_read_as_what_the_query_declares(kind: str, given: object, value: object) -> None:
    found = herdsight.query(f"declare query_parameters(p: {kind}); print v = p", parameters={"p": given})
    assert found.to_pylist() == [{"v": value}]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        *(("long", text) for text in ("", "x", "5.5", "5) | print (1", "5; print 6")),
        *(("real", "x"), ("bool", "maybe"), ("datetime", "now()"), ("timespan", "soon"), ("int", "5000000000")),
        *(("dynamic", "x"), ("guid", "abc"), ("decimal", "x")),
    ],
)
def test_a_parameter_that_is_none_of_its_type_is_refused(kind: str, given: str) -> None:
    with pytest.raises(QueryError, match="the query parameter `p` is a") as caught:
        herdsight.query(f"declare query_parameters(p: {kind}); print p", parameters={"p": given})
    assert caught.value.hint


def test_a_parameter_that_no_query_declares_is_refused_and_one_of_several_queries_may_declare_it() -> None:
    with pytest.raises(InputError, match="no query here declares the parameter `q`"):
        herdsight.query("declare query_parameters(p: long = 1); print p", parameters={"q": 1})
    found = herdsight.query_all("print 1\n\ndeclare query_parameters(p: long); print p", parameters={"p": 2})
    assert [answer.table.to_pylist() for answer in found] == [[{"print_0": 1}], [{"print_0": 2}]]


def test_a_parameter_of_a_type_that_no_literal_has_is_refused() -> None:
    with pytest.raises(TypeError, match="the parameter 'p' cannot be a bytes"):
        herdsight.query("print 1", parameters={"p": b""})


# --- KQL that is written by us --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["", "a", '"', "\\", '") or true or ("', "\n\r\t\0", "\u202e\x1b[31m", "naïve ☃ 😀", "'", "//", "```"]
)
def test_a_string_written_as_a_literal_reads_back_as_itself(value: str) -> None:
    assert herdsight.query(f"print text = {literal_text(value)}").to_pylist() == [{"text": value}]


def test_a_condition_takes_one_value_several_and_null() -> None:
    assert condition_text("a", ["x"]) == 'a == "x"'
    assert condition_text("a", [1, 2]) == "a in (1, 2)"
    assert condition_text("a", [None]) == "isnull(a)"
    assert condition_text("a", [1, None]) == "(isnull(a) or a == 1)"
