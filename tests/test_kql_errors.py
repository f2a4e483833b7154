"""What the language says of a text that is wrong, too much, or hostile."""

import pytest

import herdsight
from herdsight.errors import QueryError, UnsupportedError
from herdsight.kql.lexer import Text
from herdsight.kql.statements import blocks, parse
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
        ("find in (DeviceNetworkEvents) where RemotePort == 1", "find"),
        ("print a = 'x' | reduce by a", "reduce"),
        ("print a = 1 | evaluate autocluster()", "autocluster"),
        ("print geo_point_in_circle(0.0, 0.0, 1.0, 1.0, 10)", "geo_point_in_circle"),
        ("print a = 1, b = '1' | where a == b", "comparing"),
    ],
)
def test_what_is_not_supported_is_named_and_ends_with_status_3(kql: str, named: str) -> None:
    error = failure(kql)
    assert isinstance(error, UnsupportedError)
    assert error.exit_status == 3
    assert named in error.what


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


def test_comments_alone_are_no_query() -> None:
    assert lines("T\n\n// U\n// | count\n\nV") == [(1, "T"), (6, "V")]


def test_a_place_in_a_later_block_is_a_place_in_the_text() -> None:
    (_, second) = blocks(Text("T\n\n  U | where", "rules.kql"))
    with pytest.raises(QueryError) as caught:
        parse(second)
    assert str(caught.value.place) == "rules.kql:3:12"


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
