"""Strings: whole terms, substrings, patterns, and what is made of them."""

import re
from collections.abc import Callable

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.conversions import as_text
from herdsight.kql.functions.model import LONG, SCALAR, STRING, Naming, Operand, Scalar
from herdsight.tables import ColumnType

# A term is a run of letters and digits; everything else delimits, the underscore too, so that a regex \b is not it
# (page "datatypes-string-operators", "What is a term?").
_EDGE = r"[^\p{L}\p{N}]"
_MARK = re.compile(r"[!-/:-@\[-`{-~]")  # what a pattern must have escaped; of other characters an escape is an error


def _term_pattern(needles: list[str], *, opening: bool = True, closing: bool = True, case: bool = False) -> str:
    """A pattern that finds any of the needles as whole terms (`opening`/`closing`: which ends must be a term's end)."""
    by_edges: dict[tuple[bool, bool], list[str]] = {}
    for needle in needles:
        edges = opening and needle[:1].isalnum(), closing and needle[-1:].isalnum()
        by_edges.setdefault(edges, []).append(_MARK.sub(r"\\\g<0>", needle))
    # One alternation for all needles with the same edges: each pair of edges costs a pattern several milliseconds.
    return ("" if case else "(?i)") + "|".join(_delimited(words, *edges) for edges, words in by_edges.items())


def _delimited(words: list[str], opening: bool, closing: bool) -> str:
    before = f"(?:^|{_EDGE})" if opening else ""
    after = f"(?:$|{_EDGE})" if closing else ""
    return f"{before}(?:{'|'.join(words)}){after}"


def _matches(haystack: Operand, pattern: exp.Expr) -> exp.Expr:
    return exp.RegexpLike(this=haystack.sql, expression=pattern)


def _has(*, opening: bool = True, closing: bool = True, case: bool = False) -> Callable[..., exp.Expr]:
    def lower(haystack: Operand, *needles: Operand) -> exp.Expr:
        if all(needle.is_constant for needle in needles):
            if not needles:
                return exp.false()
            wanted = [str(needle.value) for needle in needles]
            return _matches(haystack, trees.text(_term_pattern(wanted, opening=opening, closing=closing, case=case)))
        flags = [trees.text(name if on else "") for name, on in (("<", opening), (">", closing), ("=", case))]
        return exp.or_(*(trees.call("kql_has", haystack.sql.copy(), needle.sql, *flags) for needle in needles))

    return lower


def _has_all(haystack: Operand, *needles: Operand) -> exp.Expr:
    return trees.conjunction(_has()(Operand(haystack.sql.copy(), haystack.type), needle) for needle in needles)


def _sides(*, case: bool, node: Callable[[exp.Expr, exp.Expr], exp.Expr]) -> Callable[..., exp.Expr]:
    def lower(haystack: Operand, needle: Operand) -> exp.Expr:
        if case:
            return node(haystack.sql, needle.sql)
        return node(exp.Lower(this=haystack.sql), exp.Lower(this=needle.sql))

    return lower


def _contains(haystack: exp.Expr, needle: exp.Expr) -> exp.Expr:
    return exp.Contains(this=haystack, expression=needle)


def _starts(haystack: exp.Expr, needle: exp.Expr) -> exp.Expr:
    return exp.StartsWith(this=haystack, expression=needle)


def _ends(haystack: exp.Expr, needle: exp.Expr) -> exp.Expr:
    return exp.EndsWith(this=haystack, expression=needle)


def _negated(lower: Callable[..., exp.Expr]) -> Callable[..., exp.Expr]:
    return lambda *operands: exp.Not(this=lower(*operands))


# name -> meaning where case matters not, meaning where it does
_SEARCHES = {
    "has": (_has(), _has(case=True)),
    "hasprefix": (_has(closing=False), _has(closing=False, case=True)),
    "hassuffix": (_has(opening=False), _has(opening=False, case=True)),
    "contains": (_sides(case=False, node=_contains), _sides(case=True, node=_contains)),
    "startswith": (_sides(case=False, node=_starts), _sides(case=True, node=_starts)),
    "endswith": (_sides(case=False, node=_ends), _sides(case=True, node=_ends)),
}


def _search_rows(name: str) -> tuple[Scalar, ...]:
    any_case, same_case = _SEARCHES[name]
    page = f"{name}-operator"
    two = (STRING, STRING)
    return (
        Scalar(name, two, ColumnType.BOOL, any_case, page),
        Scalar(f"{name}_cs", two, ColumnType.BOOL, same_case, page),
        Scalar(f"!{name}", two, ColumnType.BOOL, _negated(any_case), page),
        Scalar(f"!{name}_cs", two, ColumnType.BOOL, _negated(same_case), page),
    )


def _concatenated(*parts: Operand) -> exp.Expr:
    return exp.Concat(expressions=[as_text(part) for part in parts], safe=False, coalesce=False)


def _substring(value: Operand, start: Operand, length: Operand | None = None) -> exp.Expr:
    """Counted from 0; a negative start counts from the end."""
    return trees.call("kql_substring", value.sql, start.sql, length.sql if length else exp.Null())


ROWS = (
    *(row for name in _SEARCHES for row in _search_rows(name)),
    Scalar("has_any", (STRING, STRING), ColumnType.BOOL, _has(), "has-any-operator", optional=1, variadic=True),
    Scalar("has_all", (STRING, STRING), ColumnType.BOOL, _has_all, "has-all-operator", optional=1, variadic=True),
    Scalar(
        "matches regex", (STRING, STRING), ColumnType.BOOL, lambda s, p: _matches(s, p.sql), "matches-regex-operator"
    ),
    Scalar("strlen", (STRING,), ColumnType.LONG, lambda s: exp.Length(this=s.sql), "strlen-function", Naming.PREFIXED),
    Scalar("tolower", (STRING,), ColumnType.STRING, lambda s: exp.Lower(this=s.sql), "tolower-function"),
    Scalar("toupper", (STRING,), ColumnType.STRING, lambda s: exp.Upper(this=s.sql), "toupper-function"),
    Scalar("strcat", (SCALAR,), ColumnType.STRING, _concatenated, "strcat-function", variadic=True),
    Scalar("substring", (STRING, LONG, LONG), ColumnType.STRING, _substring, "substring-function", optional=1),
)
