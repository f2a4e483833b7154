"""Regular expressions: matches, what they capture, and what is put in their place."""

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions import re2
from herdsight.kql.functions.conversions import as_text
from herdsight.kql.functions.model import ANY, DYNAMIC, LONG, STRING, Operand, Scalar
from herdsight.kql.functions.strings import given, never_missing, plain_count, text_call
from herdsight.kql.syntax import Value
from herdsight.tables import ColumnType

_MOST_NUMBERED = 9  # the engines take the group by its number up to here


def _checked(pattern: int, result: ColumnType, lower: Callable[..., exp.Expr]) -> Callable[..., exp.Expr]:
    """A meaning whose argument number `pattern` is one: what RE2 refuses gives null, and "" for a string."""

    def checked(*operands: Operand) -> exp.Expr:
        asked = operands[pattern]
        if asked.is_constant and re2.fault(str(asked.value)):
            return trees.null(result)
        tree = lower(*operands[:pattern], _spelt(asked), *operands[pattern + 1 :])
        return never_missing(tree) if result is ColumnType.STRING and not asked.is_constant else tree

    return checked


def _spelt(pattern: Operand) -> Operand:
    if pattern.is_constant:
        return replace(pattern, sql=trees.text(re2.spelt(str(pattern.value))))
    return replace(pattern, sql=trees.call("kql_pattern", pattern.sql))


def _matches(text: Operand, pattern: Operand) -> exp.Expr:
    return exp.RegexpLike(this=text.sql, expression=pattern.sql)


def _extract(pattern: Operand, group: Operand, text: Operand) -> exp.Expr:
    number = group.value
    if not isinstance(number, int) or number < 0 or (pattern.is_constant and number > _groups(pattern)):
        return never_missing(trees.call("kql_extract_of", text.sql, pattern.sql, group.sql))
    if number <= _MOST_NUMBERED:
        return trees.call("kql_extract", text.sql, pattern.sql, group.sql)
    return trees.call("kql_extract_named", text.sql, pattern.sql, _names(number), trees.text(str(number)))


def _groups(pattern: Operand) -> int:
    return len(re2.groups(str(pattern.value)))


def _names(count: int) -> exp.Expr:
    """Names for the groups, by which any number of them can be taken."""
    return exp.Array(expressions=[trees.text(str(number + 1)) for number in range(count)])


def _extract_all(pattern: Operand, *groups_and_text: Operand) -> exp.Expr:
    *groups, text = groups_and_text
    if not pattern.is_constant:  # how many groups there are is not known: the first
        return trees.call("kql_extract_all_of", text.sql, pattern.sql)
    wanted = _wanted(pattern, groups[0].value if groups else None)
    if not wanted:
        return trees.null(ColumnType.DYNAMIC)
    if len(wanted) == 1:
        return trees.call("kql_extract_all", text.sql, pattern.sql, trees.number(wanted[0]))
    paths = exp.Array(expressions=[trees.text(f"/{number}") for number in wanted])
    return trees.call("kql_extract_rows", text.sql, pattern.sql, _names(_groups(pattern)), paths)


def _wanted(pattern: Operand, chosen: object) -> list[int]:
    """The numbers of the groups to take; none where a group is chosen that the pattern has not."""
    names = re2.groups(str(pattern.value))
    if not isinstance(chosen, list):
        return list(range(1, len(names) + 1))
    known = {name: number for number, name in enumerate(names, 1) if name}
    known |= {str(number): number for number in range(1, len(names) + 1)}
    return [known[str(each)] for each in chosen] if all(str(each) in known for each in chosen) else []


def _count(text: Operand, part: Operand, kind: Operand | None = None) -> exp.Expr:
    match kind.value if kind else "normal":
        case "normal":
            return plain_count(text, part)
        case "regex":
            return _count_matches(text, part)
        case _:
            return trees.null(ColumnType.LONG)


def _index(
    text: Operand,
    pattern: Operand,
    start: Operand | None = None,
    length: Operand | None = None,
    occurrence: Operand | None = None,
) -> exp.Expr:
    window = as_text(text), pattern.sql, given(start, 0), given(length, -1)
    if occurrence is None:
        return trees.call("kql_indexof_regex", *window)
    return trees.call("kql_indexof_regex_nth", *window, occurrence.sql)


def _replace(text: Operand, pattern: Operand, rewrite: Operand) -> exp.Expr:
    operands = text.sql, pattern.sql, rewrite.sql
    if not (pattern.is_constant and rewrite.is_constant):
        return never_missing(trees.call("kql_replace_regex_of", *operands))
    if re2.fault(str(pattern.value), str(rewrite.value)):
        return trees.text("")
    return trees.call("kql_replace_regex", *operands)


def _trim(name: str) -> Callable[[Operand, Operand], exp.Expr]:
    return lambda pattern, text: trees.call(name, pattern.sql, text.sql)


_B, _S, _L, _D = ColumnType.BOOL, ColumnType.STRING, ColumnType.LONG, ColumnType.DYNAMIC
_TWO, _THREE = (STRING, STRING), (STRING, STRING, STRING)
_count_matches = _checked(1, _L, lambda text, part: trees.call("kql_countof_regex", text.sql, part.sql))
_all_matches = _checked(0, _D, _extract_all)


def _kind(_text: Value, _part: Value, kind: Value = None) -> str | None:
    return None if kind in (None, "normal", "regex") else "what is counted is 'normal' or a 'regex'"


def _pattern(position: int, rewrite: int | None = None) -> Callable[..., str | None]:
    """A check of the argument that is a pattern, and of the one that rewrites what it finds."""

    def fault(*values: Value) -> str | None:
        pattern, put = values[position], values[rewrite] if rewrite is not None else None
        said = re2.fault(pattern, put if isinstance(put, str) else None) if isinstance(pattern, str) else None
        return f"RE2 takes no such pattern: {said}" if said else None

    return fault


ROWS = (
    Scalar("matches regex", _TWO, _B, _checked(1, _B, _matches), "matches-regex-operator", check=_pattern(1)),
    Scalar("countof", _THREE, _L, _count, "countof-function", optional=1, check=_kind),
    Scalar("extract", (STRING, LONG, STRING), _S, _checked(0, _S, _extract), "extract-function", check=_pattern(0)),
    *(
        Scalar(name, parameters, _D, _all_matches, "extract-all-function", check=_pattern(0))
        for name in ("extract_all", "extractall")
        for parameters in (_TWO, (STRING, DYNAMIC, STRING))
    ),
    Scalar(
        "indexof_regex",
        (ANY, STRING, LONG, LONG, LONG),
        _L,
        _checked(1, _L, _index),
        "indexof-regex-function",
        optional=3,
        check=_pattern(1),
    ),
    Scalar("replace_regex", _THREE, _S, _checked(1, _S, _replace), "replace-regex-function", check=_pattern(1, 2)),
    Scalar(
        "replace",
        _THREE,
        _S,
        _checked(0, _S, lambda p, r, s: _replace(s, p, r)),
        "replace-regex-function",
        check=_pattern(0, 1),
    ),
    Scalar("regex_quote", (ANY,), _S, text_call("kql_regex_quote"), "regex-quote-function"),
    Scalar("trim", _TWO, _S, _checked(0, _S, _trim("kql_trim")), "trim-function", check=_pattern(0)),
    Scalar("trim_start", _TWO, _S, _checked(0, _S, _trim("kql_trim_start")), "trim-start-function", check=_pattern(0)),
    Scalar("trim_end", _TWO, _S, _checked(0, _S, _trim("kql_trim_end")), "trim-end-function", check=_pattern(0)),
)
