"""Whole terms: has, has_any, has_all and their kin.

A term is a run of letters and digits; everything else delimits, the underscore too, so that a regular expression's
word is not it (page "datatypes-string-operators", "What is a term?").
"""

import re
from collections.abc import Callable, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.conversions import as_text
from herdsight.kql.functions.model import ANY, DYNAMIC, STRING, Operand, Scalar
from herdsight.tables import ColumnType

_EDGE = r"[^\p{L}\p{N}]"
_MARK = re.compile(r"[!-/:-@\[-`{-~]")  # what a pattern must have escaped; of other characters an escape is an error
_PLAIN = frozenset({ColumnType.STRING, ColumnType.INT, ColumnType.LONG})  # Python prints them as KQL does


class _Kind:
    """Which ends of a needle must be a term's end, and whether the case matters."""

    def __init__(self, *, opening: bool = True, closing: bool = True, case: bool = False) -> None:
        self.opening = opening
        self.closing = closing
        self.case = case

    def pattern(self, needles: Sequence[str]) -> str:
        """A pattern that finds any of the needles."""
        by_edges: dict[tuple[bool, bool], list[str]] = {}
        for needle in needles:
            edges = self.opening and needle[:1].isalnum(), self.closing and needle[-1:].isalnum()
            by_edges.setdefault(edges, []).append(_MARK.sub(r"\\\g<0>", needle))
        # One alternation for all needles with the same edges: each pair of edges costs a pattern several milliseconds.
        found = "|".join(_delimited(words, *edges) for edges, words in by_edges.items())
        return found if self.case else f"(?i){found}"

    def flags(self) -> tuple[exp.Expr, ...]:
        """The same for the prelude's functions."""
        named = (("<", self.opening), (">", self.closing), ("=", self.case))
        return tuple(trees.text(sign if on else "") for sign, on in named)


def _delimited(words: list[str], opening: bool, closing: bool) -> str:
    before = f"(?:^|{_EDGE})" if opening else ""
    after = f"(?:$|{_EDGE})" if closing else ""
    return f"{before}(?:{'|'.join(words)}){after}"


_HAS = _Kind()


def _constant(needle: Operand) -> str | None:
    """A needle as it is known beforehand."""
    if needle.is_constant and needle.type in _PLAIN and needle.value is not None:
        return str(needle.value)
    return None


def _known(haystack: Operand, needles: Sequence[str], kind: _Kind) -> exp.Expr:
    """Whether one of these needles is in the haystack."""
    found = exp.RegexpLike(this=haystack.sql, expression=trees.text(kind.pattern(needles)))
    if len(needles) != 1:
        return found
    # To look for one needle's characters is several times quicker, and few rows have them.
    sides: tuple[exp.Expr, exp.Expr] = (haystack.sql.copy(), trees.text(needles[0]))
    text, part = sides if kind.case else (exp.Lower(this=side) for side in sides)
    rough = exp.Contains(this=text, expression=part)
    return exp.case().when(rough, found, copy=False).else_(exp.false(), copy=False)


def _one(haystack: Operand, needle: Operand, kind: _Kind = _HAS) -> exp.Expr:
    known = _constant(needle)
    if known is not None:
        return _known(haystack, [known], kind)
    return trees.call("kql_has", haystack.sql, as_text(needle), *kind.flags())


def _test(kind: _Kind, *, negated: bool = False) -> Callable[[Operand, Operand], exp.Expr]:
    def lower(haystack: Operand, needle: Operand) -> exp.Expr:
        test = _one(haystack, needle, kind)
        return exp.Not(this=test) if negated else test

    return lower


def _again(operand: Operand) -> Operand:
    return Operand(operand.sql.copy(), operand.type, operand.value, operand.is_constant)


def _each(haystack: Operand, needle: Operand, of_array: str) -> exp.Expr:
    """The test for a needle, which may be an array of needles."""
    if needle.type is ColumnType.DYNAMIC:
        return trees.call(of_array, haystack.sql.copy(), needle.sql)
    return _one(_again(haystack), needle)


def _any(haystack: Operand, *needles: Operand) -> exp.Expr:
    known = [text for text in map(_constant, needles) if text is not None]
    tests = [_known(_again(haystack), known, _HAS)] if known else []
    tests += [_each(haystack, needle, "kql_has_any") for needle in needles if _constant(needle) is None]
    return exp.or_(*tests) if tests else exp.false()


def _all(haystack: Operand, *needles: Operand) -> exp.Expr:
    return trees.conjunction(_each(haystack, needle, "kql_has_all") for needle in needles)


def _any_index(haystack: Operand, array: Operand) -> exp.Expr:
    """Of a constant array, its elements one by one; they are known, and so are their patterns."""
    elements = array.value if array.is_constant else None
    if not isinstance(elements, list) or not elements or not all(isinstance(each, str) for each in elements):
        return trees.call("kql_has_any_index", haystack.sql, array.sql)
    tree = exp.Case()
    for position, element in enumerate(elements):
        tree = tree.when(_known(_again(haystack), [str(element)], _HAS), trees.number(position), copy=False)
    return tree.else_(trees.number(-1), copy=False)


_KINDS = {
    "has": {},
    "hasprefix": {"closing": False},
    "hassuffix": {"opening": False},
}


def _rows(name: str) -> tuple[Scalar, ...]:
    any_case, same_case = _Kind(**_KINDS[name]), _Kind(**_KINDS[name], case=True)
    two, page = (STRING, STRING), f"{name}-operator"
    return (
        Scalar(name, two, ColumnType.BOOL, _test(any_case), page),
        Scalar(f"{name}_cs", two, ColumnType.BOOL, _test(same_case), page),
        Scalar(f"!{name}", two, ColumnType.BOOL, _test(any_case, negated=True), page),
        Scalar(f"!{name}_cs", two, ColumnType.BOOL, _test(same_case, negated=True), page),
    )


# The names with a space are what the binder takes where an array stands on the right that is no constant.
ROWS = (
    *(row for name in _KINDS for row in _rows(name)),
    Scalar("has_any", (STRING, ANY), ColumnType.BOOL, _any, "has-any-operator", optional=1, variadic=True),
    Scalar("has_all", (STRING, ANY), ColumnType.BOOL, _all, "has-all-operator", optional=1, variadic=True),
    Scalar("has_any array", (STRING, DYNAMIC), ColumnType.BOOL, _any, "has-any-operator"),
    Scalar("has_all array", (STRING, DYNAMIC), ColumnType.BOOL, _all, "has-all-operator"),
    Scalar("has_any_index", (STRING, DYNAMIC), ColumnType.LONG, _any_index, "has-any-index-function"),
)
